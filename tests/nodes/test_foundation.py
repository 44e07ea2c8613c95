"""What all nodes stand on: packing, pictures, schemas from options, the host's model manager."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.systems.liveportrait.toy_files import write_toy_files as liveportrait_files
from tests.systems.sadtalker.toy_files import write_toy_files as sadtalker_files

from .conftest import Host
from .pack import node_classes, pack_module

bridge = pack_module("nodes.bridge")
host_models = pack_module("nodes.host_models")
packing = pack_module("nodes.packing")
portraits = pack_module("nodes.portraits")
schema = pack_module("nodes.schema")
errors = pack_module("sadtalker_core.errors")
options = pack_module("sadtalker_core.options")
structures = pack_module("sadtalker_core.structures")


def test_pictures_go_both_ways_unchanged() -> None:
    levels = torch.arange(256, dtype=torch.uint8).repeat(3, 2, 1)
    image = bridge.image_of(levels)
    assert image.shape == (1, 2, 256, 3)
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert torch.equal(bridge.picture_of(image), levels)
    assert torch.equal(bridge.image_of(levels.float() / 255), image)


def test_transparent_parts_are_white_and_grey_has_three_channels() -> None:
    seen = bridge.picture_of(torch.tensor([[[[0.2, 0.4, 0.6, 0.0], [0.2, 0.4, 0.6, 1.0]]]]))
    assert seen[:, 0, 0].tolist() == [255, 255, 255]
    assert seen[:, 0, 1].tolist() == [51, 102, 153]
    assert bridge.picture_of(torch.full((1, 2, 2, 1), 0.5)).shape == (3, 2, 2)


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (1, 4, 4, 2), (4, 4, 3)])
def test_what_is_no_picture_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(errors.OptionError, match=str(shape[-1])):
        bridge.pictures_of(torch.zeros(shape))


def test_frames_that_cannot_fit_are_refused_before_the_first(monkeypatch: Any) -> None:
    import comfy.model_management as management

    monkeypatch.setattr(management, "get_free_memory", lambda *_, **__: 1e9)
    with pytest.raises(errors.OptionError, match="Render Video"):
        bridge.check_memory(1000, 512, 512, torch.device("cpu"))
    bridge.check_memory(100, 512, 512, torch.device("cpu"))


def test_packing_shares_memory_and_comes_back() -> None:
    fraction = {"type": "Fraction", "value": "30000/1001"}
    assert packing.pack(Fraction(30000, 1001)) == fraction
    assert packing.unpack(fraction) == Fraction(30000, 1001)
    array = np.arange(6.0).reshape(2, 3)
    packed = packing.pack((array, None, [1, "a"], True))
    assert packed["values"][0]["values"].data_ptr() == array.ctypes.data
    back = packing.unpack(packed)
    assert np.shares_memory(back[0], array)
    assert back[1:] == (None, [1, "a"], True)


def test_only_records_of_the_library_are_made() -> None:
    with pytest.raises(errors.StructureError, match="cannot travel"):
        packing.pack(object())
    for name in ("os:system", "media.files:Path", "systems.lite.config:TURN_LIMIT_DEG"):
        with pytest.raises(errors.StructureError):
            packing.unpack({"type": name, "version": 1})


def test_motions_are_told_apart() -> None:
    motion = structures.LiteMotion.rest(3, Fraction(25))
    assert packing.motion_of(motion.to_dict()).open.data_ptr() == motion.open.data_ptr()
    for wrong in (None, {"type": "Faces"}, {}):
        with pytest.raises(errors.StructureError, match="motion"):
            packing.motion_of(wrong)


@dataclasses.dataclass(frozen=True)
class Sample:
    """Every kind of option."""

    whole: int = options.option(2, low=0, high=9, help="Whole.")
    maybe: int | None = options.option(None, low=0, high=9, help="Maybe.")
    number: float = options.option(0.5, low=0.0, high=2.0, unit="s", help="Number.")
    switch: bool = options.option(True, help="Switch.")
    choice: str = options.option("a", choices=("a", "b"), help="Choice.")
    text: str = options.option("", help="Text.", advanced=True)

    def __post_init__(self) -> None:
        options.check_options(self)


def test_inputs_follow_the_options(monkeypatch: Any) -> None:
    monkeypatch.setitem(Sample.__init__.__globals__, "Sample", Sample)
    made = {one.id: one.as_dict() for one in schema.option_inputs(Sample, whole=5)}
    assert list(made) == ["whole", "maybe", "number", "switch", "choice", "text"]
    assert (made["whole"]["default"], made["whole"]["min"], made["whole"]["max"]) == (5, 0, 9)
    assert (made["maybe"]["default"], made["maybe"]["min"]) == (-1, -1)
    assert made["number"]["max"] == 2.0
    assert "In s." in made["number"]["tooltip"]
    assert made["choice"]["options"] == ["a", "b"]
    assert made["text"]["advanced"] is True
    assert "advanced" not in made["whole"]
    found = schema.options_from(Sample, {"maybe": -1, "number": 1, "other": 3, "switch": False})
    assert found == Sample(number=1.0, switch=False)
    with pytest.raises(errors.OptionError, match="allowed is"):
        schema.options_from(Sample, {"number": 7.0})


def test_an_interrupt_is_the_hosts_own(host: Host) -> None:
    import comfy.model_management as management

    def stopped_work() -> None:
        with bridge.at_work() as runtime:
            management.interrupt_current_processing()
            runtime.check_cancelled()

    pytest.raises(management.InterruptProcessingException, stopped_work)
    assert not management.processing_interrupted()  # the next run is not stopped


def test_progress_and_previews_reach_the_host(host: Host, monkeypatch: Any) -> None:
    import comfy.utils

    seen: list[tuple[int, int, Any]] = []

    def hook(value: int, total: int, preview: Any, node_id: Any = None) -> None:
        seen.append((value, total, preview))

    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", hook)
    stream = structures.FrameStream(
        iter([torch.zeros((2, 3, 8, 8), dtype=torch.uint8), torch.ones((1, 3, 8, 8))]),
        3,
        (8, 8),
        Fraction(25),
    )
    with bridge.at_work() as runtime:
        frames = bridge.collect(stream, runtime)
    assert frames[:, 0, 0, 0].tolist() == [0.0, 0.0, 1.0]
    assert [(value, total) for value, total, _ in seen] == [(0, 3), (2, 3), (3, 3)]
    short = structures.FrameStream(iter([torch.zeros(1, 3, 8, 8)]), 2, (8, 8), Fraction(25))
    with pytest.raises(errors.StructureError, match="1 were rendered"), bridge.at_work() as runtime:
        bridge.collect(short, runtime)  # the second frame would be whatever the memory held
    assert seen[1][2][0] == "JPEG"
    assert seen[1][2][1].size == (8, 8)


ENGINES = [("liveportrait", liveportrait_files), ("sadtalker", sadtalker_files)]


@pytest.mark.parametrize(("engine", "write"), ENGINES)
def test_every_number_of_a_model_moves_with_it(host: Host, engine: str, write: Any) -> None:
    """Networks that the host takes out of the card's memory leave nothing behind in it."""
    _write(write, host.models / "talking_portraits")
    model = host_models.load_model(engine)
    assert len(model.files) > 2
    model._patcher.model.to("meta")
    left = [path for path, found in _tensors(model.networks, engine) if found.device.type != "meta"]
    assert left == []


def _write(write: Any, folder: Path) -> None:
    folder.mkdir(parents=True)
    write(folder)


def _tensors(value: Any, path: str, seen: set[int] | None = None) -> Any:
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _tensors(inner, f"{path}.{name}", seen)
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _tensors(inner, f"{path}.{index}", seen)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from _tensors(vars(value), path, seen)


def test_an_interrupt_while_a_model_loads_is_no_error(host: Host) -> None:
    import comfy.model_management as management

    _write(liveportrait_files, host.models / "talking_portraits")
    management.interrupt_current_processing()
    with pytest.raises(management.InterruptProcessingException):
        host_models.load_model("liveportrait")


def test_no_widget_rounds_its_own_default_away() -> None:
    """A number box keeps multiples of its step alone."""
    odd: list[tuple[str, str, float, float]] = []
    seen = 0
    for name, node in node_classes().items():
        for one in node.GET_SCHEMA().inputs or []:
            facts = one.as_dict()
            value, step = facts.get("default"), facts.get("step")
            if isinstance(value, float) and step:
                seen += 1
                if abs(value / step - round(value / step)) > 1e-6:
                    odd.append((name, one.id, value, step))
    assert seen > 100
    assert odd == []

"""From PORTRAIT and MOTION to IMAGE nothing leaves the device, as ComfyUI's --gpu-only asks.

Without a graphics card: tensors that would lie on it are marked, as is all that is made of them,
and whoever asks for their values on the host is written down. With one: copies are counted.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from .conftest import Host
from .pack import pack_module
from .scenes import OWN_MOTION, portrait, run, small_head, toy_model

# Each of these makes the host wait for the device and fetch values.
READS = {
    *("cpu", "numpy", "item", "tolist", "__array__", "__bool__", "__float__", "__int__"),
    *("__index__", "__contains__", "__iter__", "__format__", "__repr__", "nonzero", "equal"),
    *("argwhere", "masked_select", "unique", "allclose", "isclose_all"),
}
HARMLESS = {"__iter__", "__repr__", "__format__"}  # rows of a tensor; texts of errors


class HostReads(TorchFunctionMode):
    """Writes down where values of marked tensors, or of what is made of them, are asked for.

    Attributes:
        found: function and place in the library, each as often as it happened.
    """

    def __init__(self, marked: list[torch.Tensor]) -> None:
        super().__init__()
        self.found: list[str] = []
        self._marked: dict[int, Any] = {}  # the storages are held: addresses are not used again
        for tensor in marked:
            self._mark(tensor)

    def _mark(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        self._marked.setdefault(storage.data_ptr(), storage)

    def _is_marked(self, tensor: torch.Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self._marked

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunction():
            given = list(tensors_in((args, kwargs)))
            is_marked = any(self._is_marked(tensor) for tensor in given)
            if is_marked and _reads(getattr(func, "__name__", ""), args, kwargs):
                self.found.append(f"{func.__name__} in {_place()}")
            made = func(*args, **kwargs)
            if not is_marked and _moves_in(func, args, kwargs):
                made = made.clone()  # the host's own stays unmarked
                is_marked = True
            if is_marked:
                for tensor in tensors_in(made):
                    self._mark(tensor)
                name = getattr(func, "__name__", "")
                if name == "__setitem__" or (name.endswith("_") and not name.endswith("__")):
                    self._mark(given[0])
            return made


def _reads(name: str, args: Any, kwargs: Any) -> bool:
    if name == "to":
        return any(isinstance(value, str) and value == "cpu" for value in (*args, *kwargs.values()))
    if name == "__getitem__":  # a mask is counted on the host before it is used
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(isinstance(part, torch.Tensor) and part.dtype == torch.bool for part in index)
    return name in READS - HARMLESS


def _moves_in(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether something of the host is put on the device, or made there."""
    name = getattr(func, "__name__", "")
    given = args[1:2] if name == "to" else ()
    return any(isinstance(value, torch.device) for value in (*given, kwargs.get("device")))


def _place() -> str:
    """The innermost line of the library."""
    for frame in reversed(traceback.extract_stack()):
        parts = Path(frame.filename).parts
        if "sadtalker_core" in parts or "nodes" in parts[:-1] and "tests" not in parts:
            return f"{'/'.join(parts[-3:])}:{frame.lineno} {frame.name}"
    return "?"


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """All tensors in lists, dictionaries and records."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from tensors_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from tensors_in(inner)
    elif isinstance(value, torch.nn.Module):
        yield from value.parameters()
        yield from value.buffers()


def on_the_device(model: Any, ready: Any, motion: Any) -> list[torch.Tensor]:
    """What lies on the card before a frame is rendered: all but where crops were cut, which stays
    with the host."""
    prepared = dict(ready["prepared"])
    faces = prepared.get("faces", {"values": []})["values"]
    for face in faces:
        face.pop("image_from_crop", None)
    return [*tensors_in(prepared), *tensors_in(model._patcher.model), *tensors_in(motion)]


def copied(data: Any) -> Any:
    """The same dictionaries and lists anew, with the same tensors."""
    if isinstance(data, dict):
        return {name: copied(value) for name, value in data.items()}
    return [copied(value) for value in data] if isinstance(data, list) else data


@pytest.fixture
def as_on_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways that are taken on a card, with --gpu-only."""
    import comfy.cli_args

    warps = pack_module("sadtalker_core.geometry.fixed_warp")

    def read_into(result: torch.Tensor, *given: torch.Tensor) -> torch.Tensor:
        warps.read_with_torch(result, *given)
        return result

    monkeypatch.setattr(warps, "read_into", read_into)
    monkeypatch.setattr(comfy.cli_args.args, "gpu_only", True, raising=False)


CASES = [
    ("liveportrait", {}),
    ("liveportrait", {"seam": "matched"}),
    ("liveportrait", {"pasteback": False}),
    ("sadtalker", {}),
    ("sadtalker", {"preprocess": "crop"}),
]


@pytest.mark.parametrize(("engine", "options"), CASES)
@pytest.mark.usefixtures("as_on_a_card")
def test_no_frame_is_asked_for_on_the_host(
    host: Host, engine: str, options: dict[str, Any]
) -> None:
    model = toy_model(host, engine, **options)
    ready = portrait(model, small_head(), **options)
    seen: list[list[str]] = []
    for frames in (2, 6):
        motion = OWN_MOTION[engine](frames)
        with HostReads(on_the_device(model, copied(ready), motion)) as mode:
            image, _, _ = run("Render", model=model, portrait=ready, motion=motion)
            assert mode._is_marked(image)  # the marks went all the way
        seen.append(mode.found)
    assert seen[1] == seen[0], "a transfer for each frame"
    assert len(seen[0]) <= MOST_AT_START, "\n".join(seen[0])


# Once for a clip, before its first frame: whether a motion is finite, how large two faces are.
MOST_AT_START = 8


@pytest.mark.parametrize("engine", ["liveportrait", "sadtalker"])
@pytest.mark.usefixtures("as_on_a_card")
def test_faces_alone_and_their_paste_back_stay_too(host: Host, engine: str) -> None:
    from .test_render import track

    model = toy_model(host, engine)
    ready = portrait(model, small_head())
    seen: list[list[str]] = []
    for frames in (2, 6):
        motion = OWN_MOTION[engine](frames)
        points = track(model, ready, motion=motion)
        with HostReads([*on_the_device(model, copied(ready), motion), points["driving"]]) as mode:
            faces, _ = run("RenderKeypoints", model=model, portrait=ready, keypoints=points)
            run("PasteBack", portrait=ready, faces=faces)
        seen.append(mode.found)
    assert seen == [[], []]


def test_a_read_is_seen() -> None:
    """The counter itself: through views, copies and changes in place."""
    device = torch.ones(3)
    with HostReads([device]) as mode:
        _ = float(torch.ones(1))  # the host's own
        target = torch.zeros(2, 3)
        target[0].copy_(device * 2)
        _ = target[1].tolist()
        _ = bool((target > 1).any())
        _ = target[target > 1]
        _ = device.to("cpu").sum().item()
    assert [text.partition(" ")[0] for text in mode.found] == [
        *("tolist", "__bool__", "__getitem__", "to", "item")
    ]


class Fetched(TorchDispatchMode):
    """Counts copies from a card to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        was = any(tensor.is_cuda for tensor in tensors_in((args, kwargs)))
        made = func(*args, **kwargs)
        is_host = any(not tensor.is_cuda for tensor in tensors_in(made))
        if was and (is_host or "_local_scalar_dense" in str(func)):
            self.found.append(f"{func} in {_place()}")
        return made


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("engine", "options"), CASES)
def test_nothing_leaves_a_real_card(
    host: Host, engine: str, options: dict[str, Any], monkeypatch: Any
) -> None:
    import comfy.model_management as management

    card = torch.device("cuda")
    monkeypatch.setattr(management, "intermediate_device", lambda: card)
    monkeypatch.setattr(management, "get_torch_device", lambda: card)
    model = toy_model(host, engine, **options)
    ready = portrait(model, small_head().to(card), **options)
    seen: list[list[str]] = []
    for frames in (16, 64):
        motion = OWN_MOTION[engine](frames)
        motion = {
            name: value.to(card) if isinstance(value, torch.Tensor) else value
            for name, value in motion.items()
        }
        with Fetched() as mode:
            image, _, _ = run("Render", model=model, portrait=ready, motion=motion)
        assert image.is_cuda
        seen.append(mode.found)
    assert seen[1] == seen[0]

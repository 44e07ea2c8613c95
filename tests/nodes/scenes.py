"""Toy engines, portraits and motions for tests of nodes that render."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import torch

from tests.systems.liveportrait.toy_files import write_toy_files as liveportrait_files
from tests.systems.sadtalker.toy_files import write_toy_files as sadtalker_files

from .conftest import Host
from .pack import node_classes, pack_module

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "sadtalker_core" / "data" / "demo"
FPS = Fraction(25)
structures = pack_module("sadtalker_core.structures")


def node(name: str) -> Any:
    """A node's class by its id without the prefix."""
    return node_classes()[f"TalkingPortraits{name}"]


def run(name: str, **given: Any) -> tuple[Any, ...]:
    """What a node gives for these inputs and the defaults of its widgets."""
    return call(name, **given).result


def call(name: str, **given: Any) -> Any:
    """The same with what it shows."""
    kind = node(name)
    values = {
        entry.id: entry.default
        for entry in kind.GET_SCHEMA().inputs
        if getattr(entry, "default", None) is not None
    }
    return kind.execute(**{**values, **given})


def write_toys(host: Host, engine: str) -> None:
    """Toy networks where the load nodes look for published ones."""
    folder = host.models / "talking_portraits"
    folder.mkdir(parents=True, exist_ok=True)
    (liveportrait_files if engine == "liveportrait" else sadtalker_files)(folder)


def toy_model(host: Host, engine: str, **options: Any) -> Any:
    """A loaded engine; ``lite`` is the real one."""
    models = pack_module("nodes.host_models")
    if engine == "lite":
        return models.load_model("lite")
    write_toys(host, engine)
    found = pack_module("sadtalker_core.registry").find_engine(engine)
    return models.load_model(engine, found.render_options(precision="float32", **options))


@cache
def small_head() -> torch.Tensor:
    """IMAGE (1, 192, 192, 3): the head of the demo portrait."""
    return demo_picture()[:, 10:202, 127:319].contiguous()


@cache
def demo_picture() -> torch.Tensor:
    """IMAGE (1, 512, 512, 3)."""
    read = pack_module("sadtalker_core.media.pictures").read_picture
    rgb = read(DEMO / "portrait.png").flattened()
    return (rgb.movedim(0, -1).float() / 255)[None].contiguous()


@cache
def two_people() -> torch.Tensor:
    """IMAGE (1, 512, 1024, 3): the demo portrait beside its mirror image."""
    one = demo_picture()
    return torch.cat([one, one.flip(2)], 2)


def portrait(model: Any, image: torch.Tensor, **values: Any) -> Any:
    """A PORTRAIT of the first picture."""
    return run("PreparePortrait", model=model, image=image, **values)[0][0]


def talk(frames: int = 4, fps: Fraction = FPS) -> Any:
    """Built-in motion: the mouth opens and the head turns."""
    ramp = torch.linspace(0, 1, frames)
    still = structures.LiteMotion.rest(frames, fps).to_dict()
    turn = torch.stack([0.05 * ramp, 0.15 * ramp, 0.05 * ramp], 1)
    return {**still, "open": 0.12 * ramp, "jaw": 0.08 * ramp, "rotation_rad": turn}


def implicit(frames: int = 4, size: float = 0.2) -> Any:
    """LivePortrait's motion, a change that grows."""
    push = torch.linspace(0, size, frames)[:, None, None]
    return structures.ImplicitMotion(
        push * torch.ones(frames, 21, 3),
        torch.eye(3).expand(frames, 3, 3),
        torch.zeros(frames, 3),
        torch.ones(frames, 1),
        FPS,
        is_relative=True,
    ).to_dict()


def coefficients(frames: int = 4) -> Any:
    """SadTalker's motion: expression and head."""
    generator = torch.Generator().manual_seed(3)
    ramp = torch.linspace(0, 1, frames)[:, None]
    return structures.Coeff3DMM.from_rows(
        torch.randn(1, 73, generator=generator) * 0.1 * ramp, FPS
    ).to_dict()


OWN_MOTION = {"lite": talk, "liveportrait": implicit, "sadtalker": coefficients}


def sound(seconds: float = 0.4, rate: int = 16000) -> dict[str, Any]:
    """An AUDIO of something like speech."""
    from tests.conftest import speech_like

    return {"waveform": speech_like(seconds, rate)[None, None], "sample_rate": rate}

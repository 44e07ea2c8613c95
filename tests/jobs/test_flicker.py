"""New lips flicker no more than what was filmed: cut out, steadied, pasted by each engine.

Trained networks are not at hand; what they add is not measured here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor

from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.metrics.flicker import compare_flicker
from tests.systems.videoretalking.stand_ins import stand_ins, textured

from .new_lips import by_lite, by_videoretalking, by_wav2lip, talking_clip

pytestmark = pytest.mark.jobs

_MOST = 1.1


@pytest.fixture(scope="module")
def nets() -> FaceNets:
    return load_face_nets()


@pytest.fixture(scope="module")
def talk(demo_portrait: Path, nets: FaceNets) -> Tensor:
    """(10, 3, 256, 256): somebody talks and walks to the right, so that what is cut out moves."""
    scene = read_picture(demo_portrait).flattened()[:, :256, 98:354]
    return talking_clip(scene, nets, 10)


@pytest.mark.parametrize("engine", [by_lite, by_videoretalking, by_wav2lip])
def test_a_talking_clip_stays_as_calm(
    talk: Tensor, nets: FaceNets, engine: Callable[[Tensor, FaceNets], Tensor]
) -> None:
    shown = engine(talk, nets)
    for region in ("face", "mouth"):
        assert compare_flicker([talk], [shown], nets, region).ratio <= _MOST


@pytest.mark.parametrize("enhancer", ["restore", "sharpen"])
def test_the_enhancers_crops_are_calm_while_the_head_rests(
    demo_portrait: Path, nets: FaceNets, enhancer: str
) -> None:
    """The camera's noise and the old speech shake the landmarks; crops do not follow them."""
    scene = read_picture(demo_portrait).flattened()[:, :256, 98:354]
    frames = talking_clip(scene, nets, 10, noise=1.0, walks=False)
    found: dict[str, float] = {}
    for smoothing in ("steady", "none"):
        networks = stand_ins(nets, **{enhancer: textured})
        shown = by_videoretalking(frames, networks, smoothing=smoothing)
        found[smoothing] = compare_flicker([frames], [shown], nets, "mouth").ratio
    assert found["steady"] < 0.9 * found["none"]

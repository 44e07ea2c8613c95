"""No seam around what an engine lays over a frame, and a large one when its edge is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sadtalker_core.enhance import frames as enhance_frames_module
from sadtalker_core.enhance.frames import enhance_frames
from sadtalker_core.enhance.options import EnhanceOptions
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.metrics.seam import change_seam
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.lite.relip_face import FaceMove
from sadtalker_core.systems.videoretalking import blends
from sadtalker_core.systems.videoretalking import pipeline as videoretalking
from tests.enhance.toys import enhancer, stream_of

from .new_lips import LIGHTER, by_lite, by_videoretalking, by_wav2lip, lower_and_lighter

pytestmark = pytest.mark.jobs

_MOST = 3.0  # levels; a hard edge has much of the 15 by which faces become lighter


@pytest.fixture(scope="module")
def nets() -> FaceNets:
    return load_face_nets()


@pytest.fixture(scope="module")
def walk(demo_portrait: Path) -> Tensor:
    """(6, 3, 256, 256) of somebody who walks to the right.

    Below the chin is plain skin: the portrait's collar is a hard edge that moves with the chin.
    """
    scene = read_picture(demo_portrait).flattened()[:, :256, 98:354].clone()
    scene[:, 184:] = scene[:, 182:184, 100:140].float().mean((1, 2), keepdim=True).byte()
    return torch.stack([scene.roll(k, 2) for k in range(6)])


@pytest.fixture(scope="module")
def close(walk: Tensor) -> Tensor:
    """(2, 3, 400, 400), nearer."""
    larger = F.interpolate(walk[:2].float(), (400, 400), mode="bilinear", align_corners=False)
    return larger.round().byte()


def seam(shown: Tensor, frames: Tensor) -> float:
    """Levels, mean over the frames; each of them must be another than before."""
    assert (shown != frames).flatten(1).any(1).all()
    return float(change_seam(shown, frames).mean())


def test_the_built_in_engine(walk: Tensor, nets: FaceNets, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seam(by_lite(walk, nets), walk) < _MOST
    skin = FaceMove.skin
    monkeypatch.setattr(FaceMove, "skin", lambda self, nodes: skin(self, nodes) + np.float32(1))
    assert seam(by_lite(walk, nets), walk) > 4 * _MOST  # motion that does not end softly


def as_painted(
    original: Tensor, painted: Tensor, box: Any, aligned: Any, restored: Any, scores: Any
) -> Tensor:
    return painted.float()


def with_hard_edge(of: Tensor, over: Tensor, mask: Tensor, levels: int) -> Tensor:
    return torch.where(mask > 0.5, of.float(), over.float())


def hard_reach(mask: Tensor, margin: int) -> Tensor:
    return (mask > 0.5).float()


@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [
        (videoretalking, "blend_region", as_painted),
        (blends, "blend_pyramids", with_hard_edge),
        (blends, "reach_of", hard_reach),
    ],
    ids=["box", "mask", "reach"],
)
def test_videoretalking(
    close: Tensor,
    nets: FaceNets,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    broken: Callable[..., Tensor],
) -> None:
    assert seam(by_videoretalking(close, nets, lower_and_lighter), close) < _MOST
    monkeypatch.setattr(module, name, broken)
    assert seam(by_videoretalking(close, nets, lower_and_lighter), close) > 1.5 * _MOST


def test_wav2lip(close: Tensor, nets: FaceNets) -> None:
    soft, hard = (
        seam(by_wav2lip(close, nets, lower_and_lighter, paste=paste), close)
        for paste in ("soft", "hard")
    )
    assert soft < _MOST
    assert hard > 3 * _MOST


def test_enhanced_faces(close: Tensor, nets: FaceNets, monkeypatch: pytest.MonkeyPatch) -> None:
    options = EnhanceOptions(keep_colour=False, enhance_strength=1.0)
    worker = enhancer(lambda faces: faces + 4 * LIGHTER, 128)

    def found() -> float:
        made = enhance_frames(stream_of(close), nets, worker, options, Runtime())
        return seam(torch.cat(list(made.frames)), close)

    assert found() < _MOST
    soft = enhance_frames_module.region_mask
    monkeypatch.setattr(
        enhance_frames_module, "region_mask", lambda *given: (soft(*given) > 0.5).float()
    )
    assert found() > 3 * _MOST

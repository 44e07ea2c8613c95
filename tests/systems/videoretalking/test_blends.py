"""The blend around the face: what beside the face's mask stays as filmed, and how soft it ends."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sadtalker_core.enhance.align import ffhq_points
from sadtalker_core.enhance.restore import align_face, image_from_crop
from sadtalker_core.geometry.filters import warp
from sadtalker_core.systems.videoretalking import blends
from sadtalker_core.systems.videoretalking.blends import Region, blend_region, put_back, reach_of

_SIZE = (240, 320)
_BOX = (128, 80, 192, 160)
_BESIDE = 8  # pixels: a tenth of the box's longer side
_FACE = 128  # side of the aligned face


def filmed() -> Tensor:
    small = torch.rand(1, 3, 30, 40, generator=torch.Generator().manual_seed(0)) * 255
    return F.interpolate(small, _SIZE, mode="bilinear")[0].to(torch.uint8)


def blended(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """The frame with a face that is drawn much lighter, and (H, W) where it is laid over: where
    the parser sees it, in its box without the last five rows."""
    region = Region.around(_BOX, _SIZE)
    part, box = region.of(rgb).clone(), region.inside(_BOX)
    x0, y0, x1, y1 = box
    x_start, y_start, x_end, y_end = region.box
    painted = part.clone()
    painted[:, y0:y1, x0:x1] = (part[:, y0:y1, x0:x1].float() * 0.7 + 60).to(torch.uint8)
    points = ffhq_points() * ((x1 - x0) / 300)
    points = points - points.mean(0) + torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2 + 5])
    aligned = align_face(painted, points.float(), _FACE)
    step = (torch.arange(_FACE) + 0.5) / _FACE
    face = ((step - 0.5) / 0.27) ** 2 + ((step[:, None] - 0.56) / 0.36) ** 2 <= 1
    scores = torch.zeros(1, 19, _FACE, _FACE)
    scores[:, 0], scores[:, 1] = 0.5, face.float()
    done = put_back(rgb, blend_region(part, painted, box, aligned, None, scores), region)
    _, back = image_from_crop(aligned.crop_from_image, 1)
    seen = torch.zeros(_SIZE)
    size = (y_end - y_start, x_end - x_start)
    region.of(seen).copy_(warp(face.float()[None, None], back, size)[0, 0])
    inside = torch.zeros(_SIZE, dtype=torch.bool)
    inside[_BOX[1] : _BOX[3] - 5, _BOX[0] : _BOX[2]] = True
    return done, (seen > 0) & inside


def around(mask: Tensor, pixels: int) -> Tensor:
    """(H, W): where the mask is at most ``pixels`` away along rows and columns."""
    return F.max_pool2d(mask.float()[None], 2 * pixels + 1, 1, pixels)[0] > 0


def test_beyond_the_margin_every_bit_stays_as_filmed() -> None:
    rgb = filmed()
    shown, face = blended(rgb)
    changed = (shown != rgb).any(0)
    assert int(changed[~around(face, _BESIDE)].sum()) == 0
    assert bool(changed[face & ~around(~face, 4)].float().mean() > 0.9)
    # the blend's edge does lie in the margin: it was not cut at the mask
    assert int(changed[~around(face, 3)].sum()) > 300


def test_the_seam_is_as_soft_as_the_pyramids_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = filmed()
    shown, face = blended(rgb)
    monkeypatch.setattr(blends, "reach_of", lambda mask, margin: torch.ones_like(mask))
    endless, _ = blended(rgb)
    assert int((endless != rgb).any(0)[~around(face, _BESIDE)].sum()) > 100
    assert int((shown.int() - endless.int())[:, around(face, 1)].abs().max()) <= 1

    def steepest(picture: Tensor, where: Tensor) -> float:
        added = (picture.float() - rgb.float()).mean(0)
        down, across = added.diff(dim=0)[:, 1:].abs(), added.diff(dim=1)[1:].abs()
        return float(torch.maximum(down, across)[where[1:, 1:]].max())

    # the steepest fall is where it was and no steeper; in the margin it stays below that
    everywhere = torch.ones_like(face)
    edge = steepest(endless, everywhere)
    assert steepest(shown, everywhere) <= edge
    margin = ~around(face, 2) & around(face, _BESIDE + 2)
    assert steepest(shown, margin) < min(0.8 * edge, 1.2 * steepest(endless, margin))


def test_the_reach_is_1_on_the_mask_and_0_beyond() -> None:
    mask = torch.zeros(40, 50)
    mask[15:22, 20:33] = 1
    reach = reach_of(mask, 8)
    assert bool((reach[15:22, 20:33] > 0.9999).all())
    assert bool((reach[~around(mask > 0, 8)] == 0).all())
    assert bool((reach[18, 33:41].diff() <= 0).all())
    assert float(reach[18, 33:41].diff().abs().max()) < 0.35
    assert not reach_of(torch.zeros(20, 20), 4).any()

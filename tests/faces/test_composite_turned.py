"""Turned and moving crops go back into their pictures without a seam."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.faces.composite import CompositeOptions, composite
from sadtalker_core.faces.composite_turned import composite_turned
from sadtalker_core.geometry import affine

SIZE = 96
PLAIN = CompositeOptions(bend=False, match_colour=False)


def place(x: float, y: float, side: float, angle: float) -> Tensor:
    return affine.image_from_square((x, y), side, angle, SIZE)


def cut(picture: Tensor, image_from_crop: Tensor) -> Tensor:
    """(1, 3, size, size) in [0, 1], bilinear, averaged first where the picture is much finer."""
    factor = max(1, int(float(affine.scale_of(image_from_crop))))
    small = avg_pool2d(picture[None].float() / 255, factor)
    steps = torch.arange(SIZE).double()
    points = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(-1, 2)
    places = affine.apply(image_from_crop, points).reshape(1, SIZE, SIZE, 2)
    extent = torch.tensor([small.shape[3], small.shape[2]]) * factor
    grid = (2 * (places + 0.5) / extent - 1).float()
    return grid_sample(small, grid, padding_mode="border", align_corners=False)


def psnr(a: Tensor, b: Tensor) -> float:
    return -20 * math.log10(float((a.float() - b.float()).square().mean().sqrt()) / 255 + 1e-9)


@pytest.mark.parametrize(
    ("x", "y", "side", "angle"),
    [
        (230, 150, 180, 0.0),
        (230, 150, 180, 0.4),
        (230, 150, 60, -1.2),  # finer than the picture
        (230, 150, 300, 0.2),  # far coarser
        (40, 60, 200, 0.3),  # over the border
    ],
)
def test_an_unchanged_crop_gives_the_picture(
    portrait: Tensor, x: float, y: float, side: float, angle: float
) -> None:
    there = place(x, y, side, angle)
    pasted = composite(portrait, cut(portrait, there), there)[0]
    assert psnr(pasted, portrait) > 45
    crop_from_image = affine.inverse(there)
    columns, rows = torch.meshgrid(
        torch.arange(512.0).double(), torch.arange(512.0).double(), indexing="xy"
    )
    inside = affine.apply(crop_from_image, torch.stack((columns, rows), -1).reshape(-1, 2))
    outside = ((inside < -0.6) | (inside > SIZE - 0.4)).any(1).reshape(512, 512)
    assert torch.equal(pasted[:, outside], portrait[:, outside])


def test_the_middle_shows_the_face_and_the_edge_the_picture(portrait: Tensor) -> None:
    there = place(230, 150, 180, 0.5)
    red = torch.tensor([1.0, 0.0, 0.0])[None, :, None, None].expand(1, 3, SIZE, SIZE)
    pasted = composite(portrait, red, there, PLAIN)[0]
    assert pasted[:, 150, 230].tolist() == [255, 0, 0]
    corner = affine.apply(there, torch.tensor([[0.0, 0.0]]).double())[0].round().long().tolist()
    assert torch.equal(pasted[:, corner[1], corner[0]], portrait[:, corner[1], corner[0]])


def test_upright_maps_agree_with_boxes(portrait: Tensor) -> None:
    # in a soft picture, because only maps bring fine detail back
    soft = avg_pool2d(portrait[None].float(), 9, 1, 4, False, False)[0].to(torch.uint8)
    there = place(230.5, 150.5, 192, 0.0)
    shifted = cut(soft, place(233.5, 150.5, 192, 0.0)) * 0.9
    box = (134.5 + 0.5, 54.5 + 0.5, 326.5 + 0.5, 246.5 + 0.5)
    both = composite(soft, shifted, there)[0], composite(soft, shifted, box)[0]
    assert psnr(*both) > 38
    plain = composite(soft, shifted, there, PLAIN)[0], composite(soft, shifted, box, PLAIN)[0]
    assert psnr(*plain) > 45
    # and matching does something
    assert psnr(both[0], plain[0]) < 38


def test_detail_returns_only_where_the_face_rests(portrait: Tensor) -> None:
    there = place(230, 150, 300, 0.2)
    still = cut(portrait, there)
    moved = still.roll(6, 3)
    detail = portrait.float() - avg_pool2d(portrait[None].float(), 5, 1, 2, False, False)[0]

    def part(crops: Tensor) -> float:
        shown = composite(portrait, crops, there, PLAIN)[0].float()
        fine = shown - avg_pool2d(shown[None], 5, 1, 2, False, False)[0]
        area = ..., slice(100, 200), slice(180, 280)
        return float((fine[area] * detail[area]).sum() / detail[area].square().sum())

    assert part(still) > 0.95
    assert part(moved) < 0.35


def test_the_black_beyond_the_picture_is_not_drawn_in(portrait: Tensor) -> None:
    # crops show black where there is no picture
    there = place(60, 40, 200, 0.3)
    framed = torch.zeros(3, 812, 812, dtype=torch.uint8)
    framed[:, 150:662, 150:662] = portrait
    crop = cut(framed, place(210, 190, 200, 0.3))
    pasted = composite(portrait, crop, there)[0]
    assert psnr(pasted, portrait) > 45
    assert torch.equal(pasted[:, :, 0], portrait[:, :, 0])
    assert torch.equal(pasted[:, 0], portrait[:, 0])


def test_each_frame_has_its_own_map_and_picture(portrait: Tensor) -> None:
    pictures = torch.stack((portrait, portrait.flip(2)))
    maps = torch.stack((place(230, 150, 180, 0.3), place(260, 170, 150, -0.2)))
    faces = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    both = composite_turned(pictures, faces, maps)
    for i in range(2):
        alone = composite(pictures[i], faces[i : i + 1], maps[i])
        assert torch.equal(alone[0], both[i])
    many = composite_turned(portrait, faces, maps[0])
    assert torch.equal(many[0], both[0])


def test_what_does_not_fit_is_refused(portrait: Tensor) -> None:
    face, there = torch.zeros(1, 3, SIZE, SIZE), place(100, 100, 50, 0.1)
    with pytest.raises(OptionError, match="upright"):
        composite(portrait, face, there, CompositeOptions(paste="poisson"))
    with pytest.raises(StructureError, match="floats"):
        composite(portrait, face.to(torch.uint8), there)
    with pytest.raises(StructureError, match="finite"):
        composite(portrait, face, there * float("nan"))
    with pytest.raises(StructureError, match="2 faces|1 faces"):
        composite(portrait, face, there.expand(2, 3, 3))
    away = composite(portrait, face, place(5000, 100, 50, 0.1))
    assert torch.equal(away[0], portrait)

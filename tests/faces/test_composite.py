"""Rendered faces go back to where they came from, without a seam."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.faces.border_match import bend_to_picture, colour_field
from sadtalker_core.faces.composite import CompositeOptions, box_mask, composite

HELD = (True, True, True, True)
FREE = (False, False, False, False)
PLAIN = CompositeOptions(bend=False, match_colour=False)
BOX = (100.0, 30.0, 356.0, 286.0)


def cut(picture: Tensor, box: tuple[float, ...], size: int) -> Tensor:
    """(1, 3, size, size) what the box shows, fractions of pixels and all, [0, 1]."""
    x0, y0, x1, y1 = box
    height, width = picture.shape[1:]
    parts = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    x, y = x0 + parts * (x1 - x0), y0 + parts * (y1 - y0)
    grid = torch.stack(torch.meshgrid(2 * x / width - 1, 2 * y / height - 1, indexing="xy"), -1)
    return torch.nn.functional.grid_sample(
        picture[None].double() / 255, grid[None], padding_mode="border", align_corners=False
    ).float()


def psnr(a: Tensor, b: Tensor) -> float:
    return -20 * math.log10(float((a.float() - b.float()).square().mean().sqrt()) / 255 + 1e-9)


def inside(picture: Tensor, box: tuple[float, ...]) -> Any:
    x0, y0, x1, y1 = (round(value) for value in box)
    return ..., slice(max(0, y0), max(0, y1)), slice(max(0, x0), max(0, x1))


def test_an_unchanged_crop_gives_the_picture(portrait: Tensor) -> None:
    crop = portrait[None, :, 30:286, 100:356].float() / 255
    pasted = composite(portrait, crop, BOX)
    assert pasted.dtype == torch.uint8
    assert (pasted[0].int() - portrait.int()).abs().max() <= 1
    assert psnr(pasted[0], portrait) > 60


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ((100.4, 30.7, 331.9, 270.2), 256),  # fractions of pixels
        ((127.0, 20.0, 323.0, 216.0), 512),  # a crop finer than its box
        ((-20.0, 10.0, 220.0, 250.0), 256),  # over the border of the picture
        ((290.0, 300.0, 512.0, 512.0), 256),  # in its corner
    ],
)
def test_crops_go_back_to_a_fraction_of_a_pixel(
    portrait: Tensor, box: tuple[float, ...], size: int
) -> None:
    # without detail that resampling twice must lose, so that only the geometry counts
    portrait = torch.nn.functional.avg_pool2d(portrait[None].float(), 5, 1, 2, False, False)[0]
    portrait = portrait.round().to(torch.uint8)
    pasted = composite(portrait, cut(portrait, box, size), box)[0]
    area = inside(portrait, box)
    assert psnr(pasted[area], portrait[area]) >= 40
    # half a pixel beside, it would be far worse
    shifted = (box[0] + 0.5, *box[1:2], box[2] + 0.5, box[3])
    beside = composite(portrait, cut(portrait, shifted, size), box, PLAIN)[0]
    assert psnr(beside[area], portrait[area]) - 3


def test_pixels_outside_of_the_box_are_the_pictures(portrait: Tensor) -> None:
    noise = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for paste in ("soft", "poisson"):
        before = portrait.clone()
        pasted = composite(portrait, noise, BOX, CompositeOptions(paste=paste))
        assert torch.equal(before, portrait)
        outside = torch.ones(512, 512, dtype=torch.bool)
        outside[30:286, 100:356] = False
        assert torch.equal(pasted[:, :, outside], portrait[:, outside].expand(3, -1, -1))
        assert not torch.equal(pasted[0], pasted[1])


def test_a_change_of_colour_is_taken_away(portrait: Tensor) -> None:
    crop = portrait[None, :, 30:286, 100:356].float() / 255
    tinted = (crop * 0.9 + torch.tensor([0.04, 0.0, -0.03])[:, None, None]).clamp(0, 1)
    area = inside(portrait, BOX)
    matched = composite(portrait, tinted, BOX)[0][area].float()
    raw = composite(portrait, tinted, BOX, CompositeOptions(match_colour=False))[0][area].float()
    truth = portrait[area].float()
    near, far = (matched - truth).mean((1, 2)).abs(), (raw - truth).mean((1, 2)).abs()
    assert float(near.sum()) < 0.25 * float(far.sum())
    assert float(near.max()) < 4


def test_what_moves_in_at_the_border_does_not_tint_the_face(portrait: Tensor) -> None:
    crop = portrait[None, :, 30:286, 100:356].float() / 255
    struck = crop.clone()
    struck[..., 200:, :120] = 0.0  # something black where the picture is not
    area = ..., slice(90, 150), slice(190, 260)
    pasted = composite(portrait, struck, BOX)[0][area].float()
    assert (pasted - portrait[area].float()).abs().mean() < 2
    poisson = composite(portrait, struck, BOX, CompositeOptions(paste="poisson"))[0][area].float()
    assert (poisson - portrait[area].float()).abs().mean() > 4


def moved(crop: Tensor, x: float, y: float) -> Tensor:
    """The content of a crop shifted by pixels, edges repeated."""
    size = crop.shape[-1]
    at = torch.arange(size, dtype=torch.float32) + 0.5
    grid = torch.stack(
        torch.meshgrid(2 * (at - x) / size - 1, 2 * (at - y) / size - 1, indexing="xy"), -1
    )
    return torch.nn.functional.grid_sample(
        crop, grid[None], padding_mode="border", align_corners=False
    )


def test_shoulders_meet_the_picture_and_the_face_moves(portrait: Tensor) -> None:
    """The crop nods by 9 pixels of 256; at the border it stays where the picture is."""
    crop = portrait[None, :, 30:286, 100:356].float() / 255
    nod = moved(crop, 4.0, 9.0)
    bent = composite(portrait, nod, BOX)[0].float()
    plain = composite(portrait, nod, BOX, PLAIN)[0].float()
    near_neck = ..., slice(262, 284), slice(150, 310)
    truth = portrait.float()[near_neck]
    assert (bent[near_neck] - truth).square().mean() < 0.5 * (
        plain[near_neck] - truth
    ).square().mean()
    middle = ..., slice(110, 170), slice(190, 260)
    assert (bent[middle] - plain[middle]).abs().mean() < 3


def test_bend_finds_small_and_large_shifts() -> None:
    generator = torch.Generator().manual_seed(1)
    texture = interpolate(
        torch.rand(1, 3, 24, 24, generator=generator), size=(128, 128), mode="bicubic"
    )
    for shift in (1.0, 12.0):
        bend = bend_to_picture(moved(texture, shift, 0.0), texture, HELD, 0.06, 0.28)
        ring = bend[0, :, 118:124, 20:108] * 128
        assert float(ring[0].mean()) == pytest.approx(shift, rel=0.2)
        assert float(ring[1].abs().mean()) < 0.1 * shift + 0.2
        assert bend[..., 45:83, 45:83].abs().max() == 0  # the face is left alone
    still = bend_to_picture(texture, texture, HELD, 0.06, 0.28) * 128
    assert still.abs().max() < 0.05


def test_only_held_sides_are_matched() -> None:
    crops, still = torch.full((1, 3, 64, 64), 0.5), torch.full((1, 3, 64, 64), 0.55)
    assert not colour_field(crops, still, FREE).any()
    field = colour_field(crops, still, (False, False, False, True))
    assert float(field[..., -1, :].mean()) == pytest.approx(0.05, abs=0.005)
    assert field.amax() < 0.055


def test_frames_do_not_depend_on_their_chunk(portrait: Tensor) -> None:
    crop = portrait[None, :, 30:286, 100:356].float() / 255
    faces = torch.cat([moved(crop, float(k), float(3 - k)) for k in range(3)])
    together = composite(portrait, faces, BOX)
    alone = torch.cat([composite(portrait, faces[k : k + 1], BOX) for k in range(3)])
    assert (together.int() - alone.int()).abs().max() <= 1  # rounding of matrix products
    half = composite(portrait, faces.to(torch.bfloat16), BOX)
    assert psnr(half, together) > 35
    assert composite(portrait, faces[:0], BOX).shape == (0, 3, 512, 512)


def test_mask_falls_along_held_sides_only() -> None:
    at = (torch.arange(64) + 0.5) / 64
    mask = box_mask(at, at, (True, False, True, True), 0.1)
    assert mask[32, 32] == 1
    assert mask[0, 32] == 1  # the top is the picture's own border
    assert max(mask[:, 0].max(), mask[:, -1].max(), mask[-1].max()) < 0.05
    assert (mask.diff(dim=0)[:, 32] <= 0).all()
    assert mask[-4, -4] < mask[-4, 32]
    assert box_mask(at, at, FREE, 0.1).min() == 1


def test_the_pictures_own_border_is_no_seam(portrait: Tensor) -> None:
    white = torch.ones(1, 3, 64, 64)
    pasted = composite(portrait, white, (0.0, 100.0, 120.0, 220.0), PLAIN)[0]
    assert pasted[:, 160, 0].tolist() == [255, 255, 255]  # left: shown to the edge
    for y, x in ((100, 60), (219, 60), (160, 119)):
        assert (pasted[:, y, x].int() - portrait[:, y, x].int()).abs().max() <= 6


def test_fine_detail_of_a_large_crop_does_not_alias(portrait: Tensor) -> None:
    stripes = (torch.arange(512) % 2).float().expand(1, 3, 512, 512)
    pasted = composite(portrait, stripes, (100.0, 100.0, 251.0, 251.0), PLAIN)[0]
    middle = pasted[:, 130:220, 130:220].float()
    assert float(middle.std()) < 12
    assert float(middle.mean()) == pytest.approx(127.5, abs=2)


def test_poisson_is_opencvs_clone(portrait: Tensor) -> None:
    """The steps of SadTalker's paste_pic.py; also where the box touches the border."""
    face = interpolate(portrait[None, :, 30:286, 100:356].float() / 255, size=96, mode="area")
    for x0, y0, x1, y1 in ((100, 30, 355, 286), (0, 30, 200, 231)):
        picture = np.ascontiguousarray(portrait.permute(1, 2, 0).numpy())
        small = (face[0] * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        crop = cv2.resize(small, (x1 - x0, y1 - y0))
        mask = 255 * np.ones(crop.shape, np.uint8)
        centre = ((x1 + x0) // 2, (y1 + y0) // 2)
        wanted = cv2.seamlessClone(crop, picture, mask, centre, cv2.NORMAL_CLONE)
        box = (float(x0), float(y0), float(x1), float(y1))
        got = composite(portrait, face, box, CompositeOptions(paste="poisson"))[0]
        assert np.array_equal(got.permute(1, 2, 0).numpy(), wanted)


@pytest.mark.parametrize("box", [(-40.0, 350.0, 180.0, 600.0), (500.0, 500.0, 700.0, 700.0)])
def test_poisson_over_the_border_does_not_fail(portrait: Tensor, box: tuple[float, ...]) -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    pasted = composite(portrait, grey, box, CompositeOptions(paste="poisson"))
    assert pasted.shape == (1, 3, 512, 512)


def test_poisson_with_an_opencv_that_fails_at_the_border(
    portrait: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = cv2.seamlessClone
    face = torch.full((1, 3, 64, 64), 0.5)
    options = CompositeOptions(paste="poisson")
    wanted = composite(portrait, face, (0.0, 100.0, 60.0, 160.0), options)

    def old(crop: Any, picture: Any, mask: Any, centre: tuple[int, int], how: int) -> Any:
        if centre[0] - crop.shape[1] // 2 < 1:
            raise cv2.error("roi")
        return clone(crop, picture, mask, centre, how)

    monkeypatch.setattr(cv2, "seamlessClone", old)
    assert torch.equal(composite(portrait, face, (0.0, 100.0, 60.0, 160.0), options), wanted)


def test_boxes_outside_and_tiny_ones(portrait: Tensor) -> None:
    white = torch.ones(2, 3, 32, 32)
    for paste in ("soft", "poisson"):
        options = CompositeOptions(paste=paste)
        outside = composite(portrait, white, (-90.0, -90.0, -10.0, -10.0), options)
        assert torch.equal(outside, portrait.expand(2, -1, -1, -1))
        composite(portrait, white, (10.0, 10.0, 12.5, 12.5), options)


def test_refusals(portrait: Tensor) -> None:
    face = torch.zeros(1, 3, 8, 8)
    with pytest.raises(StructureError, match="uint8"):
        composite(portrait.float(), face, BOX)
    with pytest.raises(StructureError, match="floats"):
        composite(portrait, face.to(torch.uint8), BOX)
    with pytest.raises(StructureError, match="extent"):
        composite(portrait, face, (5.0, 5.0, 5.0, 9.0))
    with pytest.raises(StructureError, match="extent"):
        composite(portrait, face, (5.0, 5.0, math.nan, 9.0))
    with pytest.raises(OptionError, match="soft, poisson"):
        CompositeOptions(paste="hard")

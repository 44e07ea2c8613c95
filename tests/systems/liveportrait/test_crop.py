"""Squares around faces, crops and pasting, beyond what the golden holds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import FaceError, OptionError, StructureError
from sadtalker_core.geometry.resize import resize_area, resize_linear
from sadtalker_core.systems.liveportrait.crop import (
    CropShape,
    average_box,
    crop_from_box,
    crop_from_image,
    cut,
    cut_averaged,
    driver_box,
    face_square,
    inverse_map,
    moved_points,
    network_input,
    reference_points,
    whole_picture,
)
from sadtalker_core.systems.liveportrait.paste import (
    paste_exact,
    paste_mask,
    paste_weight,
    reach_of,
    to_levels,
)


def five(x: float, y: float, unit: float, angle: float = 0.0) -> Tensor:
    """(5, 2) eyes, nose and mouth corners around (x, y), eyes two units apart."""
    points = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [0.0, 0.0], [-0.8, 1.0], [0.8, 1.0]]) * unit
    cos, sin = math.cos(angle), math.sin(angle)
    return points @ torch.tensor([[cos, sin], [-sin, cos]]) + torch.tensor([x, y])


def smooth_picture(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    rough = torch.rand(1, 3, height // 24 + 2, width // 24 + 2, generator=generator) * 255
    fine = torch.nn.functional.interpolate(rough, size=(height, width), mode="bicubic")
    return fine[0].clamp(0, 255).to(torch.uint8)


def psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10((((a.float() - b.float()) / 255) ** 2).mean() + 1e-12))


def test_a_level_face_by_hand() -> None:
    # the box is 2 units square about (200, 150); the side is 2.3 times as long
    square = face_square(five(200, 150, 20), CropShape())
    assert square.side_px == pytest.approx(92)
    assert square.center_px.tolist() == pytest.approx([200, 150 - 0.125 * 92])
    assert square.angle_rad == pytest.approx(0, abs=1e-6)


def test_the_square_turns_with_the_face() -> None:
    for angle in (0.5, -0.5, 2.8):
        square = face_square(five(200, 150, 20, angle), CropShape(vx=0.1))
        assert square.angle_rad == pytest.approx(angle, abs=1e-5)
        assert square.side_px == pytest.approx(92, rel=1e-5)
        x, y = 0.1 * 92, -0.125 * 92
        wanted = [
            200 + math.cos(angle) * x - math.sin(angle) * y,
            150 + math.sin(angle) * x + math.cos(angle) * y,
        ]
        assert square.center_px.tolist() == pytest.approx(wanted, abs=1e-3)
        crop = crop_from_image(square, CropShape(vx=0.1))
        # eyes are level in the crop
        eyes = moved_points(five(200, 150, 20, angle)[:2], crop)
        assert float(eyes[0, 1]) == pytest.approx(float(eyes[1, 1]), abs=1e-2)
        assert moved_points(square.center_px[None], crop)[0].tolist() == pytest.approx([256, 256])


def test_without_rotation_the_axes_are_the_pictures() -> None:
    shape = CropShape(rotate=False, size=128)
    crop = crop_from_image(face_square(five(90, 80, 10, 0.4), shape), shape)
    assert crop[0, 1] == crop[1, 0] == 0
    assert float(crop[0, 0]) == pytest.approx(128 / (2 * 10 * 2.3), rel=1e-4)


def test_points_that_are_no_face() -> None:
    with pytest.raises(FaceError, match="one place"):
        face_square(torch.ones(68, 2), CropShape())
    with pytest.raises(FaceError, match="not finite"):
        face_square(torch.full((68, 2), float("nan")), CropShape())
    with pytest.raises(StructureError, match="got 7"):
        reference_points(torch.zeros(7, 2))
    with pytest.raises(StructureError, match="K, 2"):
        reference_points(torch.zeros(68, 3))
    with pytest.raises(OptionError):
        CropShape(scale=0.0)


def test_one_box_for_a_whole_clip() -> None:
    boxes = [driver_box(five(x, 100, 20)) for x in (100.0, 140.0)]
    box = average_box(boxes)
    assert float(box[0] + box[2]) / 2 == pytest.approx(120)
    crop = crop_from_box(box, 256)
    corners = moved_points(box.reshape(2, 2), crop)
    assert corners.flatten().tolist() == pytest.approx([0, 0, 256, 256], abs=1e-3)
    with pytest.raises(StructureError, match="at least one"):
        average_box(torch.zeros(0, 4))
    with pytest.raises(StructureError, match="x1 > x0"):
        crop_from_box(torch.tensor([5.0, 0.0, 5.0, 9.0]))


def test_fine_pictures_are_averaged_before_they_are_cut() -> None:
    # stripes of one pixel: grey when averaged, stripes or worse when only sampled
    picture = torch.zeros(1, 3, 64, 2000, dtype=torch.uint8)
    picture[..., ::2] = 255
    crop = crop_from_box(torch.tensor([100.0, -600.0, 1800.0, 1100.0]), 128)
    rows = slice(47, 49)
    assert float(cut_averaged(picture, crop, 128)[:, :, rows, 5:-5].float().std()) < 12
    assert float(cut(picture, crop, 128)[:, :, rows, 5:-5].float().std()) > 40
    # at most 1280 pixels, as the original
    short = picture[..., :1200]
    assert torch.equal(cut_averaged(short, crop, 128), cut(short, crop, 128))


def test_averaging_keeps_the_place() -> None:
    picture = smooth_picture(1300, 1500)
    place = crop_from_box(torch.tensor([101.3, 60.1, 1261.3, 1220.1]), 256)
    averaged = cut_averaged(picture[None], place, 256)[..., 4:-4, 4:-4]

    def beside(x: float) -> float:
        moved = cut(picture.roll(round(x), 2)[None], place, 256)[..., 4:-4, 4:-4]
        return psnr(averaged, moved)

    assert beside(0) > 43
    assert beside(0) > max(beside(1), beside(-1)) + 1


def test_the_whole_picture_keeps_its_edges() -> None:
    squeezed = whole_picture((100, 300))
    edges = moved_points(torch.tensor([[-0.5, -0.5], [299.5, 99.5]]), squeezed)
    assert edges.flatten().tolist() == pytest.approx([-0.5, -0.5, 511.5, 511.5], abs=1e-3)


def test_network_input_is_opencvs_mean_of_four() -> None:
    generator = torch.Generator().manual_seed(4)
    crops = torch.randint(0, 256, (2, 3, 512, 512), dtype=torch.uint8, generator=generator)
    small = network_input(crops)
    for resize in (resize_area, resize_linear):
        wanted = torch.stack([resize(crop, (256, 256)) for crop in crops])
        assert torch.equal((small * 255).round().to(torch.uint8), wanted)
    other = network_input(crops[:, :, :400, :400])
    assert torch.equal(
        (other * 255).round().to(torch.uint8)[0], resize_area(crops[0, :, :400, :400], (256, 256))
    )


def test_the_mask_of_other_sizes() -> None:
    mask = paste_mask(256)
    assert mask[0].sum() == 0
    assert int(mask[128, 8]) == 255
    assert int(mask[128, 4]) == 127
    assert int(mask[128, 255]) == 31  # the far side falls to 1/8: as the original's 15 of 255


@pytest.mark.parametrize("angle", [0.0, 0.3, -2.0])
def test_nothing_changes_without_motion(angle: float) -> None:
    picture = smooth_picture(360, 500)
    crop_map = crop_from_image(face_square(five(240, 200, 40, angle), CropShape()), CropShape())
    back = inverse_map(crop_map)
    pasted = paste_exact(picture, cut(picture[None], crop_map), back)[0]
    weight = paste_weight(back, (360, 500))
    assert torch.equal(pasted[:, weight == 0], picture[:, weight == 0])
    assert float(weight.max()) == 1
    assert psnr(pasted[:, weight > 0], picture[:, weight > 0]) > 40


def test_pasting_takes_pictures_and_maps_one_for_each() -> None:
    pictures = torch.stack((smooth_picture(200, 240), smooth_picture(200, 240).flip(2)))
    crops = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    maps = torch.stack(
        [
            inverse_map(crop_from_box(torch.tensor([x, 40.0, x + 90, 130.0]), 64))
            for x in (30.0, 200.0)
        ]
    )
    both = paste_exact(pictures, crops, maps)
    for i in range(2):
        alone = paste_exact(pictures[i], crops[i : i + 1], maps[i])
        assert torch.equal(alone[0], both[i])
        assert not torch.equal(both[i], pictures[i])
    # a still picture stands for all
    two = paste_exact(pictures[0], crops, maps[0])
    assert torch.equal(two[0], both[0])
    assert not torch.equal(two[1], two[0])


def test_a_crop_that_misses_the_picture_changes_nothing() -> None:
    picture = smooth_picture(60, 80)
    away = inverse_map(crop_from_box(torch.tensor([200.0, 0.0, 260.0, 60.0]), 64))
    assert reach_of(away, 64, (60, 80)) == (80, 0, 80, 60)
    assert torch.equal(paste_exact(picture, torch.rand(1, 3, 64, 64), away)[0], picture)


def test_pasting_wants_pictures_that_fit() -> None:
    picture = smooth_picture(60, 80)
    back = torch.eye(3)
    with pytest.raises(StructureError, match="uint8"):
        paste_exact(picture.float(), torch.rand(1, 3, 8, 8), back)
    with pytest.raises(StructureError, match="2 maps for 1"):
        paste_exact(picture, torch.rand(1, 3, 8, 8), back.expand(2, 3, 3))


def test_fractions_of_a_level_are_cut_off() -> None:
    values = torch.tensor([0.0, 0.999 / 255, 1.001 / 255, 0.9999, 1.0, 1.5, -1.0])
    assert to_levels(values).tolist() == [0, 0, 1, 254, 255, 255, 0]

"""Warps in OpenCV 4's whole numbers."""

from __future__ import annotations

import cv2
import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import StructureError
from sadtalker_core.geometry.fixed_warp import read_into, read_with_torch, warp_8bit
from sadtalker_core.geometry.resize import resize_area

TURNED = torch.tensor([[1.3, 0.4, -7.3], [-0.4, 1.3, 5.1], [0.0, 0.0, 1.0]])


def noise(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def opencv(picture: Tensor, to_from: Tensor, size: tuple[int, int]) -> Tensor:
    pixels = picture.permute(1, 2, 0).contiguous().numpy()
    shown = cv2.warpAffine(pixels, to_from[:2].numpy(), (size[1], size[0]))
    return torch.from_numpy(shown).reshape(*size, len(picture)).permute(2, 0, 1)


def test_whole_shifts_copy_and_the_outside_is_black() -> None:
    picture = noise(1, 3, 9, 12)
    shift = torch.tensor([[1.0, 0.0, 3.0], [0.0, 1.0, -2.0]])
    shown = warp_8bit(picture, shift, (9, 12))
    assert torch.equal(shown[..., :7, 3:], picture[..., 2:, :9])
    assert int(shown[..., 7:, :].sum()) == 0
    assert int(shown[..., :3].sum()) == 0


def test_weights_are_whole_numbers_of_a_32nd() -> None:
    # by hand: 0.3 pixel lies nearest to 10 of 32; 100 and 205 mix as 22 to 10 parts
    picture = torch.tensor([[[[100, 205, 205]]]], dtype=torch.uint8)
    back = torch.tensor([[1.0, 0.0, -0.3], [0.0, 1.0, 0.0]])
    assert warp_8bit(picture, back, (1, 1)).item() == round((100 * 22 + 205 * 10) / 32)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_agrees_with_opencv(channels: int) -> None:
    # any version within what its own rounding of places may change, version 4 exactly
    rough = noise(1, channels, 6, 8).float()
    smooth = torch.nn.functional.interpolate(rough, size=(50, 70), mode="bilinear")
    picture = smooth.round().to(torch.uint8)
    ours = warp_8bit(picture, TURNED, (64, 80))[0]
    error = (ours.int() - opencv(picture[0], TURNED, (64, 80)).int()).abs()
    if cv2.__version__.startswith("4."):
        assert int(error.max()) == 0
    inside = warp_8bit(torch.full_like(picture, 255), TURNED, (64, 80))[0] == 255
    assert int(error[inside].max()) <= 4


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_torch_and_opencv_read_the_same(channels: int) -> None:
    # places far outside, on the border and between
    pictures = noise(2, channels, 21, 34)
    generator = torch.Generator().manual_seed(5)
    x = torch.randint(-99, 34 * 32 + 99, (60, 50), dtype=torch.int32, generator=generator)
    y = torch.randint(-99, 21 * 32 + 99, (60, 50), dtype=torch.int32, generator=generator)
    x[0, :3] = torch.tensor([-(1 << 20), (1 << 20) - 1, 0], dtype=torch.int32)
    quick = read_into(pictures.new_empty(2, channels, 60, 50), pictures, x, y)
    plain = torch.empty_like(quick)
    read_with_torch(plain, pictures, x, y)
    assert torch.equal(quick, plain)
    assert 0.02 < float((plain == 0).float().mean()) < 0.5


def test_a_map_for_each_picture_and_a_part_of_the_result() -> None:
    pictures = noise(2, 3, 40, 30)
    other = torch.tensor([[0.7, 0.0, 2.0], [0.0, 0.7, 1.0], [0.0, 0.0, 1.0]])
    both = warp_8bit(pictures, torch.stack((TURNED, other)), (33, 44))
    assert torch.equal(both[1], warp_8bit(pictures[1:], other, (33, 44))[0])
    assert torch.equal(both[0], warp_8bit(pictures[:1], TURNED, (33, 44))[0])
    part = warp_8bit(pictures, TURNED, (33, 44), (5, 7, 20, 31))
    assert torch.equal(part[0], both[0, :, 7:31, 5:20])


def test_far_away_and_flat_maps_show_nothing() -> None:
    picture = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    far = torch.tensor([[1.0, 0.0, 1e7], [0.0, 1.0, 0.0]])
    assert int(warp_8bit(picture, far, (8, 8)).sum()) == 0
    assert warp_8bit(picture, torch.zeros(2, 3), (8, 8)).shape == (1, 3, 8, 8)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(StructureError, match="uint8"):
        warp_8bit(torch.zeros(1, 3, 4, 4), TURNED, (4, 4))
    with pytest.raises(StructureError, match="or 2 of them"):
        warp_8bit(noise(2, 3, 4, 4), TURNED.expand(3, 3, 3), (4, 4))


def test_area_averages() -> None:
    picture = noise(3, 8, 12)
    small = resize_area(picture, (4, 6))
    wanted = torch.nn.functional.avg_pool2d(picture.float(), 2)
    assert (small.float() - wanted).abs().max() <= 0.5
    assert torch.equal(resize_area(picture, (8, 12)), picture)

"""Filters and pyramids against OpenCV, where it is there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sadtalker_core.geometry import opencv
from sadtalker_core.geometry.filters import blur, erode, resize_lanczos, warp
from sadtalker_core.geometry.pyramid import blend_pyramids, doubled, halved

needs_opencv = pytest.mark.skipif(not opencv.IS_REAL, reason="needs OpenCV to compare with")
_Array = np.ndarray[Any, Any]


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """(3, H, W) float levels of noise."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(3, height, width, generator=generator) * 255


def pixels(planes: torch.Tensor) -> _Array:
    return np.ascontiguousarray(planes.permute(1, 2, 0).numpy())


@needs_opencv
@pytest.mark.parametrize(
    ("size", "sigma"), [(1, 0), (5, 0), (9, 0), (9, 1.0), (31, 0), (101, 11.0)]
)
def test_blur_is_opencv_s(size: int, sigma: float) -> None:
    if (size, sigma) == (9, 0) and opencv.cv2.__version__ < "5":
        pytest.skip("OpenCV 4 has no kernel of its own for this size")
    x = picture(60, 83)
    wanted = opencv.cv2.GaussianBlur(pixels(x), (size, size), sigma)
    assert np.abs(pixels(blur(x, size, sigma)) - wanted).max() < 1e-3


@needs_opencv
@pytest.mark.parametrize("size", [1, 2, 3, 8, 15])
def test_erode_is_opencv_s(size: int) -> None:
    x = picture(40, 51)[0]
    wanted = opencv.cv2.erode(x.numpy(), np.ones((size, size), np.uint8))
    assert np.array_equal(erode(x, size).numpy(), wanted)


@needs_opencv
def test_lanczos_is_opencv_s() -> None:
    x = picture(30, 41)
    for size in ((60, 82), (45, 41), (20, 100)):
        wanted = opencv.cv2.resize(
            pixels(x), (size[1], size[0]), interpolation=opencv.cv2.INTER_LANCZOS4
        )
        assert np.abs(pixels(resize_lanczos(x[None], size)[0]) - wanted).max() < 2e-3


def test_warp_moves_by_whole_and_half_pixels() -> None:
    x = picture(12, 17)
    right = torch.tensor([[1.0, 0, 2], [0, 1, 1]], dtype=torch.float64)
    moved = warp(x[None], right, (12, 17))[0]
    assert torch.allclose(moved[:, 1:, 2:], x[:, :-1, :-2], atol=1e-3)
    assert float(moved[:, 0].abs().max()) < 1e-2
    assert float(moved[:, :, :2].abs().max()) < 1e-2
    half = torch.tensor([[1.0, 0, 0.5], [0, 1, 0]], dtype=torch.float64)
    moved = warp(x[None], half, (12, 17))[0]
    assert torch.allclose(moved[:, :, 1:], (x[:, :, 1:] + x[:, :, :-1]) / 2, atol=1e-2)


def test_warp_takes_a_map_for_each_picture() -> None:
    x = torch.stack((picture(9, 9), picture(9, 9, 1)))
    maps = torch.tensor([[[2.0, 0, 0], [0, 2, 0]], [[1, 0, 0], [0, 1, 0]]], dtype=torch.float64)
    moved = warp(x, maps, (9, 9))
    assert torch.allclose(moved[0, :, ::2, ::2], x[0, :, :5, :5], atol=1e-3)
    assert torch.allclose(moved[1], x[1], atol=1e-3)


@needs_opencv
@pytest.mark.parametrize("size", [(64, 64), (17, 16), (5, 4), (2, 2), (2, 1), (1, 1)])
def test_pyramid_steps_are_opencv_s(size: tuple[int, int]) -> None:
    x = picture(*size)
    assert np.abs(pixels(halved(x)) - opencv.cv2.pyrDown(pixels(x))).max() < 1e-3
    wanted = opencv.cv2.pyrUp(pixels(x))
    larger = (wanted.shape[0], wanted.shape[1])
    assert np.abs(pixels(doubled(x, larger)) - wanted).max() < 1e-3


def test_blending_keeps_each_side_and_mixes_the_middle() -> None:
    light, dark = torch.full((3, 64, 64), 200.0), torch.full((3, 64, 64), 40.0)
    mask = torch.zeros(64, 64)
    mask[:, 32:] = 1
    mixed = blend_pyramids(light, dark, mask, 4)
    assert torch.allclose(mixed[:, :, -1], torch.tensor(200.0), atol=2)
    assert torch.allclose(mixed[:, :, 0], torch.tensor(40.0), atol=2)
    rising = mixed[0, 32].diff()
    assert bool((rising >= -1e-3).all())
    assert float(rising.max()) < 40
    everywhere = blend_pyramids(light, dark, torch.ones(64, 64), 4)
    assert torch.allclose(everywhere, light, atol=1e-2)


def test_bytes_are_rounded_on_the_way_down() -> None:
    x = picture(32, 32).to(torch.uint8)
    other = picture(32, 32, 1).to(torch.uint8)
    mask = torch.full((32, 32), 0.3)
    as_bytes = blend_pyramids(x, other, mask, 3)
    as_floats = blend_pyramids(x.float(), other.float(), mask, 3)
    assert torch.allclose(as_bytes, as_floats, atol=1.5)
    # a constant mask undoes the pyramid whatever was rounded
    assert torch.allclose(as_floats, x.float() * 0.3 + other.float() * 0.7, atol=1e-2)

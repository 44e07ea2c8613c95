"""Filters and warps of pictures as tensors, on any device, with OpenCV's conventions.

Tensors are (..., H, W); positions are (x, y) with pixel centres at whole numbers. Unlike OpenCV 4,
which counts positions in 1/32 pixel, ``warp`` interpolates exactly, as OpenCV 5 does.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# OpenCV's own kernels where no sigma is given and the kernel is small.
_SMALL_KERNELS = {
    1: (1.0,),
    3: (0.25, 0.5, 0.25),
    5: (0.0625, 0.25, 0.375, 0.25, 0.0625),
    7: (0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125),
    9: tuple(weight / 256 for weight in (4, 13, 30, 51, 60, 51, 30, 13, 4)),
}


def gaussian_kernel(size: int, sigma: float = 0.0) -> Tensor:
    """(size,) float64 weights that sum to 1; without a sigma, OpenCV's own for that size."""
    if sigma <= 0 and size in _SMALL_KERNELS:
        return torch.tensor(_SMALL_KERNELS[size], dtype=torch.float64)
    if sigma <= 0:
        sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    steps = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    weights = torch.exp(-(steps**2) / (2 * sigma**2))
    return weights / weights.sum()


def blur(x: Tensor, size: int, sigma: float = 0.0) -> Tensor:
    """Gaussian blur of (..., H, W) floats with an odd kernel; mirrored beyond the border."""
    if size == 1:
        return x
    weights = gaussian_kernel(size, sigma).to(x)
    planes = x.reshape(-1, 1, *x.shape[-2:])
    planes = F.conv2d(mirrored(planes, size // 2, 2), weights[None, None, :, None])
    planes = F.conv2d(mirrored(planes, size // 2, 3), weights[None, None, None, :])
    return planes.reshape(x.shape)


def mirrored(planes: Tensor, reach: int, axis: int) -> Tensor:
    """More rows or columns on both sides, the picture mirrored at the middle of its edge pixels."""
    length = planes.shape[axis]
    places = torch.arange(-reach, length + reach, device=planes.device)
    if length == 1:
        return planes.index_select(axis, torch.zeros_like(places))
    places = (places % (2 * (length - 1))).abs()
    places = torch.where(places >= length, 2 * (length - 1) - places, places)
    return planes.index_select(axis, places)


def erode(x: Tensor, size: int) -> Tensor:
    """The least of ``size`` by ``size`` pixels around each of (..., H, W); none beyond the border.

    With an even size the window reaches one pixel further to the left and up, as OpenCV's.
    """
    if size < 2:
        return x
    before = size // 2
    after = size - 1 - before
    planes = -x.reshape(-1, 1, *x.shape[-2:])
    nothing = -math.inf
    planes = F.max_pool2d(F.pad(planes, (before, after, 0, 0), value=nothing), (1, size), 1)
    planes = F.max_pool2d(F.pad(planes, (0, 0, before, after), value=nothing), (size, 1), 1)
    return -planes.reshape(x.shape)


def warp(x: Tensor, result_from_picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures moved by an affine map, bilinear, black beyond the border.

    Args:
        x: (B, C, H, W) floats.
        result_from_picture: (2, 3), (3, 3) or one of these for each picture; where a pixel goes.
        size: (H', W') of the result.

    Returns:
        (B, C, H', W')
    """
    matrices = (
        result_from_picture.detach().double().cpu().reshape(-1, *result_from_picture.shape[-2:])
    )
    linear = torch.linalg.inv(matrices[:, :2, :2])
    shift = -(linear @ matrices[:, :2, 2:])[..., 0]
    batch, _, height, width = x.shape
    # grid_sample's coordinates: -1 and 1 are the outer pixels' centres
    to_unit = torch.tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)], dtype=torch.float64)
    columns = torch.arange(size[1], dtype=torch.float64)
    rows = torch.arange(size[0], dtype=torch.float64)
    places: list[Tensor] = []
    for axis in range(2):
        across = linear[:, axis, 0, None, None] * columns + shift[:, axis, None, None]
        there = across + linear[:, axis, 1, None, None] * rows[:, None]
        places.append((there * to_unit[axis] - 1).to(x.device, x.dtype))
    grid = torch.stack(places, -1).expand(batch, -1, -1, -1)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def resize_lanczos(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) floats at another size with OpenCV's Lanczos of 8 samples; no averaging."""
    for axis, length in ((2, size[0]), (3, size[1])):
        if length != x.shape[axis]:
            x = _resized_axis(x, length, axis)
    return x


def _resized_axis(x: Tensor, length: int, axis: int) -> Tensor:
    before = x.shape[axis]
    places = (torch.arange(length, dtype=torch.float64) + 0.5) * before / length - 0.5
    first = places.floor()
    part = places - first
    shape = [1] * x.ndim
    shape[axis] = length
    offsets = torch.arange(-3, 5, dtype=torch.float64)
    away = part[:, None] - offsets
    weights = torch.special.sinc(away) * torch.special.sinc(away / 4)
    weights = weights / weights.sum(1, keepdim=True)
    result = torch.zeros_like(x.narrow(axis, 0, 1)).expand(
        *[length if i == axis else n for i, n in enumerate(x.shape)]
    )
    for tap, offset in enumerate(offsets):
        index = (first + offset).long().clamp(0, before - 1).to(x.device)
        result = result + x.index_select(axis, index) * weights[:, tap].to(x).reshape(shape)
    return result


def to_levels(x: Tensor) -> Tensor:
    """Floats in 0 to 255 to uint8, rounded as OpenCV rounds."""
    return x.round().clamp(0, 255).to(torch.uint8)

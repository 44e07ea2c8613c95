"""Affine warps of 8-bit pictures with the very numbers of OpenCV 4, on any device.

Published pipelines cut and paste with ``cv2.warpAffine``. OpenCV 4 places its samples on a grid of
1/32 pixel and weighs them in whole numbers; OpenCV 5 does not, and no GPU library does. Here the
places are computed as OpenCV 4 does and then read with the same whole numbers, by torch on any
device and by ``cv2.remap``, which still has them, on the CPU: every machine gives the original's
pixels.

Conventions: (0, 0) is the centre of the top left pixel, points are (x, y), and ``to_from`` takes
pixels of the picture to pixels of the result.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import StructureError
from .opencv import IS_REAL, cv2

_PLACES = 10  # bits after the point while coordinates are added up
_STEPS = 5  # bits after the point that are kept: 1/32 pixel
_APART = 20  # bits from one channel to the next where several are added up in one number
_TOGETHER = 3  # channels in a number
_HALVES = sum(1 << (_APART * i + 2 * _STEPS - 1) for i in range(_TOGETHER))  # to round with
_MOST_CHANNELS = 4  # of a picture in OpenCV
_BLACK = cv2.BORDER_CONSTANT
_FAR = 1 << 15  # coordinates are 16-bit numbers in OpenCV


def warp_8bit(
    pictures: Tensor,
    to_from: Tensor,
    size: tuple[int, int],
    box: tuple[int, int, int, int] | None = None,
) -> Tensor:
    """``cv2.warpAffine`` (bilinear, black outside) of OpenCV 4, number for number.

    Args:
        pictures: (N, C, H, W) uint8.
        to_from: (3, 3) or (2, 3), one map for all, or (N, 3, 3) or (N, 2, 3), one each.
        size: (H', W') of the result.
        box: x0, y0, x1, y1 of the result's pixels to compute, inside of ``size``; all by default.

    Returns:
        (N, C, H', W') uint8 on the device of ``pictures``, or only what lies in ``box``.
    """
    if pictures.ndim != 4 or pictures.dtype != torch.uint8:
        raise StructureError(
            f"warp_8bit needs pictures (N, C, H, W) uint8, got {tuple(pictures.shape)} "
            f"{pictures.dtype}."
        )
    maps = to_from if to_from.ndim == 3 else to_from[None]
    if len(maps) not in (1, len(pictures)) or maps.shape[1:] not in ((3, 3), (2, 3)):
        raise StructureError(
            f"warp_8bit needs a map (3, 3) or {len(pictures)} of them, got {tuple(to_from.shape)}."
        )
    area = box or (0, 0, size[1], size[0])
    height, width = area[3] - area[1], area[2] - area[0]
    result = pictures.new_empty((len(pictures), pictures.shape[1], height, width))
    if len(maps) == 1:
        return read_into(result, pictures, *_places(maps[0], area, pictures.device))
    for i in range(len(pictures)):
        part = slice(i, i + 1)
        read_into(result[part], pictures[part], *_places(maps[i], area, pictures.device))
    return result


def _places(
    to_from: Tensor, area: tuple[int, int, int, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    """x and y (h, w) int32 where each pixel of ``area`` reads, in 1/32 pixel."""
    (a, b, c), (d, e, f) = to_from[:2].double().tolist()
    # in OpenCV's order, for the same rounding
    determinant = a * e - b * d
    determinant = 1.0 / determinant if determinant != 0 else 0.0
    m0, m4 = e * determinant, a * determinant
    m1, m3 = b * -determinant, d * -determinant
    m2, m5 = -m0 * c - m1 * f, -m3 * c - m4 * f
    x0, y0, x1, y1 = area
    columns = torch.arange(x0, x1, dtype=torch.float64)
    rows = torch.arange(y0, y1, dtype=torch.float64)
    scale, half = 1 << _PLACES, 1 << (_PLACES - _STEPS - 1)

    def along(across: float, down: float, start: float) -> Tensor:
        step = (columns * across * scale).round().to(torch.int64)
        first = ((rows * down + start) * scale).round().to(torch.int64) + half
        # as 32-bit numbers, and never so far that their sum would not fit
        limit = 1 << 30
        first, step = (part.clamp(-limit, limit - 1).to(torch.int32) for part in (first, step))
        place = (first[:, None].to(device) + step[None].to(device)) >> (_PLACES - _STEPS)
        return place.clamp_(-_FAR << _STEPS, (_FAR << _STEPS) - 1)

    return along(m0, m1, m2), along(m3, m4, m5)


def read_into(result: Tensor, pictures: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Fills ``result`` (N, C, h, w) with bilinear samples of pictures (N, C, H, W) uint8 at places
    x, y (h, w) int32 in 1/32 pixel."""
    is_fast = IS_REAL and pictures.device.type == "cpu"
    way = _read_opencv if is_fast else read_with_torch
    way(result, pictures, x, y)
    return result


def _read_opencv(result: Tensor, pictures: Tensor, x: Tensor, y: Tensor) -> None:
    one = 1 << _STEPS
    whole = torch.stack((x >> _STEPS, y >> _STEPS), -1).to(torch.int16).numpy()
    parts = ((y & (one - 1)) * one + (x & (one - 1))).to(torch.int16).numpy().view(np.uint16)
    if not whole.size:
        return
    for picture, shown in zip(pictures, result):
        for first in range(0, len(picture), _MOST_CHANNELS):
            channels = picture[first : first + _MOST_CHANNELS]
            pixels = channels.permute(1, 2, 0).contiguous().numpy()
            read = cv2.remap(pixels, whole, parts, cv2.INTER_LINEAR, borderMode=_BLACK)
            found = torch.from_numpy(read).reshape(*x.shape, len(channels))
            shown[first : first + _MOST_CHANNELS] = found.permute(2, 0, 1)


def read_with_torch(result: Tensor, pictures: Tensor, x: Tensor, y: Tensor) -> None:
    """``read_into`` on any device."""
    height, width = pictures.shape[2:]
    one = 1 << _STEPS
    part_x, part_y = (x & (one - 1)).long(), (y & (one - 1)).long()
    # a black border stands for everything outside; there whole and broken places look alike
    left = ((x >> _STEPS) + 1).clamp(0, width).long()
    top = ((y >> _STEPS) + 1).clamp(0, height).long()
    off_x = ((x >> _STEPS) < -1) | ((x >> _STEPS) >= width)
    off_y = ((y >> _STEPS) < -1) | ((y >> _STEPS) >= height)
    off = off_x | off_y
    index = (top * (width + 2) + left).flatten()
    steps = (0, 1, width + 2, width + 3)
    weights = [
        ((part_x if across else one - part_x) * (part_y if down else one - part_y))
        .masked_fill(off, 0)
        .flatten()
        for down in (0, 1)
        for across in (0, 1)
    ]
    for picture, shown in zip(pictures, result):
        for first in range(0, len(picture), _TOGETHER):
            channels = picture[first : first + _TOGETHER]
            flat = _packed(channels)
            total = torch.full_like(index, _HALVES)
            for step, weight in zip(steps, weights):
                total += flat[index + step] * weight
            for i in range(len(channels)):
                level = (total >> (_APART * i + 2 * _STEPS)) & 255
                shown[first + i] = level.reshape(x.shape).to(torch.uint8)


def _packed(channels: Tensor) -> Tensor:
    """Up to three channels (C, H, W) in one row of whole numbers, with a black border."""
    height, width = channels.shape[1:]
    wide = torch.zeros((height + 2, width + 2), dtype=torch.int64, device=channels.device)
    for i, channel in enumerate(channels):
        wide[1:-1, 1:-1] += channel.long() << (_APART * i)
    return wide.flatten()

"""Blending by Laplacian pyramids (Burt and Adelson 1983) with OpenCV's filters, on any device."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .filters import mirrored
from .opencv import IS_REAL, cv2

_TAPS = (1.0, 4.0, 6.0, 4.0, 1.0)
_LEAST = 16  # pixels of a side: OpenCV treats borders of tiny pictures in other ways


def halved(x: Tensor) -> Tensor:
    """OpenCV's ``pyrDown`` of (C, H, W) floats: blurred, every other pixel, sizes rounded up."""
    if _suits_opencv(x):
        return _planes(cv2.pyrDown(_picture(x)), x)
    planes = x[:, None]
    for axis in (2, 3):
        shape = (1, 1, 5, 1) if axis == 2 else (1, 1, 1, 5)
        stride = (2, 1) if axis == 2 else (1, 2)
        taps = torch.tensor(_TAPS, dtype=x.dtype, device=x.device).reshape(shape) / 16
        planes = F.conv2d(mirrored(planes, 2, axis), taps, stride=stride)
    return planes[:, 0]


def doubled(x: Tensor, size: tuple[int, int]) -> Tensor:
    """OpenCV's ``pyrUp`` of (C, H, W) floats to ``size``: twice the size, or one pixel less."""
    if _suits_opencv(x):
        # always doubled and then cut: its own odd sizes end in another way
        doubled_picture = cv2.pyrUp(_picture(x))
        return _planes(doubled_picture, x)[:, : size[0], : size[1]]
    planes = x[:, None]
    for axis in (2, 3):
        planes = _doubled_axis(planes, axis)
    return planes[:, 0, : size[0], : size[1]]


def _suits_opencv(x: Tensor) -> bool:
    """Whether OpenCV does it, a hundred times as fast on a CPU, with the same numbers."""
    is_plain = x.device.type == "cpu" and x.dtype == torch.float32
    return IS_REAL and is_plain and min(x.shape[1:]) >= _LEAST


def _picture(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.detach().permute(1, 2, 0).numpy())


def _planes(picture: np.ndarray, like: Tensor) -> Tensor:
    height, width = picture.shape[:2]
    flat = np.ascontiguousarray(picture.reshape(height, width, like.shape[0]).transpose(2, 0, 1))
    return torch.from_numpy(flat)


def _doubled_axis(planes: Tensor, axis: int) -> Tensor:
    """Even pixels weigh 1, 6, 1 of their neighbours, odd ones 4, 4; OpenCV mirrors at the left
    and repeats the last pixel at the right."""
    length = planes.shape[axis]
    first = planes.narrow(axis, 1 if length > 1 else 0, 1)
    last = planes.narrow(axis, length - 1, 1)
    before = torch.cat((first, planes.narrow(axis, 0, length - 1)), axis)
    after = torch.cat((planes.narrow(axis, 1, length - 1), last), axis)
    even = (before + planes * 6 + after) / 8
    odd = (planes + after) / 2
    shape = list(planes.shape)
    shape[axis] = 2 * length
    return torch.stack((even, odd), axis + 1).reshape(shape)


def blend_pyramids(above: Tensor, below: Tensor, mask: Tensor, levels: int) -> Tensor:
    """Two pictures joined so that coarse detail mixes widely and fine detail hardly.

    Args:
        above: (3, H, W) uint8 or float levels, taken where the mask is 1. Bytes stay bytes on the
            way down, rounded at every level, as in the original.
        below: the same, taken where it is 0.
        mask: (H, W) float in [0, 1].
        levels: how often the pictures are halved; the last one is not used.

    Returns:
        (3, H, W) float levels; may leave 0 to 255.
    """
    above_levels, below_levels = _stack(above, levels), _stack(below, levels)
    masks = _stack(mask[None].float(), levels)
    result: Tensor | None = None
    for level in reversed(range(levels)):
        over, under = _detail(above_levels, level), _detail(below_levels, level)
        mixed = over * masks[level] + under * (1 - masks[level])
        size = (mixed.shape[1], mixed.shape[2])
        result = mixed if result is None else doubled(result, size) + mixed
    if result is None:
        return above * mask + below * (1 - mask)
    return result


def _stack(x: Tensor, levels: int) -> list[Tensor]:
    """The picture and ``levels - 1`` halves of it, as floats."""
    is_bytes = x.dtype == torch.uint8
    found = [x.float()]
    for _ in range(levels - 1):
        smaller = halved(found[-1])
        found.append((smaller + 0.5).floor() if is_bytes else smaller)
    return found


def _detail(stack: list[Tensor], level: int) -> Tensor:
    """What a level has beyond the next coarser one; all of the coarsest."""
    if level == len(stack) - 1:
        return stack[level]
    size = (stack[level].shape[1], stack[level].shape[2])
    return stack[level] - doubled(stack[level + 1], size)

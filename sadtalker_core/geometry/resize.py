"""Resizing of 8-bit pictures exactly as OpenCV and Pillow do it: published nets were fed by them.

Pixel edges keep their place: the left edge of the picture stays its left edge.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .opencv import cv2


def resize_linear(rgb: Tensor, size: tuple[int, int]) -> Tensor:
    """OpenCV's bilinear resize of (3, H, W) uint8 to ``size`` (H', W'); does not average when
    shrinking. The result is a uint8 picture on the CPU."""
    height, width = size
    if tuple(rgb.shape[1:]) == (height, width):
        return rgb.detach().cpu()
    shown = cv2.resize(_pixels(rgb), (width, height), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(shown).permute(2, 0, 1)


def resize_area(rgb: Tensor, size: tuple[int, int]) -> Tensor:
    """OpenCV's resize of (3, H, W) uint8 to ``size`` (H', W') by area: averages when shrinking and
    is nearly bilinear when enlarging. The result is a uint8 picture on the CPU."""
    height, width = size
    if tuple(rgb.shape[1:]) == (height, width):
        return rgb.detach().cpu()
    shown = cv2.resize(_pixels(rgb), (width, height), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(shown).permute(2, 0, 1)


def resize_bicubic(rgb: Tensor, size: tuple[int, int]) -> Tensor:
    """Pillow's bicubic resize of (3, H, W) uint8 to ``size`` (H', W'); its support grows when
    shrinking, so detail is averaged. The result is a uint8 picture on the CPU."""
    height, width = size
    picture = Image.fromarray(_pixels(rgb)).resize((width, height), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def _pixels(rgb: Tensor) -> np.ndarray:
    return np.ascontiguousarray(rgb.detach().permute(1, 2, 0).cpu().numpy())

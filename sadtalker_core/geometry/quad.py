"""Pictures cut through a four-sided window and put back, exactly as Pillow transforms them.

Corners are (x, y) in pixel edges, in the order upper left, lower left, lower right, upper right.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def cut_quad(rgb: Tensor, quad: Tensor, size: int) -> Tensor:
    """What a window of ``rgb`` (3, H, W) uint8 shows, as (3, size, size) uint8, bilinear.

    Args:
        rgb: the picture.
        quad: (4, 2) corners.
        size: side of the result. Windows of twice its size and more would have to be averaged
            first; they do not occur in pictures of less than four times the size.

    The picture is first cut to the window's surroundings, as FFHQ's alignment does: what lies
    beyond them is black.
    """
    corners = quad.detach().cpu().double().numpy()
    height, width = rgb.shape[1:]
    # of the diagonal, as the original has it ("qsize")
    across = (corners[3] - corners[1]) / 2
    border = max(round(math.hypot(*across) * 2 * 0.1), 3)
    low, high = np.floor(corners.min(0)), np.ceil(corners.max(0))
    box = (
        max(int(low[0]) - border, 0),
        max(int(low[1]) - border, 0),
        min(int(high[0]) + border, width),
        min(int(high[1]) + border, height),
    )
    if box[0] >= box[2] or box[1] >= box[3]:
        return rgb.new_zeros((3, size, size)).cpu()
    picture = _picture(rgb).crop(box)
    window = (corners - np.array(box[:2]) + 0.5).flatten().tolist()
    shown = picture.transform((size, size), Image.Transform.QUAD, window, Image.Resampling.BILINEAR)
    return _planes(shown)


def window_from_picture(quad: Tensor, size: int) -> Tensor:
    """(8,) float64 of the perspective map that takes the corners of ``quad`` (4, 2), half a pixel
    further, to those of a square of ``size`` pixels; by least squares."""
    rows: list[list[float]] = []
    square = [(0.0, 0.0), (0.0, float(size)), (float(size), float(size)), (float(size), 0.0)]
    for (x, y), (u, v) in zip((quad.detach().cpu().double() + 0.5).tolist(), square):
        rows.append([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y])
        rows.append([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y])
    matrix, wanted = np.array(rows), np.array(square).reshape(8)
    return torch.from_numpy(np.linalg.inv(matrix.T @ matrix) @ matrix.T @ wanted)


def paste_window(rgb: Tensor, window: Tensor, coefficients: Tensor) -> Tensor:
    """``window`` (3, S, S) uint8 laid over ``rgb`` (3, H, W) uint8 through the perspective map
    ``coefficients`` (8,) of ``window_from_picture``; the result is on the CPU."""
    below = _picture(rgb).convert("RGBA")
    laid = (
        _picture(window)
        .convert("RGBA")
        .transform(
            below.size,
            Image.Transform.PERSPECTIVE,
            coefficients.tolist(),
            Image.Resampling.BILINEAR,
        )
    )
    below.paste(laid, (0, 0), mask=laid)
    return _planes(below.convert("RGB"))


def _picture(rgb: Tensor) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(rgb.detach().permute(1, 2, 0).cpu().numpy()))


def _planes(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)

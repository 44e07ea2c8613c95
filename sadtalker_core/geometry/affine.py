"""Affine maps of the plane as (3, 3) matrices named ``to_from``.

Conventions: points are (x, y) columns in pixels; (0, 0) is the *centre* of the top left pixel;
y goes down; angles are radians, positive turns x toward y (clockwise as seen). ``a_from_b``
takes coordinates of b to coordinates of a, so ``a_from_b @ b_from_c`` is ``a_from_c``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def image_from_square(center: tuple[float, float], side: float, angle: float, size: int) -> Tensor:
    """Map from a square crop of ``size`` pixels to the picture it is cut from.

    Args:
        center: centre of the square in the picture, x and y, pixels.
        side: side of the square in the picture, pixels.
        angle: turn of the square in the picture, radians; 0 is upright.
        size: side of the crop, pixels.

    Returns:
        (3, 3) float64. The edges of the square and of the crop coincide, not the corner pixels'
        centres, so that cutting at ``side == size`` copies pixels.
    """
    scale = side / size
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    middle = (size - 1) / 2
    return torch.tensor(
        [
            [cos, -sin, center[0] - cos * middle + sin * middle],
            [sin, cos, center[1] - sin * middle - cos * middle],
            [0.0, 0.0, 1.0],
        ],
        dtype=torch.float64,
    )


def inverse(matrix: Tensor) -> Tensor:
    """``b_from_a`` of ``a_from_b``, (..., 3, 3)."""
    return torch.linalg.inv(matrix)


def apply(a_from_b: Tensor, points: Tensor) -> Tensor:
    """Points (..., K, 2) of b in the coordinates of a; ``a_from_b`` is (..., 3, 3)."""
    matrix = a_from_b.to(points)
    return points @ matrix[..., :2, :2].mT + matrix[..., None, :2, 2]


def scale_of(a_from_b: Tensor) -> Tensor:
    """Length in a of a unit length in b (...,), for similarity maps (square root of the area)."""
    return torch.linalg.det(a_from_b[..., :2, :2]).abs().sqrt()


def mirror(size: int, like: Tensor) -> Tensor:
    """(3, 3) map that mirrors a crop of ``size`` pixels left to right; its own inverse."""
    return like.new_tensor([[-1.0, 0.0, size - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])

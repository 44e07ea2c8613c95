"""The face's rectangle as FFHQ finds it from 68 landmarks, which SadTalker and VideoReTalking use.

Coordinates are pixel edges as the originals take landmarks. Both use the rectangle without its
rotation (SadTalker ``src/utils/croper.py``, video-retalking ``utils/ffhq_preprocess.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import FaceError, StructureError

_FFHQ_SIZE = 512  # the size both originals ask the alignment for, whatever the network's
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class FfhqRectangle:
    """The original's numbers: two boxes, one in the other, in a picture that may be shrunk.

    Attributes:
        shrink: by how much the picture is made smaller first; 1 leaves it.
        resized: (H, W) of the picture after that.
        crop: box of the whole head in it.
        inner: box of the face in ``crop``'s own coordinates, not yet cut to whole pixels.
        bottom: where the face's box would end below but for the original's mistake, which takes the
            picture's width for its height there and so cuts off the chin of tall close-ups.
    """

    shrink: int
    resized: tuple[int, int]
    crop: Box
    inner: tuple[float, float, float, float]
    bottom: float


def ffhq_quad(landmarks68: Tensor) -> tuple[Tensor, float]:
    """The turned square around a face: its corners (4, 2) float64, upper left, lower left, lower
    right, upper right before rotation, and its side in pixels.

    ``landmarks68`` (68, 2) x, y in pixels. Raises ``FaceError`` where they are no face.
    """
    if tuple(landmarks68.shape) != (68, 2):
        raise StructureError(f"Landmarks must be (68, 2), got {tuple(landmarks68.shape)}.")
    points = landmarks68.detach().cpu().double()
    if not bool(torch.isfinite(points).all()):
        raise FaceError("The landmarks are not finite numbers; use another picture.")
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    eyes, across = (left + right) / 2, right - left
    down = (points[48] + points[54]) / 2 - eyes
    x = torch.stack((across[0] + down[1], across[1] - down[0]))
    length = float(x.norm())
    if length < 1e-6:
        raise FaceError("The landmarks of eyes and mouth lie in one place; use another picture.")
    x = x / length * max(float(across.norm()) * 2.0, float(down.norm()) * 1.8)
    y, center = torch.stack((-x[1], x[0])), eyes + down * 0.1
    quad = torch.stack((center - x - y, center - x + y, center + x + y, center + x - y))
    return quad, float(x.norm()) * 2


def ffhq_rectangle(frame_size: tuple[int, int], landmarks68: Tensor) -> FfhqRectangle:
    """The original's rectangle around a face in a picture of ``frame_size`` (H, W).

    ``landmarks68`` (68, 2) x, y in pixels. Computed in double precision.
    """
    quad, side = ffhq_quad(landmarks68)
    shrink = max(1, math.floor(side / _FFHQ_SIZE * 0.5))
    # halves to even, as numpy's rint
    height, width = (round(axis / shrink) for axis in frame_size)
    quad, side = quad / shrink, side / shrink
    border = max(round(side * 0.1), 3)
    low, high = quad.amin(0).tolist(), quad.amax(0).tolist()
    crop = (
        max(math.floor(low[0]) - border, 0),
        max(math.floor(low[1]) - border, 0),
        min(math.ceil(high[0]) + border, width),
        min(math.ceil(high[1]) + border, height),
    )
    # the four corners: upper left, lower left, lower right, upper right before rotation
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = (quad - quad.new_tensor(crop[:2]) + 0.5).tolist()
    inner = (max(min(ax, bx), 0), max(min(ay, dy), 0))
    # the original ends the lower edge too at the picture's width
    inner += (min(max(cx, dx), width), min(max(by, cy), width))
    return FfhqRectangle(shrink, (height, width), crop, inner, max(by, cy))

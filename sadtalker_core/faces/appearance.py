"""How a face looks, in few numbers, to tell the people of one video from each other.

This is no recognition of persons: hair, skin and collar as they are in this video. It needs no
network.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from .crop import crop_square, square_around
from .face import Face

_SIDE = 48  # pixels of the crop that is looked at
_MARGIN = 1.5  # of its side over the face's: some hair and collar, little background
_CELLS = 6


def appearance(rgb: Tensor, face: Face) -> Tensor:
    """(A,) float32 of unit length; see ``alike``.

    Args:
        rgb: (3, H, W) uint8, the picture.
        face: a face in it.
    """
    place = square_around(face, _SIDE, _MARGIN, upright=True)
    crop = crop_square(rgb, place, _SIDE).float()[None] / 255
    # light changes from scene to scene: colours against brightness, and brightness in itself
    grey = crop.mean(1, keepdim=True)
    contrast = (grey - grey.mean()) / (grey.std() + 0.05)
    tint = (crop - grey) / (grey + 0.1) * 3
    cells = interpolate(torch.cat((contrast, tint), 1), size=(_CELLS, _CELLS), mode="area")
    return normalize(cells.flatten(), dim=0)


def alike(first: Tensor, second: Tensor) -> float:
    """Cosine of two appearances: 1 is the same, strangers mostly lie below 0.8."""
    return float((first * second).sum())

"""How a face looks, in few numbers, to tell the people of one video from each other.

This is no recognition of persons: hair, skin and collar as they are in this video. It needs no
network. All that follow faces judge by the limits here who a face is that was lost and is seen
again.
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
_SURE = 0.80  # likeness from which a face that returns anywhere is the same
DOUBT = 0.55  # below it a face is another even in the same place
CLEARLY = 0.15  # difference of two likenesses that tells two people apart
_REACH = 1.0  # how far a lost face may move without being surely known, in face sizes, ...
_REACH_GROWTH = 0.1  # ... how much farther with each frame it was away, ...
_REACH_MOST = 1.5  # ... and never farther: the next head may begin there
_LEARN = 0.05  # how fast an appearance follows light and pose


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


def learned(known: Tensor, seen: Tensor) -> Tensor:
    """The appearance of someone who was just seen again, a little nearer to how they look now."""
    mixed = torch.lerp(known, seen, _LEARN)
    return mixed / mixed.norm()


def reach_after(lost_for: int) -> float:
    """How far from its last place a face that was lost for so many frames is taken for the same
    without being surely known, in face sizes."""
    return min(_REACH + _REACH_GROWTH * lost_for, _REACH_MOST)


def nearness(distance: float, lost_for: int) -> float:
    """1 at the last place, 0 beyond reach; ``distance`` in face sizes."""
    return max(0.0, 1 - distance / reach_after(lost_for))


def claim(likeness: float, near: float) -> float | None:
    """How much speaks for a face of some ``nearness`` being the one that was lost; None where it is
    not alike enough for its place."""
    if likeness <= (DOUBT if near > 0 else _SURE):
        return None
    return likeness + 0.2 * near

"""Which of the expression's numbers move which part of the face."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...geometry.slerp import rotation_part
from .config import KEYPOINTS, LivePortraitMotionOptions

LIP = (6, 12, 14, 17, 19, 20)
EYES = (11, 13, 15, 16, 18)
# Beside these, FACE has single axes of five more keypoints.
_FACE = (1, 2, 6, *range(11, 21))
_FACE_AXES = ((3, 1), (4, 1), (5, 2), (8, 2), (9, 1), (9, 2))

X, Y, Z = 0, 1, 2
# Every number belongs to one gain. The sliders of the original's panel say which keypoint does
# what: 19 drops the jaw (its x purses the lips), 3 and 7 are cheeks that go with smile and pout,
# 1 and 2 the brows. Numbers that FACE leaves out move the head as a whole (5 shifts it).
_GAINS: dict[str, Sequence[tuple[int, Sequence[int]]]] = {
    "eyes": [(k, (X, Y, Z)) for k in EYES],
    "brows": [(1, (X, Y, Z)), (2, (X, Y, Z))],
    "jaw": [(19, (Y, Z))],
    "lips": [
        *((k, (X, Y, Z)) for k in (3, 6, 7, 12, 14, 17, 20)),
        *((19, (X,)), (4, (Y,)), (5, (Z,)), (8, (Z,)), (9, (Y, Z))),
    ],
    "pose": [
        *((0, (X, Y, Z)), (10, (X, Y, Z))),
        *((4, (X, Z)), (5, (X, Y)), (8, (X, Y)), (9, (X,))),
    ],
}


def face_mask(device: torch.device | str = "cpu") -> Tensor:
    """(21, 3) bool: what the original takes from the driver for a whole expression."""
    mask = _of_keypoints(_FACE, device)
    for keypoint, axis in _FACE_AXES:
        mask[keypoint, axis] = True
    return mask


def region_mask(region: str, device: torch.device | str = "cpu") -> Tensor:
    """(21, 3) bool: the numbers that a region takes from the driver.

    Args:
        region: one of ``config.REGIONS``; ``pose`` takes none.
        device: where the mask is made.
    """
    if region == "pose":
        return _of_keypoints((), device)
    if region == "lip":
        return _of_keypoints(LIP, device)
    if region == "eyes":
        return _of_keypoints(EYES, device)
    return face_mask(device)


def expression_gains(
    options: LivePortraitMotionOptions, device: torch.device | str
) -> Tensor | None:
    """(21, 3) strength of every number of the expression; None where it is 1 of all."""
    if all(getattr(options, name) == 1 for name in _GAINS):
        return None
    gains = torch.ones(KEYPOINTS, 3)
    for name in _GAINS:
        gains[gain_mask(name)] = getattr(options, name)
    return gains.to(device)


def gain_mask(name: str, device: torch.device | str = "cpu") -> Tensor:
    """(21, 3) bool: the numbers that the gain ``name`` scales (eyes, brows, lips, jaw or pose)."""
    mask = _of_keypoints((), "cpu")
    for keypoint, axes in _GAINS[name]:
        mask[keypoint, list(axes)] = True
    return mask.to(device)


def scaled_change(rest: Tensor, moved: Tensor, gain: Tensor | float) -> Tensor:
    """``rest`` and ``gain`` times the change to ``moved``; for 1 it is ``moved``, to the bit."""
    if not isinstance(gain, Tensor):
        return moved if gain == 1 else rest + gain * (moved - rest)
    return torch.where(gain == 1, moved, rest + gain * (moved - rest))


def scaled_turn(rest: Tensor, turned: Tensor, gain: float) -> Tensor:
    """``rest`` turned on by ``gain`` of the angle to ``turned``, about the same axis.

    Args:
        rest: (1 or N, 3, 3) rotations for rows.
        turned: (N, 3, 3); comes back to the bit where ``gain`` is 1.
        gain: 0 gives ``rest``.
    """
    if gain == 1:
        return turned
    return rotation_part(turned @ rest.mT, gain) @ rest


def _of_keypoints(keypoints: Sequence[int], device: torch.device | str) -> Tensor:
    mask = torch.zeros(KEYPOINTS, 3, dtype=torch.bool)
    mask[list(keypoints)] = True
    return mask.to(device)

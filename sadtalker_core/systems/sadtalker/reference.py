"""Motion of a reference video: brought to 25 fps, looped, and used for parts of the motion."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from ...structures import Coeff3DMM
from .config import FPS


def resampled(rows: Tensor, fps: Fraction, wanted: Fraction = Fraction(FPS)) -> Tensor:
    """(N, C) rows at ``fps`` -> (M, C) at ``wanted`` frames per second, linear in time.

    M is N * wanted / fps, rounded, at least 1. At the same rate the rows are returned as they are.
    """
    if fps == wanted:
        return rows
    step = fps / wanted
    count = max(1, round(rows.shape[0] / step))
    last = rows.shape[0] - 1
    # whole numbers, so that long videos do not drift
    place = torch.arange(count, device=rows.device) * step.numerator
    left = place // step.denominator
    right = (left + 1).clamp(max=last)
    share = ((place % step.denominator) / step.denominator)[:, None].to(rows)
    return rows[left] + share * (rows[right] - rows[left])


def looped(rows: Tensor, frames: int) -> Tensor:
    """(N, C) -> (frames, C): from the beginning again when the rows end."""
    return rows[torch.arange(frames, device=rows.device) % rows.shape[0]]


def reference_rows(reference: Coeff3DMM, frames: int | None = None) -> Tensor:
    """(T, 70) of a reference video at 25 fps, looped to ``frames``; None keeps its own length."""
    rows = resampled(reference.rows()[:, :70], reference.fps)
    return rows if frames is None else looped(rows, frames)


def add_reference_pose(pose: Tensor, reference: Tensor, scale: float = 1.0) -> Tensor:
    """(T, 6) pose plus the change of a reference's (T, 6) pose since its first frame.

    ``scale`` multiplies the change. Source: ``using_refpose`` in SadTalker's ``test_audio2coeff``.
    """
    return pose + scale * (reference - reference[:1])

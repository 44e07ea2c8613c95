"""Coefficients in the form that MappingNet reads: 27 frames around each frame."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from .config import FPS

RADIUS = 13  # frames on each side
_EXPRESSION = 64
_MOTION = 70


def driving_rows(
    rows: Tensor,
    source_coeff: Tensor,
    coefficients: int = _MOTION,
    *,
    expression_scale: float = 1.0,
    still: bool = False,
) -> Tensor:
    """Motion fitted to one source picture.

    Args:
        rows: (T, 70 or more) expression 64, rotation 3, translation 3; more columns are ignored.
        source_coeff: (1, 73) of the source picture.
        coefficients: 70, or 73 for the full modes: the source's crop numbers join each frame.
        expression_scale: factor of the expression.
        still: everything but the expression is the source's.

    Returns:
        (T, coefficients). Source: ``get_facerender_data`` in SadTalker's
        ``generate_facerender_batch.py``.
    """
    expression = rows[:, :_EXPRESSION]
    if expression_scale != 1.0:  # saves a copy of long clips
        expression = expression * expression_scale
    held = source_coeff[:, _EXPRESSION:coefficients].to(rows).expand(rows.shape[0], -1)
    if still:
        return torch.cat([expression, held], 1)
    return torch.cat([expression, rows[:, _EXPRESSION:_MOTION], held[:, 6:]], 1)


def windows(
    rows: Tensor, frames: Tensor | slice | None = None, fps: Fraction = Fraction(FPS)
) -> Tensor:
    """Windows of some frames; beyond both ends the nearest frame repeats.

    MappingNet learnt windows of 27/25 s. Coefficients at another rate are read at the same
    distances in time, linear between frames; at 25 fps these are the frames themselves.

    Args:
        rows: (T, C) coefficients of the whole clip.
        frames: which frames, as numbers (N,) int64 or a range; None means all.
        fps: frames per second of the rows.

    Returns:
        (N, C, 27), column 13 of each being the frame itself.
    """
    last = rows.shape[0] - 1
    if not isinstance(frames, Tensor):
        frames = torch.arange(last + 1)[slice(None) if frames is None else frames]
    frames = frames.to(rows.device)
    steps = torch.arange(-RADIUS, RADIUS + 1, device=rows.device)
    if fps == FPS:
        return rows[(frames[:, None] + steps).clamp(0, last)].mT
    stride = fps / FPS
    ahead = steps * stride.numerator
    left = frames[:, None] + ahead.div(stride.denominator, rounding_mode="floor")
    share = (ahead.remainder(stride.denominator) / stride.denominator)[:, None].to(rows)
    before, after = rows[left.clamp(0, last)], rows[(left + 1).clamp(0, last)]
    return (before + share * (after - before)).mT


def source_window(source_coeff: Tensor, coefficients: int = _MOTION) -> Tensor:
    """(1, 73) of the source picture -> (1, coefficients, 27), the same frame 27 times."""
    return source_coeff[:, :coefficients, None].expand(-1, -1, 2 * RADIUS + 1)

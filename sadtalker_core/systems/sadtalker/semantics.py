"""Coefficients in the form that MappingNet reads: 27 frames around each frame."""

from __future__ import annotations

import torch
from torch import Tensor

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
    expression = rows[:, :_EXPRESSION] * expression_scale
    held = source_coeff[:, _EXPRESSION:coefficients].to(rows).expand(rows.shape[0], -1)
    if still:
        return torch.cat([expression, held], 1)
    return torch.cat([expression, rows[:, _EXPRESSION:_MOTION], held[:, 6:]], 1)


def windows(rows: Tensor, frames: Tensor | slice | None = None) -> Tensor:
    """Windows of some frames; beyond both ends the nearest frame repeats.

    Args:
        rows: (T, C) coefficients of the whole clip.
        frames: which frames, as numbers (N,) int64 or a range; None means all.

    Returns:
        (N, C, 27), frame 13 of each being its own.
    """
    length = rows.shape[0]
    if not isinstance(frames, Tensor):
        frames = torch.arange(length, device=rows.device)[slice(None) if frames is None else frames]
    steps = torch.arange(-RADIUS, RADIUS + 1, device=rows.device)
    return rows[(frames[:, None] + steps).clamp(0, length - 1)].mT


def source_window(source_coeff: Tensor, coefficients: int = _MOTION) -> Tensor:
    """(1, 73) of the source picture -> (1, coefficients, 27), the same frame 27 times."""
    return source_coeff[:, :coefficients, None].expand(-1, -1, 2 * RADIUS + 1)

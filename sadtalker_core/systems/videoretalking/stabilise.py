"""What DNet is steered by: windows of 3DMM coefficients with one expression throughout.

Rows are the 73 numbers of ``faces.recon3d.motion_rows``: 64 of expression, 3 of rotation, 3 of
translation, then scale, x and y of the face in its picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

BEFORE, AFTER = 13, 12  # rows of a window before and after its frame
EXPRESSION = 64
_ROTATION = slice(64, 67)
_SCALE = 70


def window_rows(index: int, count: int) -> Tensor:
    """(26,) int64: the rows of frame ``index`` of ``count``; beyond both ends the last repeats."""
    return torch.arange(index - BEFORE, index + AFTER + 1).clamp(0, count - 1)


def window_of(rows: Tensor, index: int, scale: float | Tensor = 1.0) -> Tensor:
    """(73, 26) what DNet is given for row ``index`` of ``rows`` (N, 73); the face's scale is
    multiplied by ``scale``."""
    window = rows[window_rows(index, rows.shape[0])].clone()
    window[:, _SCALE] *= scale
    return window.T


def with_expression(window: Tensor, expression: Tensor) -> Tensor:
    """``window`` (..., 73, 26) with the expression (64,) in all of its columns."""
    shown = window.clone()
    shown[..., :EXPRESSION, :] = expression.to(window)[:, None]
    return shown


def crop_ratio(source: Tensor, targets: Tensor) -> Tensor:
    """How much larger the face of a row (73,) is than that of the row of ``targets`` (N, 73) that
    is most alike in expression and rotation.

    The reference multiplies the scales of a window by it. There the source is always one of the
    targets, so that it is 1; jobs leave it out.
    """
    away = (targets - source).abs()
    unlike = 0.3 * away[:, :EXPRESSION].mean(1) + (1 - 0.3) * away[:, _ROTATION].mean(1)
    return source[_SCALE] / targets[int(unlike.argmin()), _SCALE]


def to_picture(values: Tensor) -> Tensor:
    """DNet's picture (..., 3, H, W) in [-1, 1] as uint8, cut off to whole levels as the reference
    does."""
    return ((values.float().clamp(-1, 1) + 1) / 2 * 255).to(torch.uint8)

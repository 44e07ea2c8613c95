"""Keypoints of the renderer from canonical ones, pose and expression."""

from __future__ import annotations

import torch
from torch import Tensor

_BINS = 66
_DEGREES_PER_BIN = 3
_FIRST_BIN_DEG = -97.5


def degrees_from_bins(bins: Tensor) -> Tensor:
    """(N, 66) scores of angle bins -> (N,) expected degrees; anything else is degrees already.

    Source: ``headpose_pred_to_degree`` in LivePortrait's ``src/utils/camera.py``.
    """
    if bins.ndim < 2 or bins.shape[1] != _BINS:
        return bins
    numbers = torch.arange(_BINS, dtype=bins.dtype, device=bins.device)
    return (bins.softmax(1) * numbers).sum(1) * _DEGREES_PER_BIN + _FIRST_BIN_DEG


def without_depth(translation: Tensor) -> Tensor:
    """(N, 3) with z = 0: the renderer's keypoints do not move in depth as a whole."""
    return translation * translation.new_tensor([1.0, 1.0, 0.0])


def posed(
    canonical: Tensor, rotation: Tensor, expression: Tensor, scale: Tensor, translation: Tensor
) -> Tensor:
    """Canonical keypoints in the pose and expression of N frames.

    Args:
        canonical: (1 or N, K, 3) xyz.
        rotation: (1 or N, 3, 3) for rows.
        expression: (1 or N, K, 3) offsets, not turned with the head.
        scale: (1 or N, 1).
        translation: (1 or N, 3), all of it: see ``without_depth``.

    Returns:
        (N, K, 3). Source: LivePortrait paper, equation 2; ``transform_keypoint`` in
        ``src/live_portrait_wrapper.py``.
    """
    return (canonical @ rotation + expression) * scale[:, None] + translation[:, None]

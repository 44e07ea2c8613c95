"""Brows: raised on emphasis and at the beginning of phrases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .curves import RATE_HZ, Curve, Draws, ease, smooth_noise
from .phrases import Phrase

_RISE_S, _FALL_S = 0.18, 0.45


def brow_raise(
    phrases: Sequence[Phrase], rows: int, amount: float, generator: torch.Generator
) -> tuple[Curve, Curve]:
    """Raise of the viewer's left and right brow (R,) in E, up to about 0.05."""
    draws = Draws(generator)
    both = 0.003 * smooth_noise(draws, rows, 1.5)
    for phrase in phrases:
        if draws.chance(0.35):
            height = draws.uniform(0.012, 0.026)
            _add_raise(both, phrase.start_s, height, draws.uniform(0.1, 0.7))
        for moment, strength in phrase.stresses:
            if draws.chance(0.22 + 0.2 * strength):
                height = draws.uniform(0.010, 0.030) * (0.5 + 0.5 * strength)
                _add_raise(both, moment - 0.05, height, draws.uniform(0.0, 0.25))
    uneven = 0.12 * smooth_noise(draws, rows, 2.5)
    return amount * both * (1 + uneven), amount * both * (1 - uneven)


def _add_raise(curve: Curve, top_s: float, height: float, hold_s: float) -> None:
    first = max(0, int((top_s - _RISE_S) * RATE_HZ))
    last = min(len(curve), int((top_s + hold_s + _FALL_S) * RATE_HZ) + 1)
    if last <= first:
        return
    moments = (np.arange(first, last) + 0.5) / RATE_HZ - top_s
    shape = np.where(
        moments < 0, ease(1 + moments / _RISE_S), ease(1 - (moments - hold_s) / _FALL_S)
    )
    curve[first:last] = np.maximum(curve[first:last], (height * shape).astype(np.float32))

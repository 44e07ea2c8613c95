"""Calming of motion over time: over a whole sequence, or as frames arrive."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_PROCESS_VARIANCE = 1e-5
_FIRST_VARIANCE = 1.0


def smoothed(rows: Tensor, variance: float, process_variance: float = _PROCESS_VARIANCE) -> Tensor:
    """A Kalman smoother, every number for itself, over frames that are all known.

    Args:
        rows: (T, ...) what was seen; each number is taken for a random walk seen through noise.
        variance: of the noise. The larger, the calmer; 0 gives the rows themselves.
        process_variance: of the walk in one frame.

    Returns:
        (T, ...) like ``rows``; computed in float64. Rotations are rotations no longer, quite.

    Source: ``src/utils/filter.py`` of LivePortrait (pykalman's defaults); Rauch, Tung and Striebel
    1965. All numbers share their variances, so that these are plain numbers.
    """
    if variance == 0 or len(rows) == 0:
        return rows
    # Not on the rows' device: Apple's GPUs have no float64, and a step is too small for any.
    seen = rows.to("cpu", torch.float64).flatten(1)
    means = torch.empty_like(seen)
    variances: list[float] = []
    predicted = _FIRST_VARIANCE
    mean = seen[0]
    for frame, row in enumerate(seen):
        trust = predicted / (predicted + variance)
        mean = mean + trust * (row - mean)
        means[frame] = mean
        variances.append(predicted - trust * predicted)
        predicted = variances[-1] + process_variance
    for frame in range(len(seen) - 2, -1, -1):
        gain = variances[frame] / (variances[frame] + process_variance)
        means[frame] += gain * (means[frame + 1] - means[frame])
    return means.reshape(rows.shape).to(rows)


@dataclass(frozen=True)
class OneEuro:
    """A low-pass filter that follows quick changes at once and calms slow ones.

    Attributes:
        rate_hz: rows per second.
        cutoff_hz: of slow changes.
        slope: by how much the cut-off rises with speed.
        speed_cutoff_hz: of the speed itself.

    Source: Casiez 2012, "1 Euro Filter"; the defaults are FasterLivePortrait's.
    """

    rate_hz: float = 30.0
    cutoff_hz: float = 4.0
    slope: float = 0.3
    speed_cutoff_hz: float = 1.0

    def step(self, row: Tensor, state: OneEuroState | None) -> OneEuroState:
        """The state after one more row; ``state.value`` is the calmed row."""
        if state is None:
            return OneEuroState(row, row, torch.zeros_like(row))
        speed = (row - state.row) * self.rate_hz
        share = self._share(torch.as_tensor(self.speed_cutoff_hz).to(row))
        speed = share * speed + (1 - share) * state.speed
        share = self._share(self.cutoff_hz + self.slope * speed.abs())
        return OneEuroState(row, share * row + (1 - share) * state.value, speed)

    def run(self, rows: Tensor, state: OneEuroState | None) -> tuple[Tensor, OneEuroState | None]:
        """(T, ...) rows one after another, calmed, and the state after them."""
        calm: list[Tensor] = []
        for row in rows:
            state = self.step(row, state)
            calm.append(state.value)
        return (torch.stack(calm) if calm else rows), state

    def over(self, rows: Tensor) -> Tensor:
        """(T, ...) rows from the first on, calmed."""
        return self.run(rows, None)[0]

    def _share(self, cutoff_hz: Tensor) -> Tensor:
        return 1 / (1 + self.rate_hz / (2 * math.pi * cutoff_hz))


@dataclass(frozen=True)
class OneEuroState:
    """What the filter keeps between rows, all of a row's shape.

    Attributes:
        row: the last row as it came.
        value: the last row calmed.
        speed: its change per second, calmed.
    """

    row: Tensor
    value: Tensor
    speed: Tensor

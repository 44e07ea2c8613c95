"""Curves at the control rate and how they become frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Curve = NDArray[Any]  # (R,) float32 at the control rate unless said otherwise
RATE_HZ = 50  # row j of a curve is the moment (j + 0.5) / 50 s


@dataclass(frozen=True)
class FrameTimes:
    """The moments of T frames: frame k stands for the middle of the time it is shown.

    Attributes:
        count: T.
        fps: frames per second.
    """

    count: int
    fps: Fraction

    @property
    def seconds(self) -> NDArray[Any]:
        """(T,) middle of each frame."""
        return (np.arange(self.count) + 0.5) / float(self.fps)


class Draws:
    """Random numbers of one stage, from its generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def uniform(self, low: float, high: float) -> float:
        """One number, evenly from low to high."""
        return low + (high - low) * float(torch.rand((), generator=self._generator))

    def normal(self, spread: float) -> float:
        """One number around 0; rare extremes are cut at 2.2 spreads."""
        value = float(torch.randn((), generator=self._generator))
        return spread * min(max(value, -2.2), 2.2)

    def chance(self, share: float) -> bool:
        """True in ``share`` of the cases."""
        return self.uniform(0.0, 1.0) < share

    def noise(self, count: int) -> Curve:
        """(count,) white noise of variance 1."""
        return torch.randn(count, generator=self._generator).numpy()


def smooth(curve: Curve, seconds: float) -> Curve:
    """Gaussian smoothing with a standard deviation of ``seconds``; the ends are held."""
    reach = max(1, round(3 * seconds * RATE_HZ))
    steps = np.arange(-reach, reach + 1) / (seconds * RATE_HZ)
    kernel = np.exp(-0.5 * steps**2)
    kernel /= kernel.sum()
    padded = np.pad(curve, reach, mode="edge")
    return np.convolve(padded, kernel.astype(np.float32), mode="valid").astype(np.float32)


def smooth_noise(draws: Draws, count: int, seconds: float) -> Curve:
    """(count,) noise of variance about 1 that changes over ``seconds``."""
    if seconds > 0.4:  # made from few knots, so that long sounds stay cheap
        step = seconds * RATE_HZ / 2
        knots = smooth(draws.noise(int(count / step) + 6), 2.0 / RATE_HZ)
        places = np.arange(count, dtype=np.float32) / step + 2.0
        return cubic(knots, places) * np.float32(math.sqrt(2 * math.sqrt(math.pi) * 2.0))
    return smooth(draws.noise(count), seconds) * np.float32(
        math.sqrt(2 * math.sqrt(math.pi) * seconds * RATE_HZ)
    )


def cubic(curve: Curve, places: Curve) -> Curve:
    """Catmull-Rom interpolation of ``curve`` at (T,) places counted in rows; ends are held."""
    last = len(curve) - 1
    left = np.floor(places).astype(np.int64)
    u = (places - left).astype(np.float32)
    p0, p1, p2, p3 = (curve[np.clip(left + k, 0, last)] for k in (-1, 0, 1, 2))
    return np.asarray(
        p1
        + 0.5 * u * (p2 - p0 + u * (2 * p0 - 5 * p1 + 4 * p2 - p3 + u * (3 * (p1 - p2) + p3 - p0))),
        dtype=np.float32,
    )


def at_frames(curve: Curve, times: FrameTimes, delay_s: float = 0.0) -> Curve:
    """(T,) values of a curve at frames; frames slower than 25 a second see its local mean."""
    slow = RATE_HZ / float(times.fps)
    if slow > 2.0:
        curve = smooth(curve, 0.3 * slow / RATE_HZ)
    return cubic(curve, (times.seconds - delay_s) * RATE_HZ - 0.5)


def peaks_at_frames(curve: Curve, times: FrameTimes, delay_s: float = 0.0) -> Curve:
    """(T,) like ``at_frames``, but a short peak is never lost between slow frames."""
    reach = int(0.5 * RATE_HZ / float(times.fps))
    if reach:
        padded = np.pad(curve, reach, mode="edge")
        windows = [padded[k : k + len(curve)] for k in range(2 * reach + 1)]
        curve = np.maximum.reduce(windows)
    places = (times.seconds - delay_s) * RATE_HZ - 0.5
    return np.interp(places, np.arange(len(curve)), curve).astype(np.float32)


def ease(u: Curve) -> Curve:
    """0 to 1 with zero speed and acceleration at both ends (the path of least jerk)."""
    u = np.clip(u, 0.0, 1.0)
    return u * u * u * (10 + u * (6 * u - 15))


def add_move(speed: Curve, start_s: float, move_s: float, step: float) -> None:
    """Add a smooth move by ``step`` to a curve of change per row, in place."""
    first = max(0, int(start_s * RATE_HZ))
    last = min(len(speed), int((start_s + move_s) * RATE_HZ) + 2)
    if last <= first:
        return
    moments = (np.arange(first, last) + 0.5) / RATE_HZ
    path = ease((moments - start_s) / move_s)
    speed[first:last] += step * np.diff(path, prepend=0.0)

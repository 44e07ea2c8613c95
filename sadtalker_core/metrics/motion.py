"""How a motion behaves: trembling, blinks, how far mouth and head move."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..structures import LiteMotion

_SHUT, _OPEN = 0.5, 0.25  # closing at which a blink begins and has ended
_TAILS = (0.02, 0.98)  # single frames do not decide a range


@dataclass(frozen=True)
class MotionMetrics:
    """Numbers of one motion.

    Attributes:
        frames: T.
        seconds: its duration.
        head_jitter_deg: trembling of the head, degrees (see ``jitter``).
        mouth_jitter: trembling of the mouth's opening, in E, the outer-eye distance.
        pitch_range_deg: how far the head nods between its ends, degrees.
        yaw_range_deg: the same for turning.
        roll_range_deg: the same for leaning.
        blinks: how often both eyes close.
        blinks_per_minute: 10 to 20 is what people do.
        mouth_open_range: between the least and the most that the mouth opens, in E.
    """

    frames: int
    seconds: float
    head_jitter_deg: float
    mouth_jitter: float
    pitch_range_deg: float
    yaw_range_deg: float
    roll_range_deg: float
    blinks: int
    blinks_per_minute: float
    mouth_open_range: float


def measure_motion(motion: LiteMotion) -> MotionMetrics:
    """All measures of a motion as built-in controls."""
    seconds = len(motion) / float(motion.fps)
    degrees = motion.rotation_rad.cpu().double() * (180 / math.pi)
    spans = [value_range(angle) for angle in degrees.unbind(1)]
    count = count_blinks(motion.lids.mean(1))
    return MotionMetrics(
        frames=len(motion),
        seconds=seconds,
        head_jitter_deg=jitter(degrees),
        mouth_jitter=jitter(motion.open),
        pitch_range_deg=spans[0],
        yaw_range_deg=spans[1],
        roll_range_deg=spans[2],
        blinks=count,
        blinks_per_minute=60 * count / seconds if seconds else 0.0,
        mouth_open_range=value_range(motion.open),
    )


def jitter(values: Tensor) -> float:
    """Trembling of (T,) or (T, C) values, in their unit: noise of deviation d gives about d.

    What a smooth curve through three neighbouring frames does not explain; slow motion of any size
    gives nearly nothing. Of several columns the root of the summed squares. 0 below four frames.
    """
    if len(values) < 4:
        return 0.0
    rows = values.cpu().double().reshape(len(values), -1)  # Apple's devices have no float64
    third = rows[3:] - 3 * rows[2:-1] + 3 * rows[1:-2] - rows[:-3]
    return float((third.square().mean(0).sum() / 20).sqrt())  # 1 + 9 + 9 + 1


def count_blinks(closing: Tensor) -> int:
    """Blinks in (T,) closing of the eyes, 0 open to 1 shut.

    One begins when the eyes are half shut and must be nearly open again before the next; eyes that
    are shut from the first frame on count as none.
    """
    count, is_shut = 0, bool(len(closing)) and float(closing[0]) >= _SHUT
    for value in closing.tolist():
        if is_shut:
            is_shut = value > _OPEN
        elif value >= _SHUT:
            count, is_shut = count + 1, True
    return count


def value_range(values: Tensor) -> float:
    """Distance between the 2nd and 98th percentile of (T,) values; 0 without any."""
    if len(values) == 0:
        return 0.0
    ends = torch.quantile(values.double().cpu(), torch.tensor(_TAILS, dtype=torch.float64))
    return float(ends[1] - ends[0])

"""Blinks: when they come and how the lids move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .curves import Curve, Draws, FrameTimes, ease
from .phrases import Phrase

CLOSING_S = 0.085
SHUT_S = 0.03
OPENING_S = 0.17
SHORTEST_GAP_S = 0.4
_FIRST_S = 0.6  # nobody starts with shut eyes


def blink_times(
    length_s: float, every_s: float, phrases: Sequence[Phrase], generator: torch.Generator
) -> list[float]:
    """Seconds at which the lids are shut, on average ``every_s`` apart.

    Gaps vary as human ones do; a blink near the end of a phrase moves there. One in 25 is
    followed by a second one right away; otherwise two are at least 0.4 s apart.
    """
    draws = Draws(generator)
    ends = np.array([phrase.end_s + 0.08 for phrase in phrases])
    times: list[float] = []
    clock = 0.0
    while True:
        # The sum of four exponential draws: gaps are irregular, but seldom very short or long.
        gap = -sum(np.log(draws.uniform(1e-6, 1.0)) for _ in range(4)) / 4 * every_s
        early = 0.6 if clock == 0.0 else 1.0  # the middle of a gap is where a clip begins
        clock += max(early * gap, SHORTEST_GAP_S)
        if clock > length_s:
            return times
        moment = clock
        snap = draws.chance(0.7)
        shift = draws.uniform(-0.06, 0.12)
        if snap and len(ends):
            nearest = float(ends[np.abs(ends - clock).argmin()])
            if abs(nearest - clock) < min(1.2, 0.4 * every_s):
                moment = nearest + shift
        if moment < _FIRST_S or moment > length_s - CLOSING_S:
            continue
        if times and moment - times[-1] < SHORTEST_GAP_S + 0.05:
            continue
        times.append(moment)
        if draws.chance(0.04) and moment + 0.6 < length_s:
            times.append(moment + draws.uniform(0.3, 0.38))
            clock = max(clock, moment) + 0.3


def lid_closing(times_s: Sequence[float], frames: FrameTimes, generator: torch.Generator) -> Curve:
    """(T,) closing of the lids, 0 open to 1 shut: quick down, slower up.

    Each blink is moved to the middle of the nearest frame, so that its shut moment is seen at any
    frame rate.
    """
    draws = Draws(generator)
    closing = np.zeros(frames.count, np.float32)
    fps = float(frames.fps)
    for moment in times_s:
        slower = draws.uniform(0.9, 1.25)
        frame = min(max(int(moment * fps), 0), frames.count - 1)
        shut = (frame + 0.5) / fps
        first = max(0, int((shut - 0.2) * fps))
        last = min(frames.count, int((shut + 0.4) * fps) + 1)
        offset = (np.arange(first, last) + 0.5) / fps - shut
        down = ease(1 + (offset + SHUT_S / 2) / (CLOSING_S * slower))
        up = 1 - ease((offset - SHUT_S / 2) / (OPENING_S * slower)) ** 0.85
        shape = np.where(offset < 0, down, up).astype(np.float32)
        closing[first:last] = np.maximum(closing[first:last], shape)
    return closing

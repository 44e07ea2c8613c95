"""When the eyes close: one number for each frame, 0 open to 1 closed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BLINK = (0.5, 0.9, 1.0, 0.9, 0.5)
SLOW_BLINK = (0.5, 0.6, 0.7, 0.9, 1.0, 0.9, 0.7, 0.6, 0.5)
_SHORTEST = 20  # frames; shorter clips do not blink
_GAPS = (10, 70)  # frames between blinks, the second exclusive
_SLOW_GAP = 80


def random_blinks(frames: int, choose: Callable[[range], int]) -> Tensor:
    """Blinks at random gaps.

    Gaps come from 10 up to 70 frames or half the clip. For 21 frames that range is empty and the
    reference fails; here the gap is then 10.

    Args:
        frames: T.
        choose: picks one number of a range.

    Returns:
        (T,) float32. Source: ``generate_blink_seq_randomly`` in SadTalker's ``generate_batch.py``.
    """
    low, high = _GAPS
    gaps = range(low, max(low + 1, min(frames // 2, high)))
    return _blinks(frames, BLINK, lambda: choose(gaps)) if frames > _SHORTEST else _open(frames)


def steady_blinks(frames: int) -> Tensor:
    """(T,) slower blinks every 80 frames; the reference has them beside the random ones."""
    return _blinks(frames, SLOW_BLINK, lambda: _SLOW_GAP)


def seeded_choice(generator: torch.Generator) -> Callable[[range], int]:
    """A chooser for ``random_blinks`` that draws from ``generator``."""

    def choose(numbers: range) -> int:
        return numbers[int(torch.randint(len(numbers), (), generator=generator))]

    return choose


def _open(frames: int) -> Tensor:
    return torch.zeros(frames)


def _blinks(frames: int, shape: tuple[float, ...], gap: Callable[[], int]) -> Tensor:
    ratio = _open(frames)
    position = 0
    while True:
        start = position + gap()
        position = start + len(shape)
        if position > frames - 1:
            return ratio
        ratio[start:position] = torch.tensor(shape)

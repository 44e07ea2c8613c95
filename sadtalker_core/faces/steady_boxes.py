"""Face boxes with pads and their mean over five frames, as in Wav2Lip and VideoReTalking."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

Box = tuple[int, int, int, int]

FRAMES = 5
# A box that moves farther than this part of its side, or grows by more than this, between two
# frames is in another shot: no head is that quick.
_FARTHEST, _MOST_GROWTH = 0.35, 1.4


def padded_box(box: Box, pads: tuple[int, int, int, int], size: tuple[int, int]) -> Box:
    """``box`` (x0, y0, x1, y1) grown by ``pads`` (top, bottom, left, right), all in pixels, and
    cut at the edges of a picture of ``size`` (H, W)."""
    x0, y0, x1, y1 = box
    top, bottom, left, right = pads
    height, width = size
    return max(0, x0 - left), max(0, y0 - top), min(width, x1 + right), min(height, y1 + bottom)


def is_cut(before: Box, after: Box) -> bool:
    """Whether a face whose box was ``before`` and is ``after`` in the next frame is in another
    shot, so that means over both would lie beside both."""
    sides = [math.sqrt(max((x1 - x0) * (y1 - y0), 1)) for x0, y0, x1, y1 in (before, after)]
    middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in (before, after)]
    moved = math.dist(*middles)
    return moved > _FARTHEST * max(sides) or max(sides) > _MOST_GROWTH * min(sides)


class BoxSmoother:
    """The mean of each box and the four that follow, cut to whole pixels, four frames late.

    As in the originals the last boxes are means of the last five, those already smoothed among
    them, and of fewer than five boxes numpy's negative slices are the windows.
    """

    def __init__(self) -> None:
        self._held: list[Box] = []
        self._is_full = False

    def push(self, box: Box) -> list[Box]:
        """Take the next frame's box; the smoothed boxes that are sure now, at most one."""
        if self._is_full:
            self._held.pop(0)
        self._held.append(box)
        self._is_full = len(self._held) == FRAMES
        if not self._is_full:
            return []
        self._held[0] = _mean(self._held)
        return [self._held[0]]

    def finish(self) -> list[Box]:
        """The boxes that are still owed; a new sequence may follow."""
        held, first = self._held, 1 if self._is_full else 0
        for index in range(first, len(held)):
            held[index] = _mean(held[len(held) - FRAMES :])
        self._held, self._is_full = [], False
        return held[first:]


class AroundSmoother:
    """The mean of each box, the two before and the two after it, as far as there are any; rounded,
    two frames late."""

    def __init__(self) -> None:
        self._held: deque[Box] = deque(maxlen=FRAMES)
        self._owed = 0

    def push(self, box: Box) -> list[Box]:
        """Take the next frame's box; the smoothed boxes that are sure now, at most one."""
        self._held.append(box)
        self._owed += 1
        return [self._mean_before(FRAMES // 2)] if self._owed > FRAMES // 2 else []

    def finish(self) -> list[Box]:
        """The boxes that are still owed; a new sequence may follow."""
        left = [self._mean_before(after) for after in range(self._owed - 1, -1, -1)]
        self._held.clear()
        return left

    def _mean_before(self, after: int) -> Box:
        """Of the box that ``after`` boxes follow."""
        self._owed -= 1
        at = len(self._held) - 1 - after
        window = list(self._held)[max(0, at - FRAMES // 2) :]
        x0, y0, x1, y1 = (round(sum(side) / len(window)) for side in zip(*window))
        return x0, y0, x1, y1


class NoSmoother:
    """Boxes as they are."""

    def push(self, box: Box) -> list[Box]:
        """The box itself."""
        return [box]

    def finish(self) -> list[Box]:
        """Nothing is ever owed."""
        return []


class Smoother(Protocol):
    """What all smoothers do."""

    def push(self, box: Box) -> list[Box]:
        """Take the next frame's box; the smoothed boxes that are sure now, in order."""
        ...

    def finish(self) -> list[Box]:
        """The boxes that are still owed; a new sequence may follow."""
        ...


SMOOTHINGS = ("steady", "original", "none")


def smoother_of(smoothing: str) -> Smoother:
    """A fresh smoother: around each box, over the boxes that follow it as in the originals, or
    none."""
    if smoothing == "none":
        return NoSmoother()
    return BoxSmoother() if smoothing == "original" else AroundSmoother()


def _mean(boxes: list[Box]) -> Box:
    x0, y0, x1, y1 = (int(sum(values) / len(boxes)) for values in zip(*boxes))
    return x0, y0, x1, y1


def smooth_boxes(boxes: Iterable[Box]) -> Iterator[Box]:
    """``BoxSmoother`` over a whole sequence."""
    smoother = BoxSmoother()
    for box in boxes:
        yield from smoother.push(box)
    yield from smoother.finish()

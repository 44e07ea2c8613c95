"""What keeps restored faces calm over time: steady crops, and detail that follows slowly.

Flicker comes from three places: the landmarks tremble, so the network sees a slightly other
picture in each frame; it draws detail anew each time; and a face appears or is lost from one frame
to the next. So the crop's points are smoothed with a look ahead (no lag); what the network adds to
the crop is averaged over time where the face does not move in its crop; and its strength rises and
falls over some frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry.filters import blur

_CALM_S = 0.14  # standard deviation of the points' smoothing at the full steadiness
_FADE_S = 0.2  # how long a face takes to be restored in full after it is found
_CUT = 0.35  # a face that jumps farther than this part of its size is in another shot
_LEAST = 0.05  # of the new detail that is taken where nothing moves, at the full steadiness
_MOST = 0.2  # the same where the face moves
_STILL, _MOVING = 4.0, 20.0  # levels of change that are noise, and that are motion
_COARSE = 8  # pixels of the crop over which motion and colour are looked at
_COLOUR_SIGMA = 4.0  # of the blur that is colour and not detail, in those


@dataclass(frozen=True)
class Sight:
    """One person in one frame.

    Attributes:
        points_px: (5, 2) of the frame.
        outline_px: (K, 2) around what is restored.
        size_px: of the face.
        trust: 0 to 1, how well the network can know this view.
    """

    points_px: Tensor
    outline_px: Tensor
    size_px: float
    trust: float


@dataclass(frozen=True)
class Place:
    """Where a person is restored in one frame.

    Attributes:
        points_px: (5, 2), smoothed.
        outline_px: (K, 2), smoothed.
        strength: 0 to 1: fades and trust.
        begins: whether nothing before belongs to it: first sight, or another shot.
    """

    points_px: Tensor
    outline_px: Tensor
    strength: float
    begins: bool


def reach_of(steady: float, fps: Fraction) -> int:
    """How many frames around one are needed for its place."""
    if steady <= 0:
        return 0
    return max(math.ceil(3 * _sigma(steady, fps)), _fade_frames(fps))


def _sigma(steady: float, fps: Fraction) -> float:
    return steady * _CALM_S * float(fps)


def _fade_frames(fps: Fraction) -> int:
    return max(1, round(_FADE_S * float(fps)))


def place_of(
    sights: Sequence[Sight | None],
    current: int,
    steady: float,
    fps: Fraction,
    *,
    is_start: bool,
    is_end: bool,
) -> Place | None:
    """The place of a person in frame ``current`` of a window of sights; None where not seen.

    Args:
        sights: of frames in order; None where the person is not seen.
        current: index of the frame in it.
        steady: 0 to 1.
        fps: frames per second.
        is_start: whether the window begins with the first frame of the video: no fade there.
        is_end: whether it ends with the last one.
    """
    now = sights[current]
    if now is None:
        return None
    before = _same_shot(sights, current, -1)
    begins = len(before) == 0
    if steady <= 0:
        return Place(now.points_px, now.outline_px, now.trust, begins)
    after = _same_shot(sights, current, 1)
    run = [*(sights[i] for i in before[::-1]), now, *(sights[i] for i in after)]
    seen = [sight for sight in run if sight is not None]
    places = torch.arange(-len(before), len(after) + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (places / max(_sigma(steady, fps), 1e-3)).square())
    weights = (weights / weights.sum()).float()
    frames = _fade_frames(fps)
    fade = 1.0
    if not (is_start and current - len(before) == 0) and not _is_cut(sights, current, before, -1):
        fade = min(fade, (len(before) + 1) / frames)
    if not (is_end and current + len(after) == len(sights) - 1) and not _is_cut(
        sights, current, after, 1
    ):
        fade = min(fade, (len(after) + 1) / frames)
    return Place(
        _mean([sight.points_px for sight in seen], weights),
        _mean([sight.outline_px for sight in seen], weights),
        fade * float(torch.tensor([sight.trust for sight in seen]) @ weights),
        begins,
    )


def _mean(rows: list[Tensor], weights: Tensor) -> Tensor:
    return (torch.stack(rows) * weights[:, None, None]).sum(0)


def _same_shot(sights: Sequence[Sight | None], current: int, step: int) -> list[int]:
    """Frames next to the current one, outward, in which the person is seen without a jump."""
    found: list[int] = []
    last, i = sights[current], current + step
    while 0 <= i < len(sights):
        sight = sights[i]
        if sight is None or last is None or _jumps(last, sight):
            break
        found.append(i)
        last, i = sight, i + step
    return found


def _is_cut(sights: Sequence[Sight | None], current: int, run: list[int], step: int) -> bool:
    """Whether the run ends because the next frame shows the person elsewhere."""
    edge = (run[-1] if run else current) + step
    return 0 <= edge < len(sights) and sights[edge] is not None


def _jumps(first: Sight, second: Sight) -> bool:
    moved = float((first.points_px - second.points_px).norm(dim=1).mean())
    return moved > _CUT * max(first.size_px, second.size_px)


def without_colour(change: Tensor) -> Tensor:
    """A change (1, 3, S, S) without its coarse part: detail stays, colour and light do not."""
    coarse = blur(F.avg_pool2d(change, _COARSE), 4 * int(_COLOUR_SIGMA) + 1, _COLOUR_SIGMA)
    size = (change.shape[2], change.shape[3])
    return change - F.interpolate(coarse, size, mode="bilinear", align_corners=False)


class CalmDetail:
    """What the network adds to one person's crops, averaged where nothing moves."""

    def __init__(self, steady: float) -> None:
        self._least, self._most = _LEAST**steady, _MOST**steady
        self._is_on = steady > 0
        self._seen: Tensor | None = None
        self._kept: Tensor | None = None

    def next(self, crop: Tensor, change: Tensor, begins: bool) -> Tensor:
        """The change to show in the next frame.

        Args:
            crop: (1, 3, S, S) levels that the network saw.
            change: (1, 3, S, S) levels that it adds to them.
            begins: forget what was before.
        """
        if not self._is_on:
            return change
        seen = blur(F.avg_pool2d(crop.mean(1, keepdim=True), _COARSE), 5, 1.0)
        if begins or self._seen is None or self._kept is None:
            self._seen, self._kept = seen, change
            return change
        moved = F.max_pool2d((seen - self._seen).abs(), 3, 1, 1)
        part = ((moved - _STILL) / (_MOVING - _STILL)).clamp(0, 1)
        part = part * part * (3 - 2 * part)
        gain = blur(self._least + (self._most - self._least) * part, 5, 1.0)
        size = (change.shape[2], change.shape[3])
        gain = F.interpolate(gain, size, mode="bilinear", align_corners=False)
        # What moved is compared with what was kept, so that slow motion adds up until it counts.
        small = F.interpolate(gain, (seen.shape[2], seen.shape[3]), mode="area")
        self._seen = self._seen + small * (seen - self._seen)
        self._kept = self._kept + gain * (change - self._kept)
        return self._kept

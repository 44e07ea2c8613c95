"""LSE-D and LSE-C: how near lips and sound are, in the eyes of SyncNet, and how clearly.

After ``SyncNetInstance.py`` of joonson/syncnet_python and ``evaluation/scores_LSE`` of Wav2Lip.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import StructureError

FPS = 25
REACH = 15  # frames that the sound is shifted either way


@dataclass(frozen=True)
class LipSync:
    """How well lips and sound go together.

    Attributes:
        distance: LSE-D, the smallest mean distance; less is better. Real speech has about 7.
        confidence: LSE-C, how far that is below the median of all shifts; more is better.
        offset_frames: shift of that smallest distance in frames of 25 a second, at most 15 either
            way. Above 0 the sound comes first and the lips follow.
        windows: how many windows of five frames were measured.
        mean_distance: (31,) distance by shift, from the sound 15 frames earlier to 15 later.
    """

    distance: float
    confidence: float
    offset_frames: int
    windows: int
    mean_distance: Tensor


class LipSyncMeter:
    """Takes what SyncNet says of window after window; memory does not grow with them."""

    def __init__(self, reach: int = REACH) -> None:
        self.reach = reach
        self._sound: deque[Tensor] = deque()  # from window ``done`` - reach on
        self._lips: deque[Tensor] = deque()
        self._sums = torch.zeros(2 * reach + 1, dtype=torch.float64)
        self._done = 0

    def push(self, lips: Tensor, sound: Tensor) -> None:
        """Results of N windows in a row, both (N, C)."""
        if lips.shape != sound.shape or lips.ndim != 2:
            raise StructureError(
                f"Lips {tuple(lips.shape)} and sound {tuple(sound.shape)} must be (N, C) both."
            )
        for seen, heard in zip(lips.float().cpu(), sound.float().cpu()):
            if not self._sound:
                self._sound.extend(torch.zeros_like(heard) for _ in range(self.reach))
            self._lips.append(seen)
            self._sound.append(heard)
            if len(self._sound) > 2 * self.reach:
                self._measure_one()

    def _measure_one(self) -> None:
        heard = torch.stack([self._sound[i] for i in range(2 * self.reach + 1)])
        seen = self._lips.popleft()
        self._sums += F.pairwise_distance(seen.expand_as(heard), heard).double()
        self._sound.popleft()
        self._done += 1

    def result(self) -> LipSync:
        """The measure of all windows so far; nothing may be pushed after it.

        Raises:
            StructureError: there was no window.
        """
        while self._lips:
            self._sound.append(torch.zeros_like(self._sound[-1]))
            if len(self._sound) > 2 * self.reach:
                self._measure_one()
        if not self._done:
            raise StructureError("There is nothing to measure: fewer than six frames or no sound.")
        mean = (self._sums / self._done).float()
        best = int(mean.argmin())
        return LipSync(
            distance=float(mean[best]),
            confidence=float(mean.median() - mean[best]),
            offset_frames=self.reach - best,
            windows=self._done,
            mean_distance=mean,
        )


def lip_sync_of(pairs: Iterable[tuple[Tensor, Tensor]], reach: int = REACH) -> LipSync:
    """The measure of pairs (lips (N, C), sound (N, C)), windows in order."""
    meter = LipSyncMeter(reach)
    for lips, sound in pairs:
        meter.push(lips, sound)
    return meter.result()

"""What both networks hear of a sound, in groups of frames of one size.

Networks always run on groups of 32 frames that begin at multiples of 32 of the clip, the last one
filled up. So rounding never depends on how the stream is cut or how many frames flow together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from ...audio.wav2lip_mel import WAV2LIP_MEL, WINDOW_COLUMNS, frames_of, window_groups
from ...errors import OptionError
from ...motion_request import OpenSound
from .config import FPS
from .nets.expnet import ExpNet
from .nets.posevae import PoseVAE

GROUP = 32  # frames


class HeardGroup(NamedTuple):
    """``embedding`` (32, 512) for ExpNet, ``head`` (32, 6) for PoseVAE; None if not wanted."""

    embedding: Tensor | None
    head: Tensor | None


@dataclass(frozen=True)
class Speech:
    """What the networks listen to: a sound, or nothing for a while.

    Attributes:
        frames: T at 25 frames per second.
        open_sound: gives a fresh pass over the sound: (S,) float32 chunks of any size, mono at
            16 kHz, in [-1, 1]; None for silence.
        samples: its exact length.
    """

    frames: int
    open_sound: OpenSound | None = None
    samples: int = 0

    @classmethod
    def of_sound(cls, open_sound: OpenSound, samples: int) -> Speech:
        """A sound of ``samples`` samples at 16 kHz: max(1, samples // 640) frames."""
        return cls(frames_of(samples), open_sound, samples)

    @classmethod
    def of_nothing(cls, duration_s: Fraction | float) -> Speech:
        """No sound for some seconds: max(1, int(25 * seconds)) frames.

        Raises:
            OptionError: the duration is not a positive, finite number of seconds.
        """
        if not (math.isfinite(duration_s) and duration_s > 0):
            raise OptionError(f"duration must be a positive number of seconds, got {duration_s}.")
        exact = Fraction(duration_s).limit_denominator(1_000_000)
        return cls(max(1, int(FPS * exact)))

    def heard(
        self, expnet: ExpNet | None, posevae: PoseVAE | None, device: torch.device
    ) -> Iterator[HeardGroup]:
        """What these networks hear, at least all frames' groups; None is not asked to listen."""
        if self.open_sound is None:
            return hear_nothing(expnet, posevae, device)
        groups = window_groups(self.open_sound(), self.samples, GROUP, device)
        return hear(expnet, posevae, groups)


def hear(
    expnet: ExpNet | None, posevae: PoseVAE | None, groups: Iterable[Tensor]
) -> Iterator[HeardGroup]:
    """The speech encoders on (32, 1, 80, 16) mel windows each."""
    for windows in groups:
        head = None if posevae is None else posevae.hear(windows.to(weight_type(posevae)))
        face = None if expnet is None else expnet.embed(windows.to(weight_type(expnet)))
        yield HeardGroup(face, head)


def hear_nothing(
    expnet: ExpNet | None, posevae: PoseVAE | None, device: torch.device
) -> Iterator[HeardGroup]:
    """Without end what the networks make of no sound.

    Idle motion was defined with zeros instead of the mel of silence, which is -4: the reference
    does so, and zeros are what its idle faces look like.
    """
    blank = torch.zeros((GROUP, 1, WAV2LIP_MEL.bands, WINDOW_COLUMNS), device=device)
    return itertools.repeat(next(hear(expnet, posevae, [blank])))


def weight_type(net: torch.nn.Module) -> torch.dtype:
    """Floating point type of a network's weights."""
    return next(net.parameters()).dtype

"""What any engine makes motion from: a sound, a length, and perhaps videos to borrow from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import Tensor

OpenSound = Callable[[], Iterator[Tensor]]
OpenFrames = Callable[[], Iterator[Tensor]]


@dataclass(frozen=True)
class ReferenceVideo:
    """A video whose motion is borrowed.

    Attributes:
        open: a fresh pass over its frames, (N, 3, H, W) uint8 chunks.
        fps: its frames per second.
    """

    open: OpenFrames
    fps: Fraction


@dataclass(frozen=True)
class MotionRequest:
    """What an engine makes motion from.

    Attributes:
        options: the engine's motion options.
        duration_s: exact length of the sound, or of the motion without sound.
        fps: frames per second that are wanted; an engine of one fixed rate may give its own.
        open_sound: 16 kHz mono sound, as often as it is asked for; None for an idle portrait.
        samples: exact length of that sound.
        blink: video whose blinks and expression are borrowed, or None.
        pose: video whose head motion is borrowed, or None.
        whole: video whose whole motion is taken instead of any from the sound, or None.
    """

    options: Any
    duration_s: Fraction
    fps: Fraction
    open_sound: OpenSound | None = None
    samples: int = 0
    blink: ReferenceVideo | None = None
    pose: ReferenceVideo | None = None
    whole: ReferenceVideo | None = None

"""The head turned by hand: degrees over time that take the place of the learnt angles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ...geometry.keyframes import parse_keyframes
from .config import FPS, TURN_LIMIT_DEG, SadTalkerMotionOptions


@dataclass(frozen=True)
class FreeView:
    """Angles in degrees that replace the predicted ones of the driving frames.

    They are what MappingNet predicts, in the convention of ``rotation_facevid2vid``. None leaves
    an angle as it is predicted.

    Attributes:
        yaw: (T,) or None.
        pitch: (T,) or None.
        roll: (T,) or None.
    """

    yaw: Tensor | None = None
    pitch: Tensor | None = None
    roll: Tensor | None = None

    def __getitem__(self, frames: slice) -> FreeView:
        """The angles of a range of frames."""
        parts = (
            None if part is None else part[frames] for part in (self.yaw, self.pitch, self.roll)
        )
        return FreeView(*parts)


def free_view(
    options: SadTalkerMotionOptions,
    frames: int,
    fps: Fraction = Fraction(FPS),
    device: torch.device | None = None,
) -> FreeView | None:
    """The angles that the options write as keyframes; None if they write none.

    Raises:
        OptionError: a text is not a number or a list of ``seconds:degrees`` pairs.
    """
    times_s = torch.arange(frames, dtype=torch.float64) / float(fps)
    angles: dict[str, Tensor] = {}
    for name in ("yaw", "pitch", "roll"):
        keyframes = parse_keyframes(name, getattr(options, name), -TURN_LIMIT_DEG, TURN_LIMIT_DEG)
        if keyframes is not None:
            angles[name] = keyframes.at(times_s).float().to(device)
    return FreeView(**angles) if angles else None


def degree_sequence(degrees: Sequence[float], frames: int) -> Tensor:
    """Degrees for each frame from the list that the reference takes (``--input_yaw -20 30 10``).

    One value is held. Several are passed at one steady speed; where rounding ends the way early,
    the last value is held. Equal neighbours and a single frame, where the reference divides by
    zero, mean no way to go and the first value.

    Args:
        degrees: at least one.
        frames: T.

    Returns:
        (T,) float32. Source: ``gen_camera_pose`` in SadTalker's ``generate_facerender_batch.py``.
    """
    way = sum(abs(b - a) for a, b in zip(degrees, degrees[1:]))
    values = [np.asarray(degrees[:1], np.float64)]
    if way > 0 and frames > 1:
        speed = way / (frames - 1)
        # The original's order of operations: one bit decides whether a last value still fits.
        values = [
            np.arange(a, b, speed * abs(b - a) / (b - a))
            for a, b in zip(degrees, degrees[1:])
            if a != b
        ]
    sequence = np.concatenate(values)[:frames]
    held = np.pad(sequence, (0, frames - len(sequence)), mode="edge")
    return torch.from_numpy(held.astype(np.float32))

"""What each frame's lips must do: what is said, less what they do in the video already."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

from ...motion_request import MotionRequest
from ...runtime import Runtime
from ...structures import LiteMotion
from .basis import CHIN_OF_OPEN, REST_CHIN, lip_lift
from .config import LiteMotionOptions, LiteRelipOptions
from .driver import DriverRest, lip_controls
from .driver_rows import SeenFace, measure_faces
from .motion import motion_from_audio

_MOST = {"width": 0.20, "pucker": 1.0, "corners": 0.08, "jaw": 0.2}


@dataclass(frozen=True)
class LipChange:
    """What moves the mouth of one frame from how it is to how it must be, in E.

    Attributes:
        closing: how much of the source's gap is closed, 0 to 1.
        opening: new gap between the inner lips.
        lift, width, pucker, corners, jaw, press: changes as of the controls of those names.
    """

    closing: float
    opening: float
    lift: float
    width: float
    pucker: float
    corners: float
    jaw: float
    press: float


def spoken(speech: MotionRequest, options: LiteRelipOptions, runtime: Runtime) -> LiteMotion | None:
    """Controls of the sound's lips; None without a sound. Head, eyes and brows are not used."""
    if speech.open_sound is None:
        return None
    motion = LiteMotionOptions(
        expression_scale=options.expression_scale,
        closure=options.closure,
        audio_offset_ms=options.audio_offset_ms,
        speech_gate=options.speech_gate,
        smile=options.smile,
        still=True,
        blink=False,
        gaze=0.0,
        brows=0.0,
    )
    made = motion_from_audio(speech.open_sound, speech.samples, speech.fps, motion, runtime)
    return made.to("cpu")


def own_lips(seen: SeenFace, rest: DriverRest, fps: Fraction) -> dict[str, float]:
    """What the lips of a frame do by themselves, as controls relative to the face's rest."""
    own: dict[str, Tensor] = lip_controls(measure_faces([seen], fps), rest)
    return {name: float(value[0]) for name, value in own.items()}


def lip_change(
    own: dict[str, float], gap_e: float, wanted: LiteMotion | None, index: int, strength: float
) -> LipChange:
    """The change for frame ``index``.

    Args:
        own: of ``own_lips``.
        gap_e: largest gap between the lips' two cuts.
        wanted: of ``spoken``; where it has ended the mouth is closed.
        index: number of the frame.
        strength: 0 leaves the frame as it is.
    """
    if wanted is None or index >= len(wanted):
        aim = LiteMotion.rest(1, wanted.fps if wanted is not None else Fraction(25))
    else:
        aim = wanted[index : index + 1]
    opening = max(float(aim.open[0]), 0.0)
    # the chin went down with the source's opening; closing the lips raises it in part
    chin = own["jaw"] + CHIN_OF_OPEN * own["open"] - REST_CHIN * gap_e
    change = {
        "width": float(aim.width[0]) - own["width"],
        "pucker": float(aim.pucker[0]) - own["pucker"],
        "corners": float(aim.corners[0]) - own["corners"],
        "jaw": float(aim.jaw[0]) - chin,
    }
    limited = {
        name: strength * min(max(value, -_MOST[name]), _MOST[name])
        for name, value in change.items()
    }
    return LipChange(
        closing=strength,
        opening=strength * opening,
        lift=strength * float(lip_lift(aim.open, aim.jaw)[0]),
        press=strength * float(aim.press[0]),
        **limited,
    )

"""What each frame's lips must do: what is said, less what they do in the video already."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ...motion_request import MotionRequest
from ...runtime import Runtime
from ...structures import LiteMotion
from .basis import CHIN_OF_OPEN, REST_CHIN, WIDTH_OF, lip_lift
from .config import LiteMotionOptions, LiteRelipOptions
from .driver import DriverRest, lip_controls
from .driver_rows import SeenFace, measure_faces
from .motion import motion_from_audio

_MOST = {"width": 0.20, "pucker": 1.0, "corners": 0.08, "jaw": 0.2}
_NARROWER = 0.2  # of the filmed mouth's width: a picture of lips that is squeezed further tears
_POUT_LOST = (0.06, 0.20)  # E of filmed gap over which less and less of a pout is shown
_FASTEST = 0.9  # E in a second that lips part or close
_CALM_S = 0.04  # standard deviation of the smoothing of what lips do besides opening


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
    return unhurried(made.to("cpu"))


def unhurried(motion: LiteMotion) -> LiteMotion:
    """The motion without jumps from one frame to the next, which a warped picture shows as tears.

    Lips that are closed stay so: only what is open too early, or for too short a time, opens less.
    """
    step = _FASTEST / float(motion.fps)
    names = ("width", "pucker", "corners", "press")
    sigma = _CALM_S * float(motion.fps)
    calm = {name: _smooth(getattr(motion, name), sigma) for name in names}
    return dataclasses.replace(
        motion, open=_no_steeper(motion.open, step), jaw=_no_steeper(motion.jaw, step), **calm
    )


def _no_steeper(values: Tensor, step: float) -> Tensor:
    """(T,) the largest values below these that change by no more than ``step`` from each to the
    next."""
    slope = step * torch.arange(len(values), dtype=values.dtype)
    forward = (values - slope).cummin(0).values + slope
    return (forward + slope).flip(0).cummin(0).values.flip(0) - slope


def _smooth(values: Tensor, sigma: float) -> Tensor:
    reach = math.ceil(3 * sigma)
    weight = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma).square())
    held = torch.cat([values[:1].expand(reach), values, values[-1:].expand(reach)])
    return (held.unfold(0, 2 * reach + 1, 1) * (weight / weight.sum())).sum(1)


def own_lips(seen: SeenFace, rest: DriverRest, fps: Fraction) -> dict[str, float]:
    """What the lips of a frame do by themselves, as controls relative to the face's rest."""
    own: dict[str, Tensor] = lip_controls(measure_faces([seen], fps), rest)
    return {name: float(value[0]) for name, value in own.items()}


def lip_change(
    own: dict[str, float],
    gap_e: float,
    width_e: float,
    wanted: LiteMotion | None,
    index: int,
    strength: float,
) -> LipChange:
    """The change for frame ``index``.

    Args:
        own: of ``own_lips``.
        gap_e: largest gap between the lips' two cuts.
        width_e: of the filmed mouth from corner to corner.
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
    # lips that were drawn apart are stretched: they are no picture of protruding ones
    low, high = _POUT_LOST
    apart = min(max((gap_e - low) / (high - low), 0.0), 1.0)
    if change["pucker"] > 0:
        change["pucker"] *= 1 - 0.75 * apart
    pouted = WIDTH_OF["pucker"] * max(change["pucker"], 0.0)
    change["width"] = max(change["width"], -_NARROWER * width_e - pouted)
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

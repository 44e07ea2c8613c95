"""What the nodes around motions share: sockets, names of regions, sounds that are listened to."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..sadtalker_core.errors import MediaError, OptionError
from ..sadtalker_core.motion_request import MotionRequest
from ..sadtalker_core.structures import Coeff3DMM
from . import sockets
from .host import io
from .packing import Motion, motion_of
from .portraits import portrait_of
from .schema import options_from

SPEECH_RATE = 16000  # Hz, what every engine hears
REGIONS = ("head", "face", "mouth", "eyes", "brows")
REGIONS_HELP = "SadTalker's motion has head and face only."


def motion_input(name: str = "motion", tooltip: str = "", optional: bool = False) -> Any:
    """A socket for a motion of any engine."""
    return sockets.Motion.Input(
        name, tooltip=tooltip or "A motion of any engine.", optional=optional
    )


def motion_output(tooltip: str, name: str = "motion") -> Any:
    """The motion that a node gives."""
    return sockets.Motion.Output(f"{name}_out", display_name=name, tooltip=tooltip)


def frames_output() -> Any:
    """Its length."""
    return io.Int.Output("frames_out", display_name="frames", tooltip="How many frames it has.")


def portrait_for_pose(tooltip: str = "") -> Any:
    """A portrait whose pose SadTalker's motion starts from."""
    return sockets.Portrait.Input(
        "portrait",
        optional=True,
        tooltip=tooltip
        or "Only for SadTalker's motion: the portrait whose head pose counts as rest. Without it "
        "the motion's first frame does.",
    )


def result(motion: Motion, *more: Any) -> Any:
    """What a node returns: the motion, then ``more``."""
    return io.NodeOutput(motion.to_dict(), *more)


def pose_of(portrait: Any) -> Coeff3DMM | None:
    """SadTalker's coefficients of a portrait, one frame; None of other engines and of none."""
    if portrait is None:
        return None
    value = portrait_of(portrait)
    return value.engine.source_pose(value.prepared)


def expression_map() -> Any:
    """The map between SadTalker's face and the others', where the user fitted one."""
    from ..sadtalker_core.transfer.expression_map import expression_map_or_none
    from .host_models import host_store

    return expression_map_or_none(host_store().folders)


def given(motions: dict[str, Any]) -> dict[str, Motion]:
    """The motions of sockets that are connected, by name."""
    return {name: motion_of(data) for name, data in motions.items() if data is not None}


def region_choice(region: str) -> tuple[str, ...]:
    """Regions that a combo with "all" means."""
    return ("face", "head") if region == "all" else (region,)


def region_input(tooltip: str) -> Any:
    """Which part of a motion a node works on."""
    return io.Combo.Input(
        "region", options=["all", *REGIONS], default="all", tooltip=f"{tooltip} {REGIONS_HELP}"
    )


def heard(sound: Any) -> Any:
    """A sound that has something to hear.

    Raises:
        MediaError: it is silent from start to end.
    """
    if sound.is_silent:
        raise MediaError(
            "the sound is silent from start to end; connect a recording with speech, or make "
            "motion without sound: Idle Motion, or leave the audio unconnected where that is said."
        )
    return sound


def speech_request(sound: Any, options: Any, fps: Fraction) -> MotionRequest:
    """What an engine makes motion from, of a ``media.SoundInput``."""
    return MotionRequest(
        options=options,
        duration_s=sound.duration_s,
        fps=fps,
        open_sound=lambda: sound.open(SPEECH_RATE),
        samples=sound.sample_count(SPEECH_RATE),
    )


def seconds_of(value: float) -> Fraction:
    """Seconds in a widget as an exact number.

    Raises:
        OptionError: not above 0.
    """
    if not value > 0:
        raise OptionError(f"seconds must be above 0, got {value}.")
    return Fraction(value).limit_denominator(1_000_000)


def seconds_input(tooltip: str, default: float = 5.0, low: float = 0.04) -> Any:
    """A duration."""
    return io.Float.Input(
        "seconds", default=default, min=low, max=86400.0, step=0.01, tooltip=tooltip
    )


def texts_refusal(options: type[Any], **texts: str | None) -> bool | str:
    """What ``validate_inputs`` returns of texts that an option dataclass reads.

    Linked ones are None here and are checked when they are known.
    """
    from .host_files import refusal

    known = {name: text for name, text in texts.items() if text is not None}
    return refusal(lambda: options_from(options, known))

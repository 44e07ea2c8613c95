"""Options of the built-in engine, one dataclass per stage."""

from __future__ import annotations

from dataclasses import dataclass

from ...geometry.keyframes import parse_keyframes
from ...options import check_options, option, same_option

TURN_LIMIT_DEG = 45.0
# Parts of the face that move for each choice of a region.
DRIVE_REGIONS: dict[str, frozenset[str]] = {
    "all": frozenset({"eyes", "brows", "lips", "jaw", "pose", "scale"}),
    "exp": frozenset({"eyes", "brows", "lips", "jaw"}),
    "pose": frozenset({"pose", "scale"}),
    "lip": frozenset({"lips", "jaw"}),
    "eyes": frozenset({"eyes"}),
}


@dataclass(frozen=True)
class LiteMotionOptions:
    """How sound becomes motion of mouth, eyes and head."""

    expression_scale: float = option(
        1.0, low=0.0, high=3.0, help="Strength of mouth movement: 1 as heard, 0 a closed mouth."
    )
    closure: float = option(
        1.0,
        low=0.0,
        high=1.0,
        help="How firmly lips close on m, b and p: 1 always shut.",
        advanced=True,
    )
    audio_offset_ms: float = option(
        0.0,
        low=-500.0,
        high=500.0,
        unit="ms",
        help="Moves the mouth in time against the sound: positive is later.",
    )
    speech_gate: float = option(
        1.0,
        low=0.0,
        high=1.0,
        help="How strongly music and noise are kept from moving the mouth: 0 everything moves it.",
        advanced=True,
    )
    smile: float = option(
        0.0, low=-1.0, high=1.0, help="Constant smile: 1 broad, negative is a sad mouth."
    )
    pose_style: int = option(
        0,
        low=0,
        high=45,
        help="Character of head motion: 0 neutral, 1-9 calm, 10-18 nodding, 19-27 swaying, "
        "28-36 tilting, 37-45 lively; within a range tempo and habits differ.",
    )
    pose_scale: float = option(
        1.0, low=0.0, high=3.0, help="Amount of head motion: 1 natural, 0 none."
    )
    still: bool = option(False, help="Keep head and shoulders still; mouth and eyes still move.")
    yaw: str = option(
        "",
        keyframes=True,
        low=-TURN_LIMIT_DEG,
        high=TURN_LIMIT_DEG,
        unit="deg",
        help="Turn of the head instead of the automatic one: a number, or seconds:degrees pairs "
        "such as 0:0, 1.5:10, 3:0; positive turns to the viewer's right.",
    )
    pitch: str = option(
        "",
        keyframes=True,
        low=-TURN_LIMIT_DEG,
        high=TURN_LIMIT_DEG,
        unit="deg",
        help="Nod of the head instead of the automatic one, like yaw; positive looks down.",
    )
    roll: str = option(
        "",
        keyframes=True,
        low=-TURN_LIMIT_DEG,
        high=TURN_LIMIT_DEG,
        unit="deg",
        help="Lean of the head instead of the automatic one, like yaw; positive leans to the "
        "viewer's right.",
    )
    breathing: float = option(
        1.0,
        low=0.0,
        high=3.0,
        help="Rise and fall of breathing: 1 natural, 0 none.",
        advanced=True,
    )
    blink: bool = option(True, help="Blink at human rates.")
    blink_every: float = option(3.5, low=0.8, high=60.0, unit="s", help="Mean time between blinks.")
    hold_open: float = option(
        0.0,
        low=0.0,
        high=1.0,
        help="Hold the eyes wider open between blinks, for sleepy pictures: 0 as in the picture.",
        advanced=True,
    )
    gaze: float = option(
        1.0, low=0.0, high=3.0, help="Amount of eye movement: 1 natural, 0 a fixed gaze."
    )
    brows: float = option(
        1.0, low=0.0, high=3.0, help="Amount of brow movement: 1 natural, 0 none."
    )

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("yaw", "pitch", "roll"):
            parse_keyframes(name, getattr(self, name), -TURN_LIMIT_DEG, TURN_LIMIT_DEG)


@dataclass(frozen=True)
class LiteRenderOptions:
    """How motion becomes pictures."""

    frame: str = option(
        "full",
        choices=("full", "crop", "resize"),
        help="What the video shows: the full picture in its own size, a square crop of head and "
        "shoulders, or the whole picture resized.",
    )
    frame_size: int = option(
        512,
        low=64,
        high=4096,
        unit="px",
        help="Side of the crop, or longer side of the resized picture; full takes no notice.",
    )
    close_mouth: bool = option(
        True,
        help="Close a mouth that stands open in the picture while it is silent.",
        advanced=True,
    )
    teeth: float = option(
        1.0,
        low=0.0,
        high=1.0,
        help="How clearly drawn teeth show in the open mouth: 0 leaves it dark.",
        advanced=True,
    )
    background: float = option(
        1.0,
        low=0.5,
        high=2.0,
        help="How far around the head the picture moves along: less keeps a busy background "
        "calmer, more bends hair and neck less.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LiteDriveOptions:
    """How the face in a driving video becomes motion."""

    neutral: str = option(
        "auto",
        choices=("auto", "first"),
        help="What counts as the driver's face at rest: found among all frames (mouth closed, eyes "
        "open, looking ahead), or simply the first frame.",
    )
    steady: float = option(
        1.0,
        low=0.0,
        high=4.0,
        help="How much trembling is taken out of the tracked face: 0 none, 1 normal.",
    )
    mirror: bool = option(False, help="Swap left and right, as in a mirror, for webcams.")
    region: str = option(
        "all",
        choices=tuple(DRIVE_REGIONS),
        help="What moves: everything, expression alone (exp), head alone (pose), lips or eyes.",
    )
    eyes: float = option(1.0, low=0.0, high=2.0, help="Strength of blinks and gaze: 1 as filmed.")
    brows: float = option(1.0, low=0.0, high=2.0, help="Strength of the brows: 1 as filmed.")
    lips: float = option(1.0, low=0.0, high=2.0, help="Strength of the lips' shape: 1 as filmed.")
    jaw: float = option(1.0, low=0.0, high=2.0, help="How far the mouth opens: 1 as filmed.")
    pose: float = option(
        1.0,
        low=0.0,
        high=2.0,
        help="Strength of the head's turns and shifts: 1 as filmed, 0 holds the portrait's pose.",
    )
    scale: float = option(
        1.0,
        low=0.0,
        high=2.0,
        help="Strength of the head's change in size: 1 as filmed, 0 keeps the portrait's size.",
    )
    multiplier: float = option(
        1.0, low=0.0, high=2.0, help="Strength of the whole motion: 1 as filmed, 0 none."
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LiteRelipOptions:
    """How a video gets new lips."""

    expression_scale: float = same_option(LiteMotionOptions, "expression_scale")
    closure: float = same_option(LiteMotionOptions, "closure")
    audio_offset_ms: float = same_option(LiteMotionOptions, "audio_offset_ms")
    speech_gate: float = same_option(LiteMotionOptions, "speech_gate")
    smile: float = same_option(LiteMotionOptions, "smile")
    teeth: float = same_option(LiteRenderOptions, "teeth")
    own_teeth: bool = option(
        True,
        help="Show the speaker's own teeth where the video shows them, instead of drawn ones.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)

"""Options of SadTalker, one dataclass per stage. Names and ranges are the original's where it
has them."""

from __future__ import annotations

from dataclasses import dataclass

from ...geometry.keyframes import parse_keyframes
from ...options import check_options, option

FPS = 25  # what the published networks were trained at
PREPROCESS_MODES = ("crop", "extcrop", "resize", "full", "extfull")
TURN_LIMIT_DEG = 90.0
BLINK_PATTERNS = ("random", "steady")


@dataclass(frozen=True)
class SadTalkerMotionOptions:
    """How sound becomes expression, blinks and head motion."""

    expression_scale: float = option(
        1.0, low=0.0, high=3.0, help="Strength of the face's expression: 1 as learnt."
    )
    pose_style: int = option(
        0,
        low=0,
        high=45,
        help="Learnt style of head motion; the numbers are 46 speakers of the training set and "
        "have no order.",
    )
    pose_scale: float = option(
        1.0, low=0.0, high=3.0, help="Amount of head motion: 1 as learnt, 0 none."
    )
    still: bool = option(False, help="Keep the head as it is in the picture; the face still moves.")
    yaw: str = option(
        "",
        keyframes=True,
        low=-TURN_LIMIT_DEG,
        high=TURN_LIMIT_DEG,
        unit="deg",
        help="Turn of the head instead of the learnt one: a number, or seconds:degrees pairs "
        "such as 0:0, 1.5:10, 3:0.",
    )
    pitch: str = option(
        "",
        keyframes=True,
        low=-TURN_LIMIT_DEG,
        high=TURN_LIMIT_DEG,
        unit="deg",
        help="Nod of the head instead of the learnt one, like yaw.",
    )
    roll: str = option(
        "",
        keyframes=True,
        low=-TURN_LIMIT_DEG,
        high=TURN_LIMIT_DEG,
        unit="deg",
        help="Lean of the head instead of the learnt one, like yaw.",
    )
    blink: bool = option(True, help="Blink now and then; the seed says when.")

    def __post_init__(self) -> None:
        check_options(self)
        for name in ("yaw", "pitch", "roll"):
            parse_keyframes(name, getattr(self, name), -TURN_LIMIT_DEG, TURN_LIMIT_DEG)


@dataclass(frozen=True)
class SadTalkerRenderOptions:
    """How motion becomes pictures."""

    preprocess: str = option(
        "full",
        choices=PREPROCESS_MODES,
        help="What is cut from the picture and shown: the face (crop), the face with more around "
        "it (extcrop), the whole picture squeezed to a square (resize), or either of the first "
        "two pasted back into the picture (full, extfull).",
    )
    size: str = option(
        "256", choices=("256", "512"), help="Side of the rendered face in pixels: which network."
    )
    paste: str = option(
        "soft",
        choices=("soft", "poisson"),
        help="How full modes put the face back: a soft edge with matched colours, or the "
        "original's slow Poisson blending.",
    )
    landmarks: str = option(
        "tracker",
        choices=("tracker", "original"),
        help="Who finds the face: our own tracker, or the original's networks (two more files).",
        advanced=True,
    )
    precision: str = option(
        "auto",
        choices=("auto", "float32", "bfloat16", "float16"),
        help="Arithmetic of the renderer: auto takes the fastest that stays true on this device.",
        advanced=True,
    )
    compile: bool = option(
        False,
        help="Let torch compile the renderer: a minute at the start, faster after it.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)

"""Options of VideoReTalking: the original's, with its defaults, and what is new here.

Not here: batch sizes, the folder for files between stages and ``re_preprocess`` (nothing is written
between stages), paths of networks (the store knows them), ``img_size`` (the networks work at 384
pixels and nothing else), ``fps`` and the length of segments (the job and the streaming see to
them).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import OptionError
from ...faces.steady_boxes import SMOOTHINGS, Box
from ...options import check_options, option, shortened

TEMPLATES = ("neutral", "smile")
UPPER_FACES = ("original", "sad", "angry", "surprise")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
_MOST_PAD = 500


@dataclass(frozen=True)
class VideoReTalkingOptions:
    """How a video gets new lips."""

    exp_img: str = option(
        "neutral",
        help="The expression that the face's reference is given before its lips are drawn: "
        "neutral, smile, or a picture whose expression is taken.",
    )
    up_face: str = option(
        "original",
        choices=UPPER_FACES,
        help="Emotion of eyes and brows; anything but original replaces the upper half of the "
        "face (one more file).",
    )
    without_rl1: bool = option(
        False,
        help="Keep the upper half of the filmed face instead of the drawn one.",
        advanced=True,
    )
    one_shot: bool = option(
        False,
        help="Make every reference from the first frame's face instead of each frame's own.",
        advanced=True,
    )
    finder: str = option(
        "tracker",
        choices=("tracker", "original"),
        help="Who finds the face: our own tracker, which looks once at each frame and follows one "
        "person, or the original's three networks (three more files, much slower).",
    )
    pad_top: int = option(
        0,
        low=-_MOST_PAD,
        high=_MOST_PAD,
        unit="px",
        help="Room added above the face that was found.",
        advanced=True,
    )
    pad_bottom: int = option(
        20,
        low=-_MOST_PAD,
        high=_MOST_PAD,
        unit="px",
        help="Room added below the face; the chin must be inside.",
    )
    pad_left: int = option(
        0,
        low=-_MOST_PAD,
        high=_MOST_PAD,
        unit="px",
        help="Room added to the left of the face.",
        advanced=True,
    )
    pad_right: int = option(
        0,
        low=-_MOST_PAD,
        high=_MOST_PAD,
        unit="px",
        help="Room added to the right of the face.",
        advanced=True,
    )
    box: str = option(
        "",
        help="The face's place for the whole video instead of the one that was found: top, bottom, "
        "left, right in pixels, such as 80,400,120,380.",
        advanced=True,
    )
    crop: str = option(
        "",
        help="Look for the face in this part of the frames alone: top, bottom, left, right in "
        "pixels, -1 for the end, such as 0,-1,0,640. The rest of the frames stays.",
        advanced=True,
    )
    smoothing: str = option(
        "steady",
        choices=SMOOTHINGS,
        help="How the face's place is steadied over five frames: around each frame, over the "
        "frames that follow as the original does, or not at all.",
        advanced=True,
    )
    static: bool = option(False, help="Show the first frame throughout; only its face moves.")
    reference_enhancer: str = option(
        "gpen",
        choices=("gpen", "none"),
        help="What sharpens the reference before lips are drawn. gpen may not be used "
        "commercially, and takes a third of the time.",
    )
    mouth_enhancer: str = option(
        "gfpgan",
        choices=("gfpgan", "none"),
        help="What restores teeth and lips in the result.",
    )
    blend: str = option(
        "region",
        choices=("region", "original"),
        help="region blends around the face alone and keeps every other pixel; original takes the "
        "whole frame through 512 pixels, which makes all of it soft.",
    )
    precision: str = option(
        "auto",
        choices=PRECISIONS,
        help="Arithmetic of the networks' products: auto takes bfloat16 on processors that have "
        "it, which is up to twice as fast and differs by a level or so.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)
        self.fixed_box()
        self.look_in()

    @property
    def pads(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right, as ``padded_box`` takes them."""
        return self.pad_top, self.pad_bottom, self.pad_left, self.pad_right

    @property
    def replaces_upper(self) -> bool:
        """Whether the upper half of the face is not ENet's."""
        return self.without_rl1 or self.up_face != "original"

    def fixed_box(self) -> Box | None:
        """``box`` as x0, y0, x1, y1, or None when it is empty."""
        if not self.box.strip():
            return None
        top, bottom, left, right = _four("box", self.box)
        if min(top, left) < 0 or bottom <= top or right <= left:
            raise OptionError(
                f"box has no extent or begins outside of the picture: top {top}, bottom {bottom}, "
                f"left {left}, right {right}."
            )
        return left, top, right, bottom

    def look_in(self) -> Box | None:
        """``crop`` as x0, y0, x1, y1, -1 for the end, or None when it is empty."""
        if not self.crop.strip():
            return None
        top, bottom, left, right = _four("crop", self.crop)
        if min(top, left) < 0 or -1 < bottom <= top or -1 < right <= left:
            raise OptionError(
                f"crop has no extent or begins outside of the picture: top {top}, bottom {bottom}, "
                f"left {left}, right {right}."
            )
        return left, top, right, bottom


def _four(name: str, text: str) -> tuple[int, int, int, int]:
    try:
        top, bottom, left, right = (int(part) for part in text.split(","))
    except ValueError as error:
        raise OptionError(
            f"{name} must be four whole numbers, top, bottom, left and right, such as "
            f"80,400,120,380, got {shortened(text)}."
        ) from error
    return top, bottom, left, right

"""Options of VideoReTalking: the original's, with its defaults, and what is new here.

Not here: batch sizes, the folder for files between stages and ``re_preprocess`` (nothing is written
between stages), paths of networks (the store knows them), ``img_size`` (the networks work at 384
pixels and nothing else), ``fps`` and the length of segments (the job and the streaming see to
them).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...faces.box_options import BoxOptions, BoxWords, read_box
from ...faces.steady_boxes import Box
from ...options import check_options, option, same_option

TEMPLATES = ("neutral", "smile")
UPPER_FACES = ("original", "sad", "angry", "surprise")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class VideoReTalkingOptions(BoxWords):
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
    pad_top: int = same_option(BoxOptions, "pad_top")
    pad_bottom: int = same_option(BoxOptions, "pad_bottom", 20)
    pad_left: int = same_option(BoxOptions, "pad_left")
    pad_right: int = same_option(BoxOptions, "pad_right")
    box: str = same_option(BoxOptions, "box")
    crop: str = option(
        "",
        help="Look for the face in this part of the frames alone: top, bottom, left, right in "
        "pixels, -1 for the end, such as 0,-1,0,640. The rest of the frames stays.",
        advanced=True,
    )
    smoothing: str = same_option(BoxOptions, "smoothing")
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
    def replaces_upper(self) -> bool:
        """Whether the upper half of the face is not ENet's."""
        return self.without_rl1 or self.up_face != "original"

    def look_in(self) -> Box | None:
        """``crop`` as x0, y0, x1, y1, -1 for the end, or None when it is empty."""
        return read_box("crop", self.crop, open_end=True)

"""Options of Wav2Lip: the original's where they make sense here, and how the face is put back."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import OptionError
from ...faces.steady_boxes import SMOOTHINGS, Box
from ...options import check_options, option, shortened

_MOST_PAD = 500


@dataclass(frozen=True)
class Wav2LipOptions:
    """How the lower half of a face is painted anew."""

    model: str = option(
        "gan",
        choices=("gan", "exact"),
        help="gan looks clearer; exact follows the sound a little closer.",
    )
    finder: str = option(
        "tracker",
        choices=("tracker", "original"),
        help="Who finds the face: our own tracker, which follows one person, or the original's "
        "detector (S3FD, one more file).",
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
        10,
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
        help="The face's place for the whole video instead of finding it: top, bottom, left, right "
        "in pixels, such as 80,400,120,380.",
        advanced=True,
    )
    smoothing: str = option(
        "steady",
        choices=SMOOTHINGS,
        help="How the face's place is steadied over five frames: around each frame, over the "
        "frames that follow as the original does, or not at all.",
        advanced=True,
    )
    static: bool = option(False, help="Show the first frame throughout; only its lips move.")
    paste: str = option(
        "soft",
        choices=("soft", "hard"),
        help="soft puts back the lower face alone, with a soft edge; hard the whole box, as the "
        "original does.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        self.fixed_box()

    @property
    def pads(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right, as ``padded_box`` takes them."""
        return self.pad_top, self.pad_bottom, self.pad_left, self.pad_right

    def fixed_box(self) -> Box | None:
        """``box`` as x0, y0, x1, y1, or None when it is empty."""
        if not self.box.strip():
            return None
        try:
            top, bottom, left, right = (int(part) for part in self.box.split(","))
        except ValueError as error:
            raise OptionError(
                "box must be four whole numbers, top, bottom, left and right, such as "
                f"80,400,120,380, got {shortened(self.box)}."
            ) from error
        if min(top, left) < 0 or bottom <= top or right <= left:
            raise OptionError(
                f"box has no extent or begins outside of the picture: top {top}, bottom {bottom}, "
                f"left {left}, right {right}."
            )
        return left, top, right, bottom

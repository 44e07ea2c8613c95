"""Options of a face's box, for engines that paint into one.

An engine takes over each with ``same_option``, as they stand among its own in an order for people.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import OptionError
from ..options import check_options, option, shortened
from .steady_boxes import SMOOTHINGS, Box

_MOST_PAD = 500


class BoxWords:
    """What options of a box mean."""

    pad_top: int
    pad_bottom: int
    pad_left: int
    pad_right: int
    box: str

    @property
    def pads(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right, as ``padded_box`` takes them."""
        return self.pad_top, self.pad_bottom, self.pad_left, self.pad_right

    def check_pads(self, box: Box) -> None:
        """Raise ``OptionError`` where negative pads leave nothing of a face's box."""
        x0, y0, x1, y1 = box
        sides = (
            ("pad_left", self.pad_left, "pad_right", self.pad_right, "wide", x1 - x0),
            ("pad_top", self.pad_top, "pad_bottom", self.pad_bottom, "high", y1 - y0),
        )
        for first, before, second, after, way, side in sides:
            if side + before + after <= 0:
                raise OptionError(
                    f"{first} {before} and {second} {after} leave nothing of the face, which is "
                    f"{side} pixels {way}. Take smaller numbers."
                )

    def fixed_box(self) -> Box | None:
        """``box`` as x0, y0, x1, y1, or None when it is empty. Raises ``OptionError``."""
        return read_box("box", self.box)


@dataclass(frozen=True)
class BoxOptions(BoxWords):
    """Where the face is, and what around it belongs to the box."""

    pad_top: int = option(
        0,
        low=-_MOST_PAD,
        high=_MOST_PAD,
        unit="px",
        help="Room added above the face that was found.",
        advanced=True,
    )
    pad_bottom: int = option(
        0,
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
    smoothing: str = option(
        "steady",
        choices=SMOOTHINGS,
        help="How the face's place is steadied over five frames: around each frame, over the "
        "frames that follow as the original does, or not at all.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)
        self.fixed_box()


def read_box(name: str, text: str, *, open_end: bool = False) -> Box | None:
    """A box in a user's words.

    Args:
        name: the option, for the message.
        text: top, bottom, left and right in pixels, with commas between them.
        open_end: whether bottom and right may be -1, which is the picture's end.

    Returns:
        x0, y0, x1, y1; None for an empty text.

    Raises:
        OptionError: these are not four whole numbers, or no box inside of a picture.
    """
    if not text.strip():
        return None
    try:
        top, bottom, left, right = (int(part) for part in text.split(","))
    except ValueError as error:
        raise OptionError(
            f"{name} must be four whole numbers, top, bottom, left and right, such as "
            f"80,400,120,380, got {shortened(text)}."
        ) from error
    spans = ((top, bottom), (left, right))
    if any(low < 0 or (high <= low and not (open_end and high == -1)) for low, high in spans):
        raise OptionError(
            f"{name} has no extent or begins outside of the picture: top {top}, bottom {bottom}, "
            f"left {left}, right {right}."
        )
    return left, top, right, bottom

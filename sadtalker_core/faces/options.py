"""Options of finding, choosing and tracking faces."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import OptionError
from ..options import check_options, option


@dataclass(frozen=True)
class FaceOptions:
    """Which face of a picture or video is meant, and how hard to look for it."""

    face_index: int | None = option(
        None, low=0, high=999, help="Face by number, 0 is the largest; overrides face_select."
    )
    face_select: str = option(
        "largest",
        choices=("largest", "left", "right", "center", "best"),
        help="Which face is meant: by size, by place, or the surest one.",
    )
    face_point: str = option(
        "", help="The face nearest to this point, as x,y in pixels; overrides face_select."
    )
    face_search: str = option(
        "auto",
        choices=("fast", "auto", "thorough"),
        help="fast looks once; auto looks closer, and for turned pictures, when little is found; "
        "thorough always does.",
    )
    detection_threshold: float = option(
        0.5, low=0.05, high=0.99, help="How sure the detector must be; lower finds more."
    )
    presence_threshold: float = option(
        0.5, low=0.0, high=0.99, advanced=True, help="How sure the landmark net must be."
    )
    landmark_smoothing: float = option(
        0.0,
        low=0.0,
        high=1.0,
        advanced=True,
        help="Steadies landmarks in video: 0 as found, 1 very smooth when the face is still.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        self.point()

    def point(self) -> tuple[float, float] | None:
        """``face_point`` as numbers, or None when it is empty."""
        if not self.face_point.strip():
            return None
        parts = self.face_point.split(",")
        message = f"face_point must be two numbers such as 320,180, got {self.face_point!r}."
        try:
            x, y = (float(part) for part in parts)
        except ValueError as error:
            raise OptionError(message) from error
        if not (math.isfinite(x) and math.isfinite(y)):
            raise OptionError(message)
        return x, y

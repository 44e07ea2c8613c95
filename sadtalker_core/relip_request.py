"""What an engine that gives a video new lips is handed, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from .motion_request import ReferenceVideo
from .structures import FrameStream

MOST_RANGES = 20  # of frames that are kept for the report; all are counted


def _as_it_comes(index: int) -> int:
    return index


@dataclass(frozen=True)
class RelipVideo(ReferenceVideo):
    """The frames of the result before their lips move, in order: already repeated or cut to the
    length that is wanted. A still picture is such a video too.

    Attributes:
        length: number of frames of the video and of the result.
        size: (H, W) of the frames.
        source_index: number of the source frame that frame k shows. It jumps where the source
            begins anew and runs backward in the second half of a ping-pong; what is smoothed over
            time begins anew where it makes a step other than -1, 0 or 1.
    """

    length: int
    size: tuple[int, int]
    source_index: Callable[[int], int] = _as_it_comes

    def begins_anew(self, index: int) -> bool:
        """Whether frame ``index`` does not follow on the one before it."""
        if index == 0:
            return True
        return abs(self.source_index(index) - self.source_index(index - 1)) > 1


@dataclass
class RelipReport:
    """What happened in the frames that were made so far; filled while the stream is read.

    Attributes:
        frames: made so far.
        frames_without_face: of them, those that were passed through untouched.
        ranges_without_face: first and last number of each run of those, at most ``MOST_RANGES``.
        faces_seen: most faces in one frame.
        face_box_px: x0, y0, x1, y1 of the face in some frame, where an engine knows it before the
            first one is made; else empty.
        notes: sentences for the user that only this engine knows.
    """

    frames: int = 0
    frames_without_face: int = 0
    ranges_without_face: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    faces_seen: int = 0
    face_box_px: tuple[float, ...] = ()
    notes: list[str] = field(default_factory=list[str])

    def saw(self, faces: int) -> None:
        """Count one more frame, in which the face that speaks was found among ``faces``."""
        self.frames += 1
        self.faces_seen = max(self.faces_seen, faces)

    def missed(self) -> None:
        """Count one more frame that shows no face, or not the one that speaks."""
        index = self.frames
        self.frames += 1
        self.frames_without_face += 1
        ranges = self.ranges_without_face
        if ranges and ranges[-1][1] == index - 1:
            ranges[-1] = (ranges[-1][0], index)
        elif len(ranges) < MOST_RANGES:
            ranges.append((index, index))

    def without_face(self, rate: Fraction) -> str:
        """A sentence about frames that do not show the face, with times at ``rate`` frames a
        second."""
        spans = ", ".join(
            f"{float(first / rate):.2f} to {float((last + 1) / rate):.2f} s"
            for first, last in self.ranges_without_face
        )
        return (
            f"{self.frames_without_face} of {self.frames} frames do not show the face and were "
            f"left as they are: {spans}."
        )


@dataclass(frozen=True)
class Relipped:
    """What a re-lip engine makes.

    Attributes:
        frames: (N, 3, H, W) uint8 at the video's rate and size, made while they are read; memory
            does not grow with their number.
        report: filled while they are read.
    """

    frames: FrameStream
    report: RelipReport

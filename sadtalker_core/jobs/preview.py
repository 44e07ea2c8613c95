"""What the contact sheet of a job shows."""

from __future__ import annotations

from pathlib import Path

from ..media.contact_sheet import ContactSheet
from ..structures import FrameStream
from .steps import Clock

_COLUMNS, _ROWS, _CELL_PX = 4, 3, 384


class Preview:
    """The contact sheet of a job that has frames, where one is asked for.

    Args:
        path: its file, or None.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._sheet: ContactSheet | None = None

    def watch(
        self, stream: FrameStream, box_px: tuple[float, ...], picture_size: tuple[int, int]
    ) -> FrameStream:
        """The same stream, looked at on its way; of a face without a box the whole frame is shown.

        Args:
            stream: the finished frames.
            box_px, picture_size: as ``sheet_for`` takes them.
        """
        if self._path is None:
            return stream
        height, width = picture_size
        whole = (0.0, 0.0, float(width), float(height))
        self._sheet = sheet_for(box_px or whole, picture_size, stream.size)
        return self._sheet.watch(stream)

    def write(self, clock: Clock) -> None:
        """Write what was seen."""
        if self._path is not None and self._sheet is not None:
            with clock.stage("preview"):
                self._sheet.write(self._path)


def sheet_for(
    box_px: tuple[float, ...], picture_size: tuple[int, int], frame_size: tuple[int, int]
) -> ContactSheet:
    """A contact sheet of head and shoulders where the face is known in the frames, else of all.

    Args:
        box_px: x0, y0, x1, y1 of the face in the picture.
        picture_size: (H, W) of the picture.
        frame_size: (H, W) of the video; where it is the picture's, the face is in the same place.
    """
    focus = head_and_shoulders(box_px, frame_size) if picture_size == frame_size else None
    return ContactSheet(_COLUMNS, _ROWS, _CELL_PX, focus)


def head_and_shoulders(
    box_px: tuple[float, ...], size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """The part of a frame around a face that a contact sheet shows; None means all of it.

    Args:
        box_px: x0, y0, x1, y1 of the face.
        size: (H, W) of the frame.
    """
    height, width = size
    x0, y0, x1, y1 = box_px
    side = 2.6 * max(x1 - x0, y1 - y0)
    if side >= 0.8 * max(height, width):
        return None
    centre_x, centre_y = (x0 + x1) / 2, (y0 + y1) / 2
    left, top = max(0, int(centre_x - side / 2)), max(0, int(centre_y - side / 2))
    right, bottom = min(width, int(left + side)), min(height, int(top + side))
    return (left, top, right, bottom) if right - left > 8 and bottom - top > 8 else None

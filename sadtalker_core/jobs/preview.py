"""Contact sheet of a video: evenly spaced frames in one picture, collected while they pass by."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..media.pictures import write_picture

COLUMNS, ROWS = 4, 3
_TILE_PX = 384  # longest side of a small picture
_GAP_PX = 6


class ContactSheet:
    """Evenly spaced frames of a stream; give it every chunk with ``add``, then ``write``.

    Args:
        length: frames of the whole stream.
        focus: x0, y0, x1, y1 in frame pixels to show instead of the whole frame, so that a small
            face can be judged.
    """

    def __init__(self, length: int, focus: tuple[int, int, int, int] | None = None) -> None:
        self._focus = focus
        count = min(COLUMNS * ROWS, length)
        last = length - 1
        self._wanted = sorted({round(i * last / max(1, count - 1)) for i in range(count)})
        self._tiles: list[Tensor] = []
        self._seen = 0

    def add(self, chunk: Tensor) -> None:
        """Take the next (N, 3, H, W) frames, uint8 or float in [0, 1]."""
        end = self._seen + chunk.shape[0]
        for index in self._wanted[len(self._tiles) :]:
            if index >= end:
                break
            frame = chunk[index - self._seen]
            if self._focus is not None:
                x0, y0, x1, y1 = self._focus
                frame = frame[:, y0:y1, x0:x1]
            self._tiles.append(_small(frame))
        self._seen = end

    def picture(self) -> Tensor:
        """(3, H, W) uint8: the frames row by row on white. At least one frame must have passed."""
        _, height, width = self._tiles[0].shape
        columns = min(COLUMNS, len(self._tiles))
        rows = -(-len(self._tiles) // columns)
        sheet = torch.full(
            (3, rows * (height + _GAP_PX) + _GAP_PX, columns * (width + _GAP_PX) + _GAP_PX),
            255,
            dtype=torch.uint8,
        )
        for number, tile in enumerate(self._tiles):
            top = _GAP_PX + number // columns * (height + _GAP_PX)
            left = _GAP_PX + number % columns * (width + _GAP_PX)
            sheet[:, top : top + height, left : left + width] = tile
        return sheet

    def write(self, path: Path) -> None:
        """Write the sheet as a picture. Raises ``OutputError``."""
        write_picture(path, self.picture())


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


def _small(frame: Tensor) -> Tensor:
    """(3, H, W) uint8 on the CPU, with the longest side at most ``_TILE_PX``."""
    values = frame.float() if frame.dtype == torch.uint8 else frame.float() * 255
    _, height, width = frame.shape
    scale = min(1.0, _TILE_PX / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    if scale < 1:
        values = torch.nn.functional.interpolate(
            values[None], size=size, mode="bilinear", antialias=True, align_corners=False
        )[0]
    return values.round().clamp(0, 255).to(torch.uint8).cpu()

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
    """

    def __init__(self, length: int) -> None:
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
            self._tiles.append(_small(chunk[index - self._seen]))
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

"""A contact sheet: small pictures of a video, collected while its frames flow by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..errors import StructureError
from ..structures import FrameStream
from .pictures import pixels_hwc, write_picture

_GAP_PX = 4
_BACKGROUND = 24  # dark grey
_CAPTION_PX = 14


class ContactSheet:
    """Collects evenly spaced frames of a stream; memory depends on the sheet, not on the video.

    Args:
        columns, rows: cells of the sheet; a short video fills fewer.
        cell_px: longest side of a cell.
        focus_px: x0, y0, x1, y1: only this part of each frame, so that a small face can be judged.
    """

    def __init__(
        self,
        columns: int = 6,
        rows: int = 4,
        cell_px: int = 240,
        focus_px: tuple[int, int, int, int] | None = None,
    ) -> None:
        if min(columns, rows, cell_px) < 1:
            raise StructureError(
                f"a contact sheet of {columns}x{rows} cells of {cell_px} px is not possible."
            )
        self._columns, self._rows, self._cell_px = columns, rows, cell_px
        self._focus_px = focus_px
        self._cells: list[tuple[float, Image.Image]] = []

    def watch(self, stream: FrameStream) -> FrameStream:
        """The same stream; frames that belong on the sheet are copied on their way."""
        self._cells = []
        return FrameStream(self._watched(stream), stream.length, stream.size, stream.fps)

    def _watched(self, stream: FrameStream) -> Iterator[Tensor]:
        count = min(self._columns * self._rows, stream.length)
        # Middles of equal parts, so that neither a still start nor the end weighs double.
        wanted = [int((cell + 0.5) * stream.length / count) for cell in range(count)]
        first = 0
        for chunk in stream.chunks:
            while wanted and wanted[0] < first + chunk.shape[0]:
                index = wanted.pop(0)
                pixels = pixels_hwc(chunk[index - first : index - first + 1])[0]
                if self._focus_px is not None:
                    x0, y0, x1, y1 = self._focus_px
                    pixels = pixels[y0:y1, x0:x1]
                picture = Image.fromarray(pixels)
                picture.thumbnail((self._cell_px, self._cell_px), Image.Resampling.LANCZOS)
                self._cells.append((float(index / stream.fps), picture))
            first += chunk.shape[0]
            yield chunk

    def picture(self) -> Tensor:
        """The sheet so far: (3, H, W) uint8, each cell with its time in seconds."""
        if not self._cells:
            raise StructureError("the contact sheet is empty: read its stream first.")
        width, height = self._cells[0][1].size
        columns = min(self._columns, len(self._cells))
        rows = -(-len(self._cells) // columns)
        step_x, step_y = width + _GAP_PX, height + _CAPTION_PX + _GAP_PX
        grey = (_BACKGROUND,) * 3
        sheet = Image.new("RGB", (columns * step_x + _GAP_PX, rows * step_y + _GAP_PX), grey)
        draw = ImageDraw.Draw(sheet)
        for cell, (time_s, picture) in enumerate(self._cells):
            left = _GAP_PX + cell % columns * step_x
            top = _GAP_PX + cell // columns * step_y
            sheet.paste(picture, (left, top))
            draw.text((left + 2, top + height + 1), f"{time_s:.2f} s", fill=(220, 220, 220))
        return torch.from_numpy(np.array(sheet)).permute(2, 0, 1).contiguous()

    def write(self, path: str | Path) -> Path:
        """Write the sheet as a picture file. Returns the path."""
        return write_picture(path, self.picture())

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sadtalker_core.errors import StructureError
from sadtalker_core.media.contact_sheet import ContactSheet
from sadtalker_core.media.pictures import read_picture
from tests.media.samples import frame_stream


def _grey_frames(count: int) -> torch.Tensor:
    """(N, 3, 40, 60) uint8, frame k all of value k."""
    values = torch.arange(count, dtype=torch.uint8)
    return values[:, None, None, None].expand(-1, 3, 40, 60)


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_cells_are_the_middles_of_equal_parts(tmp_path: Path, chunk: int) -> None:
    sheet = ContactSheet(columns=3, rows=2, cell_px=30)
    frames = _grey_frames(60)
    passed = torch.cat(list(sheet.watch(frame_stream(frames, chunk=chunk))))
    assert torch.equal(passed, frames)
    rgb = read_picture(sheet.write(tmp_path / "sheet.png")).rgb
    assert rgb.shape == (3, 2 * (20 + 14 + 4) + 4, 3 * (30 + 4) + 4)
    found = [
        int(rgb[0, 4 + row * 38 + 10, 4 + col * 34 + 15]) for row in (0, 1) for col in range(3)
    ]
    assert found == [5, 15, 25, 35, 45, 55]


def test_short_video_fills_fewer_cells() -> None:
    sheet = ContactSheet(columns=3, rows=2, cell_px=30)
    list(sheet.watch(frame_stream(_grey_frames(2))))
    assert sheet.picture().shape == (3, 38 + 4, 2 * 34 + 4)


def test_empty_sheet_and_wrong_shape_are_refused() -> None:
    with pytest.raises(StructureError, match="empty"):
        ContactSheet().picture()
    with pytest.raises(StructureError, match="not possible"):
        ContactSheet(columns=0)

"""The contact sheet: the right frames, in order, whatever the chunks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sadtalker_core.jobs.preview import ContactSheet, head_and_shoulders
from sadtalker_core.media.pictures import read_picture


@pytest.mark.parametrize("chunk", [1, 7, 100])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_twelve_evenly_spaced_frames(chunk: int, kind: torch.dtype) -> None:
    values = torch.arange(100, dtype=torch.uint8)
    frames = values[:, None, None, None].expand(100, 3, 20, 30)
    if kind != torch.uint8:
        frames = frames.to(kind) / 255
    sheet = ContactSheet(100)
    for start in range(0, 100, chunk):
        sheet.add(frames[start : start + chunk])
    picture = sheet.picture()
    assert picture.shape == (3, 3 * 26 + 6, 4 * 36 + 6)
    seen = [
        int(picture[0, 6 + row * 26, 6 + column * 36]) for row in range(3) for column in range(4)
    ]
    assert seen == [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]


def test_short_video_and_large_frames(tmp_path: Path) -> None:
    sheet = ContactSheet(2)
    sheet.add(torch.full((2, 3, 600, 800), 40, dtype=torch.uint8))
    sheet.write(tmp_path / "s.png")
    assert read_picture(tmp_path / "s.png").size == (288 + 12, 2 * 390 + 6)


def test_focus_shows_the_face() -> None:
    frame = torch.zeros(1, 3, 100, 100, dtype=torch.uint8)
    frame[:, :, 40:60, 30:50] = 200
    sheet = ContactSheet(1, (30, 40, 50, 60))
    sheet.add(frame)
    assert (sheet.picture()[:, 6:-6, 6:-6] == 200).all()


def test_part_around_a_face_stays_inside() -> None:
    assert head_and_shoulders((400, 400, 500, 500), (1000, 1000)) == (320, 320, 580, 580)
    assert head_and_shoulders((0.0, 0.0, 100.0, 100.0), (1000, 1000)) == (0, 0, 260, 260)
    assert head_and_shoulders((900, 900, 1000, 1000), (1000, 1000)) == (820, 820, 1000, 1000)
    assert head_and_shoulders((100, 100, 500, 500), (600, 600)) is None

"""The contact sheet of a job shows the face that speaks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import torch

from sadtalker_core.jobs.preview import Preview, head_and_shoulders, sheet_for
from sadtalker_core.jobs.steps import Clock
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.structures import FrameStream


def test_part_around_a_face_stays_inside() -> None:
    assert head_and_shoulders((400, 400, 500, 500), (1000, 1000)) == (320, 320, 580, 580)
    assert head_and_shoulders((0.0, 0.0, 100.0, 100.0), (1000, 1000)) == (0, 0, 260, 260)
    assert head_and_shoulders((900, 900, 1000, 1000), (1000, 1000)) == (820, 820, 1000, 1000)
    assert head_and_shoulders((100, 100, 500, 500), (600, 600)) is None


def sheet_of(picture_size: tuple[int, int]) -> torch.Tensor:
    frames = torch.zeros(12, 3, 100, 100, dtype=torch.uint8)
    frames[:, :, 30:70, 30:70] = 200
    sheet = sheet_for((42, 42, 58, 58), picture_size, (100, 100))
    stream = FrameStream(iter([frames]), 12, (100, 100), Fraction(25))
    assert torch.equal(sheet.watch(stream).collect().frames, frames)
    return sheet.picture()


def test_face_is_shown_close_where_its_place_is_known() -> None:
    close, whole = sheet_of((100, 100)), sheet_of((50, 100))
    assert close.shape[2] < whole.shape[2]
    share = [(picture == 200).float().mean().item() for picture in (close, whole)]
    assert share[0] > 2 * share[1]


def test_preview_is_written_only_where_it_is_asked_for(tmp_path: Path) -> None:
    frames = torch.zeros(3, 3, 100, 80, dtype=torch.uint8)

    def stream() -> FrameStream:
        return FrameStream(iter([frames]), 3, (100, 80), Fraction(25))

    clock, none = Clock(), Preview(None)
    given = stream()
    assert none.watch(given, (), (100, 80)) is given
    none.write(clock)
    sizes: list[tuple[int, ...]] = []
    for number, box in enumerate([(), (40.0, 40.0, 48.0, 48.0)]):
        preview = Preview(tmp_path / f"{number}.png")
        assert torch.equal(preview.watch(stream(), box, (100, 80)).collect().frames, frames)
        preview.write(clock)
        sizes.append(tuple(read_picture(tmp_path / f"{number}.png").rgb.shape))
    assert set(clock.seconds) == {"preview"}
    assert sizes[1][1] < sizes[0][1], "without a face's place all of the frame is shown"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.png", "1.png"]

"""New lips for videos as they come: turned, of changing rate, HDR, empty."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import MediaError
from sadtalker_core.jobs.relip import run_relip
from sadtalker_core.jobs.relip_settings import build_relip_job
from sadtalker_core.media.pictures import read_picture
from tests.conftest import speech_like, write_wav
from tests.media.samples import (
    TELLS_TRANSFER,
    decoded,
    turned_clockwise,
    write_hdr_video,
    write_plain_video,
    write_video_without_frames,
)

pytestmark = pytest.mark.jobs

_UNTOUCHED = 40  # rows at the top, far from the mouth


@pytest.fixture(scope="module")
def face(demo_portrait: Path) -> Tensor:
    """(3, 132, 122) uint8."""
    rgb = read_picture(demo_portrait).flattened()[:, :264, 102:346].float()[None]
    small = torch.nn.functional.interpolate(rgb, size=(132, 122), mode="area")
    return small[0].round().byte()


def made(video: Path, folder: Path, seconds: float) -> tuple[Any, Tensor]:
    voice = write_wav(folder / "voice.wav", speech_like(seconds))
    values = {"video": video, "audio": voice, "out": folder / "out.mkv", "engine": "lite"}
    result = run_relip(build_relip_job({name: str(value) for name, value in values.items()}))
    return result, decoded(result.path)


def changed(after: Tensor, before: Tensor) -> Tensor:
    """(N, H, W): the largest change of a pixel's channels, levels."""
    return (after.int() - before.int()).abs().amax(1)


def test_a_phone_held_upright(face: Tensor, tmp_path: Path) -> None:
    lying = torch.rot90(torch.stack([face] * 6), 1, (2, 3))
    path = write_plain_video(tmp_path / "a.mp4", lying, list(range(6)), Fraction(1, 25))
    turned_clockwise(path)
    result, frames = made(path, tmp_path, 0.24)
    assert result.size == (132, 122)
    assert result.frames_without_face == 0
    difference = changed(frames, decoded(path))
    assert difference[:, :_UNTOUCHED].max() == 0
    assert difference[:, _UNTOUCHED:].amax((1, 2)).max() > 20
    # upright as it was filmed, not as it lies in the file
    assert (frames[:, :, :_UNTOUCHED].int() - face[:, :_UNTOUCHED].int()).abs().max() <= 3


def test_a_rate_that_changes_keeps_its_timing(face: Tensor, tmp_path: Path) -> None:
    times = [0, 40, 80, 200, 240, 280]  # ms; nothing is filmed for three frames
    frames = torch.stack([face] * len(times))
    for index in range(len(times)):
        frames[index, :, :8, :8] = 40 * index
    path = write_plain_video(tmp_path / "vfr.mkv", frames, times, Fraction(1, 1000))
    result, after = made(path, tmp_path, 0.32)
    seen = (after[:, :, :8, :8].float().mean((1, 2, 3)) / 40).round().int().tolist()
    wanted = [max(k for k, ms in enumerate(times) if ms <= at * 1000 / result.fps + 0.5)
              for at in range(result.frames)]  # fmt: skip
    off = [
        abs(at / result.fps - Fraction(times[index], 1000))
        for at, index in enumerate(seen)
        if index != wanted[at]
    ]
    assert all(late <= 1 / result.fps for late in off)
    assert abs(result.duration_s - Fraction(32, 100)) <= 1 / result.fps
    assert changed(after, decoded(path)[: len(after)])[:, _UNTOUCHED:].max() > 20


@pytest.mark.skipif(not TELLS_TRANSFER, reason="this PyAV does not tell a frame's transfer")
def test_hdr_is_shown_as_on_an_ordinary_screen(face: Tensor, tmp_path: Path) -> None:
    plain = (face.float() * 0.8).byte()
    path = write_hdr_video(tmp_path / "hdr.mkv", plain, 6)
    before = decoded(path)
    assert (before.float() - plain.float()).abs().mean() > 15  # its levels are not a screen's
    result, after = made(path, tmp_path, 0.24)
    assert result.frames_without_face == 0
    difference = changed(after, before)
    assert difference[:, :_UNTOUCHED].max() == 0
    assert difference.max() > 20


def test_lips_join_their_face_without_a_seam(face: Tensor, tmp_path: Path) -> None:
    """Where new pixels meet kept ones the change is a few levels at most; inside it is large."""
    path = write_plain_video(
        tmp_path / "a.mkv", torch.stack([face] * 10), [40 * k for k in range(10)],
        Fraction(1, 1000),
    )  # fmt: skip
    _, after = made(path, tmp_path, 0.4)
    difference = changed(after, decoded(path)).float()
    touched = difference > 0
    # the outermost new pixel of each row and column, from all four sides
    edges: list[Tensor] = []
    for axis in (1, 2):
        for side in (touched, touched.flip(axis)):
            first = side.float().argmax(axis, keepdim=True)
            levels = difference if side is touched else difference.flip(axis)
            edges.append(levels.gather(axis, first)[side.any(axis, keepdim=True)])
    edge = torch.cat(edges)
    assert difference.max() > 40
    assert edge.quantile(0.95) <= 8
    assert edge.mean() <= 3


def test_a_video_without_frames(tmp_path: Path) -> None:
    empty = write_video_without_frames(tmp_path / "empty.mkv")
    only_sound = write_wav(tmp_path / "sound.wav", speech_like(0.2))
    for path in (empty, only_sound):
        with pytest.raises(MediaError, match=path.name):
            made(path, tmp_path, 0.2)
        assert not (tmp_path / "out.mkv").exists()

"""Faces restored in videos as they come: HDR, turned, of changing rate, empty."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import MediaError
from sadtalker_core.jobs.enhance import EnhanceResult, run_enhance
from sadtalker_core.jobs.enhance_settings import build_enhance_job
from sadtalker_core.media.video_in import open_video
from tests.conftest import speech_like, write_wav
from tests.enhance.toys import portrait, toy_file
from tests.media.samples import (
    TELLS_TRANSFER,
    decoded,
    turned_clockwise,
    write_hdr_video,
    write_plain_video,
    write_video_without_frames,
)

pytestmark = pytest.mark.jobs

_BORDER = 10  # pixels around the frame that no face reaches


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy_file(tmp_path / "models")
    return tmp_path


def done(video: Path, folder: Path) -> tuple[EnhanceResult, Tensor]:
    given: dict[str, Any] = {"enhancer": "gfpgan-1.2", "enhance_strength": 1, "device": "cpu"}
    paths = {"input": video, "out": folder / "out.mkv", "models_dir": folder / "models"}
    job = build_enhance_job({**given, **{name: str(path) for name, path in paths.items()}})
    return run_enhance(job), decoded(folder / "out.mkv")


def only_the_face_changed(after: Tensor, before: Tensor) -> None:
    assert after.shape == before.shape
    where = (after != before).any(1)
    assert (where.float().mean((1, 2)) > 0.02).all()
    for edge in (where[:, :_BORDER], where[:, -_BORDER:], where[..., :_BORDER]):
        assert not edge.any()


@pytest.mark.skipif(not TELLS_TRANSFER, reason="this PyAV does not tell a frame's transfer")
def test_hdr(folder: Path) -> None:
    plain = (portrait().float() * 0.8).byte()
    video = write_hdr_video(folder / "hdr.mkv", plain, 3)
    before = decoded(video)
    assert (before.float() - plain.float()).abs().mean() > 15  # its levels are not a screen's
    result, after = done(video, folder)
    assert (result.frames, result.report.frames_without_face) == (3, 0)
    only_the_face_changed(after, before)


def test_a_phone_held_upright_and_odd_sides(folder: Path) -> None:
    face = portrait()[:, :191, :189]
    lying = torch.rot90(torch.stack([face] * 3), 1, (2, 3))
    video = turned_clockwise(
        write_plain_video(folder / "in.mp4", lying, [0, 1, 2], Fraction(1, 25))
    )
    result, after = done(video, folder)
    assert result.size == (191, 189)
    assert result.report.frames_without_face == 0
    only_the_face_changed(after, decoded(video))
    # upright as it was filmed, not as it lies in the file
    assert (after[:, :, :_BORDER].int() - face[:, :_BORDER].int()).abs().max() <= 3


def test_a_rate_that_changes_keeps_its_timing(folder: Path) -> None:
    times = [0, 40, 80, 200, 240, 280]  # ms; nothing is filmed for three frames
    frames = torch.stack([portrait()] * len(times))
    for index in range(len(times)):
        frames[index, :, :8, :8] = 40 * index
    video = write_plain_video(folder / "vfr.mkv", frames, times, Fraction(1, 1000))
    result, after = done(video, folder)
    assert result.frames == len(after)
    rate = open_video(folder / "out.mkv").fps
    seen = (after[:, :, :8, :8].float().mean((1, 2, 3)) / 40).round().int().tolist()
    assert sorted(set(seen)) == list(range(len(times)))
    for index, ms in enumerate(times):
        assert abs(seen.index(index) / rate - Fraction(ms, 1000)) <= 1 / rate
    assert abs(len(after) / rate - Fraction(32, 100)) <= 1 / rate
    only_the_face_changed(after, decoded(video))


def test_a_video_without_frames(folder: Path) -> None:
    empty = write_video_without_frames(folder / "empty.mkv")
    only_sound = write_wav(folder / "sound.wav", speech_like(0.2))
    for path in (empty, only_sound):
        with pytest.raises(MediaError, match=path.name):
            done(path, folder)
        assert not (folder / "out.mkv").exists()

"""Whole jobs of new lips, with the built-in engine."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.errors import (
    Cancelled,
    MediaError,
    NoFaceError,
    OptionError,
    OutputError,
    WeightsError,
)
from sadtalker_core.jobs.devices import make_runtime
from sadtalker_core.jobs.kinds import describe
from sadtalker_core.jobs.relip import run_relip
from sadtalker_core.jobs.relip_settings import RelipJob, build_relip_job
from sadtalker_core.jobs.result import AnimateResult
from sadtalker_core.media.audio_in import open_audio
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.provenance import read_provenance
from sadtalker_core.media.video_out import write_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.lite.config import LiteRelipOptions
from tests.conftest import speech_like, write_wav
from tests.media.samples import decoded, frame_stream, stream_ends, write_plain_video

pytestmark = pytest.mark.jobs


@pytest.fixture(scope="module")
def face(demo_portrait: Path) -> torch.Tensor:
    """(3, 131, 121): odd in both directions."""
    rgb = read_picture(demo_portrait).flattened()[:, :262, 104:346].float()[None]
    small = torch.nn.functional.interpolate(rgb, size=(131, 121), mode="area")
    return small[0].round().byte()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, face: torch.Tensor) -> Path:
    """Six frames of a person, 25 a second."""
    frames = torch.stack([face.roll(index, 2) for index in range(6)])
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    return write_plain_video(path, frames, [40 * k for k in range(6)], Fraction(1, 1000))


@pytest.fixture
def values(clip: Path, tmp_path: Path) -> dict[str, Any]:
    voice = write_wav(tmp_path / "voice.wav", speech_like(0.4))
    return {
        "video": str(clip),
        "audio": str(voice),
        "out": str(tmp_path / "out.mkv"),
        "engine": "lite",
    }


def made(values: dict[str, Any]) -> tuple[AnimateResult, torch.Tensor]:
    result = run_relip(build_relip_job(values))
    return result, decoded(result.path)


def test_a_video_says_a_sound(values: dict[str, Any], clip: Path, tmp_path: Path) -> None:
    said: list[str] = []
    values |= {"preview": str(tmp_path / "sheet.png")}
    result = run_relip(build_relip_job(values), announce=said.append)
    assert (result.frames, result.fps, result.size) == (10, 25, (131, 121))
    assert (result.engine, result.faces_found, result.frames_without_face) == ("lite", 1, 0)
    assert "10 frames of 121x131 at 25 fps" in said[0]
    assert result.preview is not None
    assert result.preview.is_file()
    assert read_provenance(result.path)["engine"] == "lite"
    json.dumps(result.as_dict())
    frames = decoded(result.path)
    shown = decoded(clip)[[0, 1, 2, 3, 4, 5, 4, 3, 2, 1]]
    # lossless: above the nose nothing has changed, around the mouth something has
    assert torch.equal(frames[:, :, :50], shown[:, :, :50])
    assert not torch.equal(frames[:, :, 70:], shown[:, :, 70:])


@pytest.mark.parametrize(
    ("seconds", "options", "frames"),
    [
        (0.40, {"repeat": "loop"}, 10),
        (0.40, {"repeat": "hold"}, 10),
        (0.40, {"repeat": "trim"}, 6),
        (0.12, {}, 3),
        (0.12, {"keep_rest": True}, 6),
        (0.12, {"keep_rest": True, "repeat": "trim"}, 6),
        (0.40, {"keep_rest": True}, 10),
    ],
)
def test_a_sound_of_another_length(
    values: dict[str, Any], seconds: float, options: dict[str, Any], frames: int, tmp_path: Path
) -> None:
    voice = write_wav(tmp_path / "other.wav", speech_like(seconds))
    result, _ = made({**values, "audio": str(voice), **options})
    assert result.frames == frames
    heard = float(open_audio(result.path).duration_s)
    assert min(seconds, frames / 25) - 0.001 <= heard <= frames / 25 + 0.001
    is_cut = seconds > result.duration_s
    assert ("is cut" in " ".join(result.warnings)) == is_cut


@pytest.mark.parametrize(
    ("rate", "suffix"),
    [("22.13", ".mp4"), ("25", ".mp4"), ("30000/1001", ".mp4"), ("30", ".mp4"), ("22.13", ".mkv")],
)
def test_sound_and_pictures_end_together(
    values: dict[str, Any], face: torch.Tensor, tmp_path: Path, rate: str, suffix: str
) -> None:
    fps = Fraction(rate)
    path = tmp_path / f"in{suffix}"
    stream = frame_stream(torch.stack([face] * 9), fps)
    options = VideoOptions()
    write_video(stream, path, audio=None, options=options, metadata={}, runtime=Runtime())
    voice = write_wav(tmp_path / "v.wav", speech_like(0.45))
    out = tmp_path / f"o{suffix}"
    result, frames = made({**values, "video": str(path), "audio": str(voice), "out": str(out)})
    assert abs(float(result.fps / fps) - 1) < 1e-3
    assert len(frames) == result.frames == math.ceil(Fraction(9, 20) * result.fps)
    ends = stream_ends(out)
    assert abs(ends["video"] - ends["audio"]) <= 1 / result.fps + Fraction(1, 500)


def test_a_picture_speaks(values: dict[str, Any], face: torch.Tensor, tmp_path: Path) -> None:
    from PIL import Image

    picture = tmp_path / "face.png"
    Image.fromarray(face.permute(1, 2, 0).numpy()).save(picture)
    said: list[str] = []
    job = build_relip_job({**values, "video": str(picture), "fps": "30"})
    result = run_relip(job, announce=said.append)
    frames = decoded(result.path)
    assert (result.frames, result.fps) == (12, 30)
    assert "made of one picture" in said[0]
    assert torch.equal(frames[:, :, :50], face[None, :, :50].expand(12, -1, -1, -1))


def test_a_face_that_is_lost_is_reported(
    values: dict[str, Any], face: torch.Tensor, tmp_path: Path
) -> None:
    frames = torch.stack([face] * 10)
    frames[4:7] = 80
    times = [40 * k for k in range(10)]
    path = write_plain_video(tmp_path / "lost.mkv", frames, times, Fraction(1, 1000))
    result, shown = made({**values, "video": str(path)})
    assert result.frames_without_face == 3
    assert result.ranges_without_face_s == ((0.16, 0.28),)
    assert any("3 of 10 frames do not show the face" in text for text in result.warnings)
    assert torch.equal(shown[4:7], decoded(path)[4:7])


def test_options_reach_the_lips(values: dict[str, Any]) -> None:
    _, plain = made(values)
    for name, value in (("smile", 1), ("audio_offset_ms", 200)):
        _, other = made({**values, name: value})
        assert not torch.equal(plain, other), name
    _, again = made({**values, "chunk": 3})
    assert torch.equal(plain, again)


def test_a_job_is_described_by_its_values(values: dict[str, Any]) -> None:
    job = build_relip_job({**values, "repeat": "loop", "who": "1", "teeth": 0.5, "crf": 20})
    assert (job.run.repeat, job.run.who, job.file.crf) == ("loop", 1, 20)
    assert job.lips == LiteRelipOptions(teeth=0.5)
    told = describe(job)
    assert build_relip_job(told) == job


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"video": "none.mp4"}, MediaError, "none.mp4"),
        ({"audio": "none.wav"}, MediaError, "none.wav"),
        ({"out": None}, OptionError, "out is missing"),
        ({"video": None}, OptionError, "video is missing"),
        ({"audio": None}, OptionError, "audio is missing"),
        ({"fps": "30"}, OptionError, "has a rate of its own"),
        ({"engine": "sadtalker"}, OptionError, "for new lips there are"),
        ({"repeat": "again"}, OptionError, "repeat"),
        ({"engine": "videoretalking"}, WeightsError, "videoretalking"),
        ({"out": "VIDEO"}, OutputError, "input"),
        ({"preview": "sheet.mp4"}, OutputError, "must be a picture"),
    ],
)
def test_mistakes_get_a_sentence(
    values: dict[str, Any],
    change: dict[str, Any],
    error: type[Exception],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TALKING_PORTRAITS_MODELS", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    given = {**values, **change}
    if given["out"] == "VIDEO":
        given["out"] = given["video"]
    with pytest.raises(error, match=sentence):
        run_relip(build_relip_job(given))


def test_a_silent_sound_is_refused(values: dict[str, Any], tmp_path: Path) -> None:
    silent = write_wav(tmp_path / "silent.wav", torch.zeros(8000))
    with pytest.raises(MediaError, match="silent from start to end"):
        run_relip(build_relip_job({**values, "audio": str(silent)}))


def test_no_face_leaves_nothing_behind(values: dict[str, Any], tmp_path: Path) -> None:
    grey = torch.full((3, 3, 64, 64), 90, dtype=torch.uint8)
    path = write_plain_video(tmp_path / "grey.mkv", grey, [0, 40, 80], Fraction(1, 1000))
    out = tmp_path / "new folder" / "out.mp4"
    with pytest.raises(NoFaceError):
        run_relip(build_relip_job({**values, "video": str(path), "out": str(out)}))
    assert not out.parent.exists()


def test_stopping_leaves_nothing_behind(values: dict[str, Any]) -> None:
    job = build_relip_job({**values, "chunk": 2})
    stages: list[str] = []

    def told(stage: str, done: int, total: int) -> None:
        stages.append(stage)

    runtime = dataclasses.replace(
        make_runtime(job.run, told), cancelled=lambda: stages.count("render") > 1
    )
    with pytest.raises(Cancelled):
        run_relip(job, runtime)
    assert {"listen", "source", "render"} <= set(stages)
    assert not job.out.exists()
    assert [path.name for path in job.out.parent.iterdir()] == ["voice.wav"]


def test_wrong_options_are_refused_at_once(values: dict[str, Any]) -> None:
    job = build_relip_job(values)
    with pytest.raises(OptionError, match="takes VideoReTalkingOptions"):
        RelipJob(
            job.video,
            job.audio,
            job.out,
            run=dataclasses.replace(job.run, engine="videoretalking"),
            lips=LiteRelipOptions(),
        )

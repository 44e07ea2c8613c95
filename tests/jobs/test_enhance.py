"""Faces restored from file to file, with a small network in the published wrapping."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import MediaError, OptionError, OutputError, WeightsError
from sadtalker_core.jobs.enhance import EnhanceResult, run_enhance
from sadtalker_core.jobs.enhance_settings import build_enhance_job
from sadtalker_core.media.audio_in import AudioSource, open_audio
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.pictures import read_picture, write_picture
from sadtalker_core.media.video_in import open_video
from sadtalker_core.media.video_out import write_video
from sadtalker_core.runtime import Runtime
from tests.cli.running import run
from tests.enhance.toys import portrait, still, stream_of, toy_file, toy_finder_files
from tests.media.samples import decoded

pytestmark = pytest.mark.jobs


def done(folder: Path, **values: Any) -> EnhanceResult:
    job = build_enhance_job(
        {"enhancer": "gfpgan-1.2", "models_dir": str(folder / "models"), "device": "cpu", **values}
    )
    return run_enhance(job)


def written(frames: Tensor, path: Path, sound: AudioSource | None = None) -> None:
    write_video(
        stream_of(frames),
        path,
        audio=sound,
        options=VideoOptions(),
        metadata={},
        runtime=Runtime(),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy_file(tmp_path / "models")
    return tmp_path


def test_a_picture(folder: Path) -> None:
    write_picture(folder / "in.png", portrait())
    result = done(folder, input=folder / "in.png", out=folder / "out.png")
    shown, before = read_picture(folder / "out.png").flattened(), portrait()
    assert shown.shape == before.shape
    assert not torch.equal(shown, before)
    assert torch.equal(shown[:, -10:], before[:, -10:])
    assert (result.frames, result.size) == (1, (192, 192))
    assert result.report.faces_seen == 1
    assert [file.name for file in result.weights] == ["gfpgan-1.2"]
    assert not result.warnings


def test_a_video_keeps_its_rate_length_and_sound(folder: Path, short_voice: Path) -> None:
    frames = torch.cat((still(20), torch.full((5, 3, 192, 192), 70, dtype=torch.uint8)))
    written(frames, folder / "in.mkv", open_audio(short_voice, Runtime()))
    result = done(folder, input=folder / "in.mkv", out=folder / "out.mkv", enhance_strength="1")
    video = open_video(folder / "out.mkv")
    assert (video.frame_count, video.fps, video.has_audio) == (25, Fraction(25), True)
    shown = torch.cat(list(video.frames()))
    before = decoded(folder / "in.mkv")
    assert torch.equal(shown[20:], before[20:])
    assert not torch.equal(shown[3], before[3])
    assert result.report.ranges_without_face == [(20, 24)]
    assert "5 of 25 frames show no face and are as they were (frames 20-24)" in result.warnings[0]
    assert result.as_dict()["frames_without_face"] == 5


def test_the_size_that_is_told_is_that_of_the_file(folder: Path) -> None:
    written(still(2)[:, :, :191, :189], folder / "in.mkv")
    for name, size in (("out.mp4", (192, 190)), ("out.mkv", (191, 189))):
        result = done(folder, input=folder / "in.mkv", out=folder / name)
        assert result.size == open_video(folder / name).size == size
        assert result.as_dict()["width"] == size[1]


def test_what_cannot_be_is_said_before_anything_is_made(folder: Path) -> None:
    write_picture(folder / "in.png", portrait())
    written(still(2), folder / "in.mp4")
    with pytest.raises(OptionError, match="must be one too"):
        done(folder, input=folder / "in.mp4", out=folder / "out.png")
    with pytest.raises(OptionError, match=r"in.png is a picture; .* must be one too"):
        done(folder, input=folder / "in.png", out=folder / "out.mp4")
    with pytest.raises(OutputError, match="also an input"):
        done(folder, input=folder / "in.png", out=folder / "in.png")
    with pytest.raises(MediaError):
        done(folder, input=folder / "none.png", out=folder / "out.png")
    with pytest.raises(WeightsError, match="restoring faces"):
        done(folder, input=folder / "in.png", out=folder / "new" / "a.png", enhancer="gfpgan-1.4")
    assert not (folder / "new").exists()
    (folder / "models" / "GPEN-BFR-512.pth").write_bytes(
        (folder / "models" / "GFPGANv1.2.pth").read_bytes()
    )
    with pytest.raises(WeightsError, match="GPEN is in none of these files"):
        done(folder, input=folder / "in.png", out=folder / "out.png", enhancer="gpen-512")
    for name, value in (("enhancer", "x"), ("enhance_strength", 2), ("nothing", 1)):
        with pytest.raises(OptionError, match=name):
            build_enhance_job({"input": "a.png", "out": "b.png", name: value})
    with pytest.raises(OptionError, match="input is missing"):
        build_enhance_job({"out": "b.png"})


def test_a_video_without_a_face_says_so(folder: Path) -> None:
    written(torch.full((3, 3, 64, 64), 70, dtype=torch.uint8), folder / "in.mkv")
    result = done(folder, input=folder / "in.mkv", out=folder / "out.mkv")
    assert "no face was found" in result.warnings[0]
    assert torch.equal(
        decoded(folder / "out.mkv"),
        decoded(folder / "in.mkv"),
    )


def test_the_command(folder: Path) -> None:
    write_picture(folder / "in.png", portrait())
    words = ["--input", str(folder / "in.png"), "--out", str(folder / "out.png")]
    words += ["--models-dir", str(folder / "models"), "--device", "cpu"]
    made = run("enhance", *words, "--enhancer", "gfpgan-1.2", "--no-keep-colour", "--json")
    assert made.code == 0, made.err
    assert json.loads(made.out)["faces_seen"] == 1
    lost = run("enhance", *words)
    assert lost.code == 6
    assert "models download" in lost.sentence
    text = run("enhance", "--help").out
    for name in ("--enhance-steady", "--enhance-region", "--upscale", "--crf", "--device"):
        assert name in text


def test_the_last_stage_of_a_talking_portrait(folder: Path) -> None:
    write_picture(folder / "in.png", portrait())
    words: list[object] = ["animate", "--portrait", folder / "in.png", "--idle", "0.3"]
    words += ["--engine", "lite", "--models-dir", folder / "models", "--device", "cpu", "--json"]
    enhance: list[object] = ["--enhance", "--enhancer", "gfpgan-1.2", "--enhance-strength", "1"]
    plain = run(*words, "--out", folder / "plain.mkv")
    made = run(*words, *enhance, "--out", folder / "made.mkv")
    assert (plain.code, made.code) == (0, 0), made.err
    before, after = (decoded(folder / f"{name}.mkv") for name in ("plain", "made"))
    assert before.shape == after.shape
    changed = (before != after).any(1).float().mean((1, 2))
    assert bool((changed > 0.02).all())
    assert torch.equal(before[:, :, -10:], after[:, :, -10:])
    assert "gfpgan-1.2" in [file["name"] for file in json.loads(made.out)["weights"]]
    lost = run(*words, "--enhance", "--out", folder / "lost.mkv")
    assert lost.code == 6
    assert not (folder / "lost.mkv").exists()


def test_the_last_stage_of_an_edited_picture(folder: Path) -> None:
    write_picture(folder / "in.png", portrait())
    words: list[object] = ["edit", "--portrait", folder / "in.png", "--smile", "0.5"]
    words += ["--engine", "lite", "--models-dir", folder / "models", "--device", "cpu"]
    enhance: list[object] = ["--enhance", "--enhancer", "gfpgan-1.2", "--upscale", "2"]
    assert run(*words, "--out", folder / "plain.png").code == 0
    made = run(*words, *enhance, "--out", folder / "made.png")
    assert made.code == 0, made.err
    assert read_picture(folder / "plain.png").flattened().shape == (3, 192, 192)
    assert read_picture(folder / "made.png").flattened().shape == (3, 384, 384)


def test_the_original_s_way_needs_its_own_nets(folder: Path) -> None:
    """Small ones find no face: the frame is passed through. What they do is in the goldens."""
    write_picture(folder / "in.png", portrait())
    values: dict[str, Any] = {"input": folder / "in.png", "out": folder / "out.png"}
    with pytest.raises(WeightsError, match="retinaface"):
        done(folder, **values, enhance_way="original")
    toy_finder_files(folder / "models")
    result = done(folder, **values, enhance_way="original", upscale=2)
    assert {file.name for file in result.weights} == {"gfpgan-1.2", "retinaface", "parsenet"}
    assert result.report.frames == 1
    assert result.size == (384, 384)


def test_the_last_stage_of_new_lips(folder: Path, short_voice: Path) -> None:
    blank = torch.full((2, 3, 192, 192), 70, dtype=torch.uint8)
    written(torch.cat((still(4), blank)), folder / "in.mkv")
    words: list[object] = ["relip", "--video", folder / "in.mkv", "--audio", short_voice]
    words += ["--engine", "lite", "--repeat", "trim", "--models-dir", folder / "models"]
    enhance: list[object] = ["--enhance", "--enhancer", "gfpgan-1.2", "--device", "cpu"]
    assert run(*words, "--out", folder / "plain.mkv").code == 0
    made = run(*words, *enhance, "--out", folder / "made.mkv")
    assert made.code == 0, made.err
    assert "2 of 6 frames show no face and are as they were (frames 4-5)" in made.err
    before, after = (decoded(folder / f"{name}.mkv") for name in ("plain", "made"))
    assert before.shape == after.shape
    assert not torch.equal(before, after)
    assert torch.equal(before[:, :, -10:], after[:, :, -10:])

"""A file of the wrong kind is told before weights are asked for: what came, what is needed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import torch

from sadtalker_core.media.pictures import write_picture
from tests.conftest import speech_like, write_wav
from tests.media.samples import write_plain_video

from .running import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TALKING_PORTRAITS_MODELS", str(tmp_path / "none"))
    grey = torch.full((3, 3, 32, 32), 90, dtype=torch.uint8)
    write_picture(tmp_path / "p.png", grey[0])
    write_wav(tmp_path / "s.wav", speech_like(0.2))
    write_plain_video(tmp_path / "v.mkv", grey, [0, 40, 80], Fraction(1, 1000))
    (tmp_path / "inside").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("measure p.png", 3, "p.png is a picture; a video is needed for measuring lips."),
        ("measure s.wav", 3, "s.wav is a sound file; a video is needed for measuring lips."),
        ("measure v.mkv --audio p.png", 3, "p.png is a picture; a sound file or a video is needed"),
        ("measure v.mkv --audio inside", 3, "inside is a folder, a sound or video file is needed."),
        (
            "enhance --input s.wav --out o.mp4",
            3,
            "s.wav is a sound file; a picture or a video is needed for restoring faces.",
        ),
        ("enhance --input inside --out o.mp4", 3, "inside is a folder, a picture or video file"),
        ("enhance --input p.png --out o.mp4", 2, "p.png is a picture; o.mp4 must be one too"),
        ("enhance --input p.png --out frames", 2, "p.png is a picture; frames must be one too"),
        ("enhance --input v.mkv --out o.png", 2, "v.mkv is a video; o.png must be one too"),
        (
            "relip --video s.wav --audio s.wav --out o.mp4",
            3,
            "s.wav is a sound file; a video or a picture is needed for new lips.",
        ),
        ("relip --video v.mkv --audio p.png --out o.mp4", 3, "p.png is a picture; a sound file"),
        ("relip --video v.mkv --audio v.mkv --out o.mp4", 3, "v.mkv"),
        (
            "relip --video v.mkv --audio s.wav --out o.png",
            4,
            "o.png has the name of a picture; new lips make a video",
        ),
        (
            "animate --portrait s.wav --audio s.wav --out o.mp4",
            3,
            "s.wav is a sound file; a picture or a video is needed for the portrait.",
        ),
    ],
)
def test_what_came_and_what_is_needed(folder: Path, words: str, code: int, sentence: str) -> None:
    given = words.split()
    if given[0] in ("relip", "animate"):
        engine = {"relip": "videoretalking", "animate": "sadtalker"}[given[0]]
        given += ["--engine", engine]
    before = sorted(folder.rglob("*"))
    done = run(*given)
    assert (done.code, sentence in done.sentence) == (code, True), done.err
    assert "weights" not in done.err
    assert "download" not in done.err
    assert sorted(folder.rglob("*")) == before


def test_which_engine_runs_is_told_once_and_not_before_an_error(folder: Path) -> None:
    write_wav(folder / "silent.wav", torch.zeros(1600))
    words = ("relip", "--video", "v.mkv", "--out", "o.mp4", "--audio")
    done = run(*words, "silent.wav")
    assert (done.code, "on this machine" in done.err) == (3, False), done.err
    done = run(*words, "s.wav")  # nobody is to be seen, which only the engine finds
    assert (done.code, done.err.count("on this machine, so the built-in engine runs")) == (5, 1)


def test_weights_are_asked_for_when_the_files_are_good(folder: Path) -> None:
    words = ("relip", "--video", "v.mkv", "--audio", "s.wav", "--out", "o.mp4")
    done = run(*words, "--engine", "wav2lip")
    assert done.code == 6
    assert "talking-portraits models download wav2lip" in done.sentence
    assert "wav2lip-gan" not in done.sentence
    done = run("enhance", "--input", "v.mkv", "--out", "o.mp4")
    assert done.code == 6
    assert "models download gfpgan-1.4" in done.sentence
    done = run("measure", "v.mkv", "--audio", "s.wav")
    assert done.code == 6
    assert "models download measure" in done.sentence
    assert "syncnet alone will do" in done.sentence


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("relip --portrait v.mkv --audio s.wav --out o.mp4", "did you mean --video?"),
        ("enhance --video v.mkv --out o.mp4", "did you mean --input?"),
        ("animate --video p.png --out o.mp4", "did you mean --portrait?"),
        ("relip --speech s.wav", "did you mean --audio?"),
        ("measure --video v.mkv", "give the file without a flag: measure VIDEO."),
        ("faces --portrait p.png", "give the file without a flag: faces PICTURE."),
        ("animate --pose-stile 3", "did you mean --pose-style?"),
    ],
)
def test_a_flag_of_another_command_is_told_in_this_one_s_words(words: str, hint: str) -> None:
    done = run(*words.split())
    assert (done.code, hint in done.sentence) == (2, True), done.err

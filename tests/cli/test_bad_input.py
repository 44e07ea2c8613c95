"""Every kind of bad input: one clear sentence, the right exit code, nothing left behind."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.running import all_files, run
from tests.conftest import write_wav

_FLAT = (90, 140, 180)


def make_bad(folder: Path, kind: str, portrait: Path) -> Path:
    """A bad file of each kind."""
    path = folder / {"tiny": "tiny.png", "huge": "huge.png"}.get(kind, f"{kind}.bin")
    if kind == "missing":
        return folder / "not here.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path = folder / "text.png"
        path.write_text("I am a text and not a picture. " * 20)
    elif kind == "text sound":
        path = folder / "speech.mp3"
        path.write_text("Words, words, words. " * 40)
    elif kind == "truncated":
        path = folder / "cut.jpg"
        with Image.open(portrait) as image:
            image.convert("RGB").save(path, quality=90)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind == "tiny":
        Image.new("RGB", (1, 1), _FLAT).save(path)
    elif kind == "huge":
        Image.new("1", (20000, 20000)).save(path)
    elif kind == "no face":
        path = folder / "wall.png"
        Image.new("RGB", (200, 160), _FLAT).save(path)
    elif kind == "silent":
        path = write_wav(folder / "silent.wav", torch.zeros(16000))
    elif kind == "zero seconds":
        path = write_wav(folder / "nothing.wav", torch.zeros(0))
    elif kind == "nan":
        path = folder / "nan.wav"
        data = struct.pack("<f", math.nan) * 16000
        head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt "
        head += struct.pack("<IHHIIHH", 16, 3, 1, 16000, 64000, 4, 32)
        path.write_bytes(head + b"data" + struct.pack("<I", len(data)) + data)
    elif kind == "video without sound":
        path = folder / "mute.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            for _ in range(5):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return path


PORTRAITS = [
    ("missing", 3, "does not exist"),
    ("folder", 3, "is a folder"),
    ("empty", 3, "empty"),
    ("text", 3, "not a picture"),
    ("truncated", 3, "damaged or cut short"),
    ("tiny", 3, "1x1"),
    ("huge", 3, "too large"),
    ("no face", 5, "No face"),
    ("video without sound", 5, "No face was found"),
]
SOUNDS = [
    ("missing", 3, "does not exist"),
    ("folder", 3, "is a folder"),
    ("empty", 3, "empty"),
    ("text", 3, "without sound|not a sound"),
    ("text sound", 3, "not a sound"),
    ("silent", 3, "silent from start to end"),
    ("zero seconds", 3, "0 seconds"),
    ("nan", 3, "NaN"),
    ("video without sound", 3, "without sound"),
    ("no face", 3, "is a picture; a sound file or a video is needed"),
]


def refused(tmp_path: Path, code: int, words: str, *flags: object) -> None:
    """Run a job that must be refused in one sentence, without a trace on disk."""
    before = all_files(tmp_path)
    done = run("animate", *flags, "--json")
    report = json.loads(done.out)
    message = report["error"]["message"]
    assert report["ok"] is False
    assert done.code == report["error"]["exit_code"] == code, message
    assert any(word in message for word in words.split("|")), message
    assert "\n" not in message
    assert "Traceback" not in done.err
    assert message.rstrip()[-1] in ".?)", message
    assert done.err.strip().endswith(message)
    assert all_files(tmp_path) == before


@pytest.mark.parametrize(("kind", "code", "words"), PORTRAITS, ids=[c[0] for c in PORTRAITS])
def test_bad_portrait(
    tmp_path: Path, small_portrait: Path, short_voice: Path, kind: str, code: int, words: str
) -> None:
    bad = make_bad(tmp_path, kind, small_portrait)
    out = tmp_path / "new folder" / "out.mp4"
    refused(tmp_path, code, words, "--portrait", bad, "--audio", short_voice, "--out", out)


@pytest.mark.parametrize(("kind", "code", "words"), SOUNDS, ids=[c[0] for c in SOUNDS])
def test_bad_sound(tmp_path: Path, small_portrait: Path, kind: str, code: int, words: str) -> None:
    bad = make_bad(tmp_path, kind, small_portrait)
    out = tmp_path / "out.mp4"
    refused(tmp_path, code, words, "--portrait", small_portrait, "--audio", bad, "--out", out)


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--face-index", "5"], 5, "only 2 faces"),
        (["--face-index", "-1"], 2, "0 to 999"),
        (["--face-point", "here"], 2, "face_point"),
        (["--face-select", "prettiest"], 2, "known values are: largest"),
        (["--pose-style", "46"], 2, "0 to 45"),
        (["--pose-scale", "nan"], 2, "finite"),
        (["--pose-scale", "inf"], 2, "finite"),
        (["--yaw", "0:0, nan:3"], 2, "yaw"),
        (["--engine", "sadtalkr"], 2, "known values are: auto, sadtalker, liveportrait, lite"),
        (["--fps", "11"], 2, "12 to 120"),
        (["--fps", "nan"], 2, "fps"),
        (["--device", "abacus"], 2, "cpu"),
        (["--device", "cuda:7"], 2, "cpu"),
        (["--idle", "3"], 2, "audio and idle are both given"),
        (["--config", "no such.toml"], 3, "no such.toml"),
        (["--preview", "sheet.mp4"], 4, "must be a picture"),
    ],
)
def test_bad_option(
    tmp_path: Path, two_faces: Path, short_voice: Path, flags: list[str], code: int, words: str
) -> None:
    base = ["--portrait", two_faces, "--audio", short_voice, "--out", tmp_path / "o.mp4"]
    refused(tmp_path, code, words, *base, *flags)


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("out.xyz", "unknown suffix"),
        ("a file/out.mp4", "a file"),
        ("a folder.mp4", "is a folder"),
        ("no\0good.mp4", "NUL"),
        ("x" * 300 + ".mp4", "too long"),
    ],
)
def test_bad_output(
    tmp_path: Path, small_portrait: Path, short_voice: Path, out: str, words: str
) -> None:
    (tmp_path / "a file").write_text("x")
    (tmp_path / "a folder.mp4").mkdir()
    base = ["--portrait", small_portrait, "--audio", short_voice]
    refused(tmp_path, 2 if "\0" in out else 4, words, *base, "--out", tmp_path / out)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder root cannot write to")
def test_output_without_permission(tmp_path: Path, small_portrait: Path, short_voice: Path) -> None:
    base = ["--portrait", small_portrait, "--audio", short_voice]
    refused(tmp_path, 4, "/proc", *base, "--out", "/proc/self/out.mp4")


@pytest.mark.parametrize("which", ["portrait", "audio", "preview", "config"])
def test_output_equal_to_an_input(
    tmp_path: Path, small_portrait: Path, short_voice: Path, which: str
) -> None:
    portrait, audio = tmp_path / "me.mp4", tmp_path / "voice.mkv"
    portrait.write_bytes(small_portrait.read_bytes())
    audio.write_bytes(short_voice.read_bytes())
    portrait = portrait.rename(tmp_path / "me.png")
    (tmp_path / "link.mp4").symlink_to(portrait)
    flags: dict[str, list[object]] = {
        "portrait": ["--out", tmp_path / "link.mp4"],
        "audio": ["--out", tmp_path / "x" / ".." / "voice.mkv"],
        "preview": ["--out", tmp_path / "o.mp4", "--preview", portrait],
        "config": ["--out", tmp_path / "o.mp4", "--save-config", portrait],
    }
    before = portrait.read_bytes(), audio.read_bytes()
    words = "also an input|both"
    refused(tmp_path, 4, words, "--portrait", portrait, "--audio", audio, *flags[which])
    assert (portrait.read_bytes(), audio.read_bytes()) == before


def test_face_cut_at_the_forehead_is_a_warning(
    tmp_path: Path, small_portrait: Path, short_voice: Path
) -> None:
    cut = tmp_path / "cut.png"
    with Image.open(small_portrait) as image:
        image.crop((0, 70, 192, 192)).save(cut)
    out = tmp_path / "o.mp4"
    done = run("animate", "--portrait", cut, "--audio", short_voice, "--out", out, "--json")
    assert done.code == 0
    assert any("edge of the picture" in text for text in json.loads(done.out)["warnings"])
    assert out.exists()


def test_face_cut_at_the_mouth_is_refused(
    tmp_path: Path, small_portrait: Path, short_voice: Path
) -> None:
    cut = tmp_path / "cut.png"
    with Image.open(small_portrait) as image:
        image.crop((0, 0, 192, 125)).save(cut)
    out = tmp_path / "o.mp4"
    done = run("animate", "--portrait", cut, "--audio", short_voice, "--out", out)
    assert done.code == 5
    assert "the mouth" in done.sentence
    assert not out.exists()

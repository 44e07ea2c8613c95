"""What a file holds, whatever its name says."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from sadtalker_core.errors import MediaError
from sadtalker_core.media.file_kinds import check_file_kind, file_kind
from tests.conftest import speech_like, write_wav
from tests.media.samples import write_plain_video


def test_kinds_are_told_by_what_is_inside(tmp_path: Path) -> None:
    grey = torch.full((3, 3, 32, 32), 90, dtype=torch.uint8)
    write_plain_video(tmp_path / "video.mkv", grey, [0, 40, 80], Fraction(1, 1000))
    write_wav(tmp_path / "sound.wav", speech_like(0.1))
    for kind in ("JPEG", "BMP", "WEBP"):
        Image.new("RGB", (32, 32)).save(tmp_path / "picture", format=kind)
        assert file_kind(tmp_path / "picture") == "picture"
    Image.new("P", (32, 32)).save(tmp_path / "moving.gif")
    assert file_kind(tmp_path / "moving.gif") == "video"
    for name, kind in (("video.mkv", "video"), ("sound.wav", "sound")):
        (tmp_path / name).rename(tmp_path / "named.png")
        assert file_kind(tmp_path / "named.png") == kind


def test_a_cover_makes_no_video_of_a_song(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    tone = (np.sin(np.arange(4410) / 20) * 8000).astype(np.int16)[None]
    with av.open(str(path), "w") as container:
        sound = container.add_stream("mp3", rate=44100)
        cover = container.add_stream("png", rate=1)
        cover.width = cover.height = 32
        cover.pix_fmt = "rgb24"
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(picture))
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate = 44100
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    assert file_kind(path) == "sound"
    with pytest.raises(MediaError, match="song.mp3 is a sound file; a video is needed for a test"):
        check_file_kind(path, ("video",), "a test")


def test_what_is_damaged_or_something_else_has_no_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for content in (b"\x89PNG\r\n\x1a\nnot a picture", b"I am a text. " * 50, b"{}"):
        path.write_bytes(content)
        assert file_kind(path) == "", content
        assert check_file_kind(path, ("video",), "a test") == ""
    with pytest.raises(MediaError, match="does not exist; give the path of an animal or plant"):
        check_file_kind(tmp_path / "no", ("animal", "plant"), "a test")

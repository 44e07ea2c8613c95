from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from sadtalker_core.errors import MediaError, OptionError
from sadtalker_core.media.video_in import open_video
from tests.media.samples import pictures, tone, write_plain_video, write_wav

_TICK = Fraction(1, 1000)


def _nearest(frames: torch.Tensor, wanted: torch.Tensor) -> list[int]:
    """For each frame, which of ``wanted`` it is."""
    far = (frames[:, None].float() - wanted[None].float()).abs().mean((2, 3, 4))
    return far.argmin(1).tolist()


def test_constant_rate_in_chunks(tmp_path: Path) -> None:
    wanted = pictures(11, 32, 48)
    times = [40 * index for index in range(11)]
    source = open_video(write_plain_video(tmp_path / "a.mkv", wanted, times, _TICK))
    assert (source.size, source.fps, source.frame_count) == ((32, 48), 25, 11)
    assert not source.has_audio
    chunks = list(source.frames(4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 3]
    frames = torch.cat(chunks)
    assert frames.dtype == torch.uint8
    assert _nearest(frames, wanted) == list(range(11))
    assert (frames.int() - wanted.int()).abs().max() <= 3
    assert torch.equal(frames, torch.cat(list(source.frames(3))))


def test_variable_rate_keeps_its_timing(tmp_path: Path) -> None:
    # Shown at 0, 1, 2, 3, then a long hold until 8, and two close ones; ticks of 1/25 s.
    shown_at = [0, 1, 2, 3, 8, 9]
    wanted = pictures(6, 32, 32)
    times = [40 * at for at in shown_at]
    path = write_plain_video(tmp_path / "a.mkv", wanted, times, _TICK)
    source = open_video(path)
    frames = torch.cat(list(source.frames()))
    assert len(frames) == source.frame_count
    for index, found in enumerate(_nearest(frames, wanted)):
        time = index / source.fps * 25
        latest = max(k for k, at in enumerate(shown_at) if at <= time + Fraction(1, 2))
        assert found == latest, index


def test_start_other_than_zero(tmp_path: Path) -> None:
    wanted = pictures(5, 32, 32)
    times = [2000 + 40 * index for index in range(5)]
    source = open_video(write_plain_video(tmp_path / "a.mkv", wanted, times, _TICK))
    assert source.frame_count == 5
    assert _nearest(torch.cat(list(source.frames())), wanted) == list(range(5))


_QUARTER_TURNS = {  # of the display matrix in the track header: a, b, c, d
    90: (0, 1, -1, 0),  # clockwise on the screen
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_rotation_is_respected(tmp_path: Path, clockwise: int) -> None:
    wanted = pictures(2, 32, 48)
    path = write_plain_video(tmp_path / "a.mp4", wanted, [0, 1], Fraction(1, 25))
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # matrix of a version 0 track header
    a, b, c, d = _QUARTER_TURNS[clockwise]
    matrix = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], ">i4")
    data[at : at + 36] = matrix.tobytes()
    path.write_bytes(data)
    source = open_video(path)
    upright = torch.rot90(wanted, -clockwise // 90, (2, 3))
    frames = torch.cat(list(source.frames()))
    assert source.size == tuple(upright.shape[2:]) == tuple(frames.shape[2:])
    assert (frames.int() - upright.int()).abs().max() <= 3


def _flat_video(path: Path, yuv: tuple[int, int, int], tags: dict[str, int], height: int) -> Path:
    is_webm = path.suffix == ".webm"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libvpx-vp9" if is_webm else "libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = height, 32, "yuv420p"
        stream.options = {"lossless": "1"} if is_webm else {"qp": "0"}
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        planes = [
            np.full(height * 32, yuv[0], np.uint8),
            np.full(height * 8, yuv[1], np.uint8),
            np.full(height * 8, yuv[2], np.uint8),
        ]
        pixels = np.concatenate(planes).reshape(-1, 32)
        frame = av.VideoFrame.from_ndarray(pixels, format="yuv420p")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("yuv", "tags", "height"),
    [
        # (200, 60, 30) in the four usual ways, and without tags by size as players do.
        ((83, 111, 197), {"colorspace": 1, "color_range": 1}, 32),
        ((103, 94, 182), {"colorspace": 6, "color_range": 1}, 32),
        ((88, 97, 199), {"colorspace": 5, "color_range": 2}, 32),
        ((78, 109, 207), {"colorspace": 1, "color_range": 2}, 32),
        ((91, 101, 190), {}, 32),
        ((83, 111, 197), {}, 720),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_colour_tags_are_respected(
    tmp_path: Path, suffix: str, yuv: tuple[int, int, int], tags: dict[str, int], height: int
) -> None:
    is_709 = tags.get("colorspace", 1 if height >= 720 else 5) == 1
    is_full = tags.get("color_range") == 2
    rgb = _rgb_from_yuv(yuv, is_709, is_full)
    source = open_video(_flat_video(tmp_path / f"a{suffix}", yuv, tags, height))
    found = next(source.frames(1))[0].float().mean((1, 2)).numpy()
    assert np.abs(found - rgb).max() <= 1.5


def _rgb_from_yuv(yuv: tuple[int, int, int], is_709: bool, is_full: bool) -> np.ndarray[Any, Any]:
    red, blue = (0.2126, 0.0722) if is_709 else (0.299, 0.114)  # BT.709, BT.601
    luma = yuv[0] / 255 if is_full else (yuv[0] - 16) / 219
    cb, cr = ((value - 128) / (255 if is_full else 224) for value in yuv[1:])
    r, b = luma + 2 * (1 - red) * cr, luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return (np.array([r, g, b]) * 255).clip(0, 255)


def test_truncated_video_holds_its_last_frame(tmp_path: Path) -> None:
    wanted = torch.randint(0, 256, (25, 3, 64, 64), dtype=torch.uint8)
    times = [40 * index for index in range(25)]
    path = write_plain_video(tmp_path / "a.mkv", wanted, times, _TICK)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    source = open_video(path)
    assert 5 < source.frame_count < 25
    assert sum(len(chunk) for chunk in source.frames()) == source.frame_count


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.mp4", "does not exist"),
        (".", "is a folder"),
        ("empty.mp4", "empty file"),
        ("text.mp4", "not a video file"),
        ("sound.wav", "no pictures"),
    ],
)
def test_bad_file_gives_its_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("hello, world\n" * 50)
    write_wav(tmp_path / "sound.wav", tone(16000, 1600), 16000)
    with pytest.raises(MediaError, match=sentence):
        open_video(tmp_path / name)


def test_chunk_of_zero_is_refused(tmp_path: Path) -> None:
    path = write_plain_video(tmp_path / "a.mkv", pictures(2, 32, 32), [0, 40], _TICK)
    with pytest.raises(OptionError, match="chunk"):
        next(open_video(path).frames(0))

from __future__ import annotations

import weakref
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError
from sadtalker_core.media import repeat
from sadtalker_core.media.repeat import repeated_frames, repeated_picture, repeated_video
from sadtalker_core.media.video_in import VideoSource, open_video
from tests.media.samples import pictures, write_plain_video

_TICK = Fraction(1, 1000)
_ORDERS = {
    "ping-pong": [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3],
    "loop": [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1],
    "hold": [0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4],
    "trim": [0, 1, 2, 3, 4],
}


def _video(tmp_path: Path, count: int, name: str = "a.mkv") -> VideoSource:
    times = [40 * index for index in range(count)]
    return open_video(write_plain_video(tmp_path / name, pictures(count, 32, 48), times, _TICK))


def _all(source: VideoSource) -> Tensor:
    return torch.cat(list(source.frames(8)))


@pytest.mark.parametrize("mode", _ORDERS)
@pytest.mark.parametrize("group", [2, 1000])
def test_what_follows_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, group: int
) -> None:
    monkeypatch.setattr(repeat, "_GROUP_BYTES", group * 32 * 48 * 3)
    source = _video(tmp_path, 5)
    wanted, order = _all(source), _ORDERS[mode]
    video = repeated_video(source, 12, mode, 2)
    assert (video.length, video.size, video.fps) == (len(order), (32, 48), 25)
    assert [video.source_index(index) for index in range(video.length)] == order
    for _ in range(2):  # each pass is a fresh one
        assert torch.equal(torch.cat(list(video.open())), wanted[order])
    hosts = repeated_frames(lambda: source.frames(3), source.fps, 5, (32, 48), 12, mode, 2)
    assert torch.equal(torch.cat(list(hosts.open())), wanted[order])
    assert [len(part) for part in hosts.open()] == [len(part) for part in video.open()]


def test_a_jump_begins_anew_and_a_turn_does_not(tmp_path: Path) -> None:
    source = _video(tmp_path, 5)
    loop, turn = (repeated_video(source, 12, mode, 2) for mode in ("loop", "ping-pong"))
    assert [index for index in range(12) if loop.begins_anew(index)] == [0, 5, 10]
    assert [index for index in range(12) if turn.begins_anew(index)] == [0]


def test_a_longer_video_is_cut(tmp_path: Path) -> None:
    source = _video(tmp_path, 9)
    for mode in _ORDERS:
        video = repeated_video(source, 4, mode, 3)
        assert video.length == 4
        assert torch.equal(torch.cat(list(video.open())), _all(source)[:4])


@pytest.mark.parametrize("mode", ["ping-pong", "loop", "hold"])
@pytest.mark.parametrize("count", [1, 2])
def test_videos_of_one_and_two_frames(tmp_path: Path, mode: str, count: int) -> None:
    source = _video(tmp_path, count)
    video = repeated_video(source, 7, mode, 3)
    order = [video.source_index(index) for index in range(7)]
    again = [0] * 7 if count == 1 else [0, 1, 1, 1, 1, 1, 1] if mode == "hold" else [0, 1] * 4
    assert order == again[:7]
    assert torch.equal(torch.cat(list(video.open())), _all(source)[order])


def test_a_picture_is_a_video_of_one_frame() -> None:
    picture = pictures(1, 33, 47)[0]
    video = repeated_picture(picture, Fraction(30), 10, 4)
    frames = list(video.open())
    assert [len(part) for part in frames] == [4, 4, 2]
    assert (video.fps, video.size, video.length) == (30, (33, 47), 10)
    assert (torch.cat(frames) == picture).all()
    frames[0][:] = 0  # a chunk may be painted on
    assert (frames[1] == picture).all()
    assert picture.any()


def test_backward_keeps_one_group_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 16, 16
    monkeypatch.setattr(repeat, "_GROUP_BYTES", 10 * 16 * 16 * 3)
    monkeypatch.setattr(repeat, "_CHUNK_BYTES", 4 * 16 * 16 * 3)
    alive: set[int] = set()
    most = 0

    def opened() -> Iterator[Tensor]:
        nonlocal most
        for index in range(100):
            pixels = np.full((1, 3, *size), index, np.uint8)
            alive.add(id(pixels))  # until no tensor looks at these pixels
            weakref.finalize(pixels, alive.discard, id(pixels))
            most = max(most, len(alive))
            yield torch.from_numpy(pixels)

    video = repeated_frames(opened, Fraction(25), 100, size, 250, "ping-pong", 64)
    parts = [(len(part), part[:, 0, 0, 0].tolist()) for part in video.open()]
    assert [number for _, part in parts for number in part] == [
        video.source_index(index) for index in range(250)
    ]
    assert max(count for count, _ in parts) == 4
    assert 10 <= most <= 10 + 4 + 2


def _encoded(path: Path, codec: str, frames: Tensor, options: dict[str, str], rate: int) -> Path:
    """Through an encoder with few key frames and frames out of order."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.height, stream.width = int(frames.shape[2]), int(frames.shape[3])
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        stream.options = options
        for picture in frames:
            pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
            frame: Any = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return path


_KINDS = {
    "a.mp4": ("libx264", {"g": "24", "bf": "3"}),
    "b.mkv": ("libx264", {"g": "12", "bf": "2", "x264-params": "open-gop=1"}),
    "a.ts": ("libx264", {"g": "24", "bf": "2"}),
    "a.avi": ("mpeg4", {"g": "12"}),
    "a.webm": ("libvpx-vp9", {"g": "20", "deadline": "realtime", "cpu-used": "8"}),
    "a.gif": ("gif", {}),
    "a.m4v": ("libx264", {"g": "1000"}),  # one key frame: all before is decoded and left out
}


@pytest.mark.parametrize("name", _KINDS)
def test_frames_from_any_number_on_are_the_same(tmp_path: Path, name: str) -> None:
    codec, options = _KINDS[name]
    rate = 10 if name == "a.gif" else 25
    frames = pictures(70, 32, 48)
    source = open_video(_encoded(tmp_path / name, codec, frames, options, rate))
    whole = _all(source)
    assert len(whole) == source.frame_count >= 69
    for first in (1, 2, 11, 13, 30, 47, 58, len(whole) - 1):
        later = torch.cat(list(source.frames(8, first)))
        assert torch.equal(later, whole[first:]), first


def test_frames_from_the_middle_of_a_long_hold(tmp_path: Path) -> None:
    shown_at = [0, 1, 2, 3, 60, 61, 62]  # 2 s of the same picture, ticks of 1/25 s
    frames = pictures(7, 32, 32)
    path = write_plain_video(tmp_path / "a.mkv", frames, [40 * at for at in shown_at], _TICK)
    source = open_video(path)
    whole = _all(source)
    for first in range(1, source.frame_count):
        assert torch.equal(torch.cat(list(source.frames(4, first))), whole[first:]), first


def test_backward_through_a_file_with_few_key_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeat, "_GROUP_BYTES", 9 * 32 * 48 * 3)
    path = _encoded(tmp_path / "a.mp4", "libx264", pictures(60, 32, 48), {"g": "30"}, 25)
    source = open_video(path)
    video = repeated_video(source, 150, "ping-pong", 8)
    order = [video.source_index(index) for index in range(150)]
    assert torch.equal(torch.cat(list(video.open())), _all(source)[order])


def test_a_part_of_a_file_is_repeated_as_that_part(tmp_path: Path) -> None:
    path = _encoded(tmp_path / "a.mp4", "libx264", pictures(60, 32, 48), {"g": "12"}, 25)
    whole = _all(open_video(path))
    part = open_video(path, start_s=Fraction(20, 25), duration_s=Fraction(30, 25))
    video = repeated_video(part, 75, "ping-pong", 8)
    order = torch.tensor([20 + video.source_index(index) for index in range(75)])
    assert torch.equal(torch.cat(list(video.open())), whole[order])


def test_unknown_ways_are_refused(tmp_path: Path) -> None:
    source = _video(tmp_path, 2)
    with pytest.raises(OptionError, match="ping-pong, loop, hold, trim"):
        repeated_video(source, 4, "again", 2)
    with pytest.raises(OptionError, match="at least 1 frame"):
        repeated_video(source, 0, "loop", 2)

from __future__ import annotations

import _thread
import os
import resource
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import (
    Cancelled,
    MediaError,
    OptionError,
    OutputError,
    StructureError,
)
from sadtalker_core.media.frame_sinks import ContainerSink
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.provenance import provenance_metadata, read_provenance
from sadtalker_core.media.video_in import open_video
from sadtalker_core.media.video_out import WrittenVideo, check_video_path, write_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import AudioClip, FrameStream
from tests.media.samples import frame_stream, pictures, tone, write_sound, write_wav

_KINDS = [".mp4", ".webm", ".mkv", ""]


def _write(
    stream: FrameStream,
    path: Path,
    audio: Path | AudioClip | None = None,
    options: VideoOptions | None = None,
    runtime: Runtime | None = None,
) -> WrittenVideo:
    return write_video(
        stream,
        path,
        audio=audio,
        options=options or VideoOptions(),
        metadata=provenance_metadata({"seed": "7", "engine": "lite 张"}),
        runtime=runtime or Runtime(),
    )


def _read(path: Path) -> Tensor:
    if path.is_dir():
        names = sorted(path.glob("*.png"))
        return torch.stack([read_picture(name, min_side=1).rgb for name in names])
    return torch.cat(list(open_video(path).frames()))


@pytest.mark.parametrize("suffix", _KINDS)
def test_pictures_come_back(tmp_path: Path, suffix: str) -> None:
    frames = pictures(12, 64, 48)
    written = _write(frame_stream(frames), tmp_path / f"a b [1] %d 张{suffix}")
    found = _read(written.path)
    assert found.shape == frames.shape
    assert (written.frames, written.size, written.duration_s) == (12, (64, 48), Fraction(12, 25))
    assert written.audio_duration_s is None
    error = (found.int() - frames.int()).abs().float()
    if suffix in (".mkv", ""):
        assert error.max() == 0
    else:
        assert error.mean() < 4


@pytest.mark.parametrize("suffix", _KINDS)
@pytest.mark.parametrize("size", [(33, 48), (32, 47), (1, 1)])
def test_odd_sizes_grow_by_a_copied_edge(
    tmp_path: Path, suffix: str, size: tuple[int, int]
) -> None:
    height, width = size
    frames = pictures(3, height, width)
    written = _write(frame_stream(frames), tmp_path / f"a{suffix}")
    is_exact = suffix in (".mkv", "")
    even = (height + height % 2, width + width % 2)
    assert written.size == (size if is_exact else even)
    found = _read(written.path)
    assert tuple(found.shape[2:]) == written.size
    difference = (found[:, :, :height, :width].int() - frames.int()).abs().float()
    assert difference.mean() < (1e-9 if is_exact else 6)


def _colour_card() -> Tensor:
    """(1, 3, 64, 64): the corners of the colour cube and skin tones in 16 px fields."""
    colours = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    colours += [(224, 172, 105), (141, 85, 36), (255, 219, 172), (60, 46, 40)]
    colours += [(16, 16, 16), (128, 128, 128), (235, 235, 235), (200, 60, 30)]
    card = torch.tensor(colours, dtype=torch.uint8).reshape(4, 4, 3).permute(2, 0, 1)
    return card.repeat_interleave(16, 1).repeat_interleave(16, 2)[None]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_colours_and_tags_agree(tmp_path: Path, suffix: str) -> None:
    card = _colour_card()
    path = tmp_path / f"a{suffix}"
    _write(frame_stream(card.expand(4, -1, -1, -1)), path, options=VideoOptions(crf=2))
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        tags = codec.color_range, codec.colorspace, codec.color_primaries, codec.color_trc
        assert tags == (1, 1, 1, 1)  # limited range, and BT.709 three times
        assert codec.pix_fmt == "yuv420p"
        luma = next(container.decode(video=0)).to_ndarray()[:64]
    middle = slice(8, None, 16)
    rgb = card[0].double()[:, middle, middle] / 255
    # ITU-R BT.709-6, items 3.2 and 3.4, without FFmpeg in between.
    expected = 16 + 219 * (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2])
    assert np.abs(luma[middle, middle] - expected.numpy()).max() <= 1.5
    found = _read(path)[-1][:, middle, middle].int()
    error = found - card[0][:, middle, middle].int()
    assert error.abs().max() <= 4
    assert error.double().mean().abs() < 0.5


def test_float_and_permuted_frames_are_the_same(tmp_path: Path) -> None:
    frames = pictures(5, 32, 48)
    kinds = {
        "uint8": frames,
        "float": frames.float() / 255,
        "double": frames.double() / 255,
        "permuted": frames.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2),
        "slice": torch.cat([frames, frames], 3)[..., :48],
    }
    for name, kind in kinds.items():
        written = _write(frame_stream(kind), tmp_path / f"{name}.mkv")
        assert torch.equal(_read(written.path), frames), name


def test_float_frames_out_of_range_are_clipped(tmp_path: Path) -> None:
    frames = torch.full((2, 3, 16, 16), 1.7)
    frames[:, 1], frames[:, 2] = -0.3, float("nan")
    found = _read(_write(frame_stream(frames), tmp_path / "a.mkv").path)
    assert found[0, :, 0, 0].tolist() == [255, 0, 0]


def _packets(path: Path) -> list[tuple[int, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux() if packet.size]


def test_chunks_do_not_change_the_packets(tmp_path: Path) -> None:
    # Lossless: in MP4, x264's macroblock tree with several frame threads reads memory it never
    # wrote (seen at widths such as 64 and 320), and now and then the bytes differ by themselves.
    frames = pictures(10, 32, 32)
    found = []
    for chunk in (1, 3, 10):
        _write(frame_stream(frames, chunk=chunk), tmp_path / f"{chunk}.mkv")
        found.append(_packets(tmp_path / f"{chunk}.mkv"))
    assert len(found[0]) == 10
    assert found[0] == found[1] == found[2]


def test_a_frame_is_one_slice(tmp_path: Path) -> None:
    # Sliced threads of x264 cost quality, and their files differ from run to run.
    _write(frame_stream(pictures(6, 64, 64)), tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        for packet in container.demux(video=0):
            data, at, slices = bytes(packet), 0, 0
            while at < len(data):
                slices += data[at + 4] & 31 in (1, 5)  # NAL unit types of pictures
                at += 4 + int.from_bytes(data[at : at + 4], "big")
            assert slices == (1 if data else 0)


@pytest.mark.parametrize("suffix", _KINDS)
def test_provenance_is_kept(tmp_path: Path, suffix: str) -> None:
    sound = AudioClip(torch.from_numpy(tone(16000, 3200)), 16000)
    written = _write(frame_stream(pictures(5, 32, 32)), tmp_path / f"a{suffix}", sound)
    found = read_provenance(written.path)
    assert "Synthetic video" in found["title"]
    assert "Talking Portraits" in found["comment"]
    assert (found["seed"], found["engine"]) == ("7", "lite 张")


def test_mp4_starts_at_once(tmp_path: Path) -> None:
    _write(frame_stream(pictures(5, 32, 32)), tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_picture_folder_holds_frames_and_sound(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", tone(16000, 16000), 16000)
    folder = tmp_path / "frames %03d"
    _write(frame_stream(pictures(25, 16, 16)), folder, wav)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["audio.wav", *(f"frame_{index:06d}.png" for index in range(25))]
    # A shorter video replaces it and leaves none of the old frames.
    _write(frame_stream(pictures(3, 16, 16)), folder)
    assert len(list(folder.iterdir())) == 3
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other things"):
        _write(frame_stream(pictures(3, 16, 16)), folder)


def test_format_option_wins_over_suffix(tmp_path: Path) -> None:
    _write(frame_stream(pictures(3, 16, 16)), tmp_path / "a.bin", options=VideoOptions("webm"))
    with av.open(str(tmp_path / "a.bin")) as container:
        assert "webm" in container.format.name


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_quality_options_change_the_file(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(0)
    noise = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8)

    def size(options: VideoOptions, audio: AudioClip | None = None) -> int:
        path = tmp_path / f"a{suffix}"
        _write(frame_stream(noise), path, audio, options)
        return path.stat().st_size

    assert size(VideoOptions(crf=40)) < size(VideoOptions(crf=10)) / 2
    assert size(VideoOptions(preset="ultrafast")) != size(VideoOptions(preset="medium"))
    clip = AudioClip(torch.rand(1, 48000 * 6 // 25) - 0.5, 48000)
    low, high = VideoOptions(audio_bitrate=24), VideoOptions(audio_bitrate=200)
    assert size(low, clip) < size(high, clip)


@pytest.mark.parametrize("wrong", [{"crf": 52}, {"preset": "best"}, {"format": "avi"}])
def test_wrong_options_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        VideoOptions(**wrong)  # pyright: ignore[reportArgumentType]


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _slow_stream(frames: Tensor, hook: dict[int, object], length: int = 400) -> FrameStream:
    def chunks() -> Iterator[Tensor]:
        for index in range(length):
            action = hook.get(index)
            if callable(action):
                action()
            time.sleep(0.002)
            yield frames

    height, width = int(frames.shape[2]), int(frames.shape[3])
    return FrameStream(chunks(), length, (height, width), Fraction(25))


@pytest.mark.parametrize("suffix", _KINDS)
def test_cancel_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    stop = threading.Event()
    rendered: list[int] = []
    runtime = Runtime(
        cancelled=stop.is_set, progress=lambda stage, done, total: rendered.append(done)
    )
    stream = _slow_stream(pictures(1, 32, 32), {5: stop.set})
    with pytest.raises(Cancelled):
        _write(stream, tmp_path / f"a{suffix}", runtime=runtime)
    assert _left(tmp_path) == []
    assert rendered[-1] <= 6  # not only asked at the end


@pytest.mark.parametrize("suffix", _KINDS)
def test_ctrl_c_stops_soon_and_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    _write(frame_stream(pictures(2, 16, 16)), path)
    before = path.stat().st_mtime_ns
    stream = _slow_stream(pictures(1, 256, 256), {30: _thread.interrupt_main})
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _write(stream, path)
    assert time.monotonic() - begin < 15  # no thread is waited for in vain
    assert _left(tmp_path) == [path.name]
    assert path.stat().st_mtime_ns == before
    assert not [t for t in threading.enumerate() if t.name == "video-encoder"]


def test_ctrl_c_while_the_encoder_is_behind(tmp_path: Path) -> None:
    # The renderer waits in the full queue, or in the join at the end.
    frames = torch.randint(0, 256, (64, 3, 256, 256), dtype=torch.uint8)
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _write(
            frame_stream(frames, chunk=64),
            tmp_path / "a.webm",
            options=VideoOptions(preset="slower"),
        )
    assert time.monotonic() - begin < 15  # no thread is waited for in vain
    assert _left(tmp_path) == []


def test_error_of_the_renderer_comes_through(tmp_path: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError("in the renderer")

    with pytest.raises(ZeroDivisionError, match="in the renderer"):
        _write(_slow_stream(pictures(1, 32, 32), {3: fail}), tmp_path / "a.mp4")
    assert _left(tmp_path) == []


@pytest.mark.parametrize("announced", [4, 9])
def test_wrong_length_is_refused(tmp_path: Path, announced: int) -> None:
    stream = frame_stream(pictures(6, 16, 16), chunk=2, length=announced)
    with pytest.raises(StructureError, match=f"{announced} frames were announced"):
        _write(stream, tmp_path / "a.mp4")
    assert _left(tmp_path) == []


def test_wrong_size_is_refused(tmp_path: Path) -> None:
    stream = FrameStream(iter([pictures(2, 16, 18)]), 2, (16, 16), Fraction(25))
    with pytest.raises(StructureError, match=r"expected \(N, 3, 16, 16\)"):
        _write(stream, tmp_path / "a.mp4")
    assert _left(tmp_path) == []


@pytest.mark.parametrize("suffix", _KINDS)
@pytest.mark.parametrize("limit", [1000, 40_000])
def test_full_disk_is_an_output_error(tmp_path: Path, suffix: str, limit: int) -> None:
    # A limit on file size fails like a full disk: in the middle of a write.
    frames = torch.randint(0, 256, (8, 3, 128, 128), dtype=torch.uint8)
    path = tmp_path / f"a{suffix}"
    wav = write_wav(tmp_path / "a.wav", tone(48000, 120_000), 48000)
    path.mkdir() if suffix == "" else path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit if suffix else limit // 30, hard))
    try:
        with pytest.raises(OutputError, match="could not be written") as caught:
            _write(frame_stream(frames, chunk=2), path, wav, VideoOptions(crf=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 4
    assert _left(tmp_path) == sorted(["a.wav", path.name])
    assert path.is_dir() or path.read_bytes() == b"old"


def test_full_disk_at_the_very_end(tmp_path: Path) -> None:
    # The last bytes are written when the file is closed; a limit just below must be seen too.
    frames = pictures(8, 64, 64)
    for suffix in (".mp4", ".webm", ".mkv"):
        path = tmp_path / f"a{suffix}"
        _write(frame_stream(frames), path)
        size = path.stat().st_size
        path.unlink()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, hard))
        try:
            with pytest.raises(OutputError):
                _write(frame_stream(frames), path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert _left(tmp_path) == []


def test_output_must_not_be_an_input(tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "a.mp4", "aac", tone(16000, 16000), 16000)
    before = sound.read_bytes()
    link = tmp_path / "b.mp4"
    os.symlink(sound, link)
    for path in (sound, link, tmp_path / "." / "x" / ".." / "a.mp4"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(OutputError, match="also an input"):
            _write(frame_stream(pictures(25, 16, 16)), path, sound)
    assert sound.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.avi", r"unknown suffix '\.avi'; known are \.mp4"),
        ("file/a.mp4", "cannot be made"),
        ("folder.mp4", "is a folder"),
        ("zero\0byte.mp4", "zero byte"),
        ("x" * 300 + ".mp4", "name is too long"),
    ],
)
def test_impossible_output_is_refused_before_rendering(
    tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.mp4").mkdir()
    before = _left(tmp_path)
    with pytest.raises(OutputError, match=sentence):
        check_video_path(tmp_path / name, VideoOptions())
    assert _left(tmp_path) == before


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a folder nobody writes to")
def test_folder_without_permission() -> None:
    with pytest.raises(OutputError, match="/proc/a.mp4"):
        check_video_path(Path("/proc/a.mp4"), VideoOptions())


def test_missing_folder_is_made(tmp_path: Path) -> None:
    _write(frame_stream(pictures(2, 16, 16)), tmp_path / "new" / "er" / "a.mp4")
    assert _left(tmp_path / "new" / "er") == ["a.mp4"]


def test_missing_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist"):
        _write(frame_stream(pictures(2, 16, 16)), tmp_path / "a.mp4", tmp_path / "no.wav")
    assert _left(tmp_path) == []


def test_progress_counts_every_frame(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    runtime = Runtime(progress=lambda *call: heard.append(call))
    _write(frame_stream(pictures(10, 16, 16), chunk=4), tmp_path / "a.mp4", runtime=runtime)
    assert heard == [("render", done, 10) for done in (0, 4, 8, 10)]


def test_encoding_runs_beside_rendering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded, may_encode = threading.Event(), threading.Event()
    write = ContainerSink.write

    def watched(sink: ContainerSink, pixels: Any) -> None:
        assert may_encode.wait(30), "the next chunk is rendered while this one is encoded"
        write(sink, pixels)
        encoded.set()

    def chunks() -> Iterator[Tensor]:
        frames = torch.zeros((1, 3, 32, 32), dtype=torch.uint8)
        yield frames
        may_encode.set()
        yield frames
        assert encoded.wait(30), "frames are encoded before the last one is rendered"
        yield frames

    monkeypatch.setattr(ContainerSink, "write", watched)
    _write(FrameStream(chunks(), 3, (32, 32), Fraction(25)), tmp_path / "a.mp4")


def test_a_system_error_of_the_renderer_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    def broken() -> Iterator[Tensor]:
        yield torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
        raise OSError("the frames' own disk is gone")

    stream = FrameStream(broken(), 2, (32, 32), Fraction(25))
    with pytest.raises(MediaError, match="could not be made"):
        _write(stream, tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())

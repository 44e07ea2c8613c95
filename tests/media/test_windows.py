"""Parts of recordings, recordings in memory, and sound that was never a file."""

from __future__ import annotations

import io
import math
import os
import struct
import wave
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import MediaError, OptionError
from sadtalker_core.media.audio_in import open_audio, open_clip
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.sound_frames import sound_stream
from sadtalker_core.media.video_in import VideoSource, open_video
from sadtalker_core.media.video_out import write_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import AudioClip
from tests.media.samples import (
    decoded_sound,
    frame_stream,
    pictures,
    tone,
    write_plain_video,
    write_sound,
    write_wav,
)

FPS = Fraction(25)
LENGTH = 60


def numbered(count: int = LENGTH) -> Tensor:
    """(N, 3, 32, 32) uint8, frame k of grey level 4 k: which frame it is survives the codec."""
    return torch.arange(count).mul(4).to(torch.uint8)[:, None, None, None].expand(-1, 3, 32, 32)


def numbers(source: VideoSource, chunk: int = 7) -> list[int]:
    """Which frames of ``numbered`` a source gives."""
    frames = torch.cat(list(source.frames(chunk))).float()
    return [round(float(frame.mean()) / 4) for frame in frames]


def video(path: Path, sound: AudioClip | None = None, fps: Fraction = FPS) -> Path:
    """60 numbered frames with B-frames and few key frames."""
    write_video(
        frame_stream(numbered(), fps, chunk=16),
        path,
        audio=sound,
        options=VideoOptions(preset="medium", crf=5),
        metadata={},
        runtime=Runtime(),
    )
    return path


def ramp(rate: int, samples: int) -> AudioClip:
    """Each sample says when it is: a slow ramp from -0.9 to 0.9."""
    return AudioClip(torch.linspace(-0.9, 0.9, samples)[None], rate)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mkv"])
@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        (0, None, range(60)),
        (Fraction(1, 25), None, range(1, 60)),
        (0.4, None, range(10, 60)),
        (1.2, 0.4, range(30, 40)),
        (0, 0.04, range(1)),
        (2.36, 9, range(59, 60)),
        (0.41, 0.06, range(11, 12)),  # between two frames
    ],
)
def test_part_of_a_video(
    tmp_path: Path, suffix: str, start: Any, duration: Any, expected: range
) -> None:
    source = open_video(video(tmp_path / f"a{suffix}"), start_s=start, duration_s=duration)
    assert source.frame_count == len(expected)
    assert source.fps == FPS
    assert numbers(source) == list(expected)
    assert numbers(source, chunk=1) == list(expected)  # a fresh pass
    assert abs(source.start_s - expected[0] / 25) < 0.002


def test_part_at_other_rates(tmp_path: Path) -> None:
    fps = Fraction(24000, 1001)
    path = video(tmp_path / "a.mp4", fps=fps)
    for first, count in ((1, 5), (24, 24), (47, 13)):
        part = open_video(path, start_s=first / fps, duration_s=count / fps)
        assert numbers(part) == list(range(first, first + count))


def test_part_of_a_video_of_variable_rate(tmp_path: Path) -> None:
    times = [0, 1, 2, 8, 9, 10, 20, 21]
    path = write_plain_video(
        tmp_path / "a.mkv", pictures(8, 16, 16), [t * 40 for t in times], Fraction(1, 1000)
    )
    whole = torch.cat(list(open_video(path).frames()))
    part = open_video(path, start_s=0.32, duration_s=0.4)
    assert part.start_s == pytest.approx(0.32)
    # Frames at 0.32, 0.36 and 0.40 s begin in it; the one at 0.80 s does not.
    frames = torch.cat(list(part.frames()))
    assert torch.equal(frames[0], whole[round(0.32 * whole.shape[0] / (22 * 0.04))])
    assert part.frame_count == round(0.08 * float(part.fps)) + 1


@pytest.mark.parametrize("suffix", [".gif", ".avi", ".ts"])
def test_files_that_know_no_jumps(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    codec = {".gif": "gif", ".avi": "mpeg4"}.get(suffix, "libx264")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.height = stream.width = 32
        stream.pix_fmt = "rgb8" if suffix == ".gif" else "yuv420p"
        for picture in numbered():
            pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    whole = open_video(path)
    frames = torch.cat(list(whole.frames()))
    part = open_video(path, start_s=whole.start_s + 0.8, duration_s=0.4)
    given = torch.cat(list(part.frames()))
    assert len(given) == 10
    assert torch.equal(given, frames[20:30])


def test_empty_windows_are_refused(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", ramp(16000, 16000))
    with pytest.raises(MediaError, match=r"no frame from 2.400 s on"):
        open_video(path, start_s=2.4)
    with pytest.raises(MediaError, match="no frame between"):
        open_video(path, start_s=0.01, duration_s=0.02)
    with pytest.raises(MediaError, match="no sound from 9.000 s"):
        open_audio(path, start_s=9)
    for start, duration in ((-1.0, None), (math.nan, None), (0, 0), (0, math.inf)):
        with pytest.raises(OptionError):
            open_video(path, start_s=start, duration_s=duration)
        with pytest.raises(OptionError):
            open_audio(path, start_s=start, duration_s=duration)


def test_video_in_memory(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", ramp(16000, 38400))
    held = io.BytesIO(path.read_bytes())
    held.seek(99)  # where it stands does not matter
    source, sound = open_video(held), open_audio(held)
    assert (source.fps, source.size, source.has_audio) == (FPS, (32, 32), True)
    # Passes at the same time do not disturb each other, nor the owner's position.
    one, other = source.frames(3), source.frames(5)
    heard = sound.stream(16000)
    first, second, third = next(one), next(other), next(heard)
    assert torch.equal(torch.cat([first, *one]), torch.cat([second, *other]))
    assert len(torch.cat([third, *heard])) == sound.sample_count(16000)
    assert held.tell() == 99
    assert numbers(source) == list(range(LENGTH))
    assert numbers(open_video(held, start_s=1, duration_s=0.2)) == list(range(25, 30))
    with pytest.raises(MediaError, match="in memory is empty"):
        open_video(io.BytesIO())
    with pytest.raises(MediaError, match="recording in memory is not a sound file"):
        open_audio(io.BytesIO(b"no media" * 99))


def test_sound_in_memory_goes_into_a_video(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(16000, 16000), 16000)
    written = write_video(
        frame_stream(pictures(25, 16, 16)),
        tmp_path / "b.mkv",
        audio=open_audio(io.BytesIO(path.read_bytes())),
        options=VideoOptions(),
        metadata={},
        runtime=Runtime(),
    )
    assert np.array_equal(decoded_sound(written.path), decoded_sound(path))


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_u8", "pcm_f32le", "flac", "aac"])
@pytest.mark.parametrize("channels", [1, 2])
def test_part_of_a_sound(tmp_path: Path, codec: str, channels: int) -> None:
    suffix = {"flac": "flac", "aac": "m4a"}.get(codec, "wav")
    path = write_sound(tmp_path / f"a.{suffix}", codec, tone(8000, 24000, channels), 8000)
    whole = torch.cat(list(open_audio(path).stream(8000)))
    for start, duration in ((0, 0.5), (0.1, 1), (Fraction(1, 8000), None), (2.5, 9), (1, None)):
        part = open_audio(path, start_s=start, duration_s=duration)
        first = round(start * 8000)
        last = min(len(whole), first + round(duration * 8000) if duration else len(whole))
        assert part.duration_s == Fraction(last - first, 8000)
        assert torch.equal(torch.cat(list(part.stream(8000))), whole[first:last])


def late_sound(path: Path) -> Path:
    """A video of ten frames whose sound, a second long, begins half a second after them."""
    with av.open(str(path), "w") as container:
        pictures_stream: Any = container.add_stream("libx264", rate=25)
        pictures_stream.height = pictures_stream.width = 32
        pictures_stream.pix_fmt = "yuv420p"
        sound: Any = container.add_stream("pcm_s16le", rate=8000)
        sound.codec_context.layout = "mono"
        for picture in numbered():
            pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(pictures_stream.encode(frame))
        container.mux(pictures_stream.encode(None))
        heard = np.full((1, 8000), 8000, np.int16)
        clip = av.AudioFrame.from_ndarray(heard, format="s16", layout="mono")
        clip.sample_rate, clip.pts, clip.time_base = 8000, 4000, Fraction(1, 8000)
        container.mux(sound.encode(clip))
        container.mux(sound.encode(None))
    return path


def test_sound_begins_with_the_first_picture(tmp_path: Path) -> None:
    path = late_sound(tmp_path / "a.mkv")
    assert open_audio(path).start_s == Fraction(1, 2)
    source = open_video(path)
    aligned = open_audio(path, start_s=source.start_s)
    samples = torch.cat(list(aligned.stream(8000)))
    assert aligned.duration_s == Fraction(3, 2)
    assert (samples[:4000] == 0).all()
    assert (samples[4000:] > 0.2).all()
    later = torch.cat(list(open_audio(path, start_s=0.25, duration_s=0.5).stream(8000)))
    assert (later[:2000] == 0).all()
    assert (later[2000:] > 0.2).all()
    assert len(later) == 4000
    # With a length alone it begins with its own first sample, as a whole file does.
    assert open_audio(path, duration_s=0.5).stream(8000).__next__().min() > 0.2


def test_part_of_a_sound_is_written_exactly(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", ramp(16000, 38400))
    part = open_audio(path, start_s=1, duration_s=0.4)
    written = write_video(
        frame_stream(pictures(10, 16, 16)),
        tmp_path / "b.mkv",
        audio=part,
        options=VideoOptions(),
        metadata={},
        runtime=Runtime(),
    )
    assert not written.is_audio_copied
    assert written.audio_duration_s == Fraction(2, 5)
    middle = decoded_sound(written.path)[0].mean()
    assert abs(middle - (-0.9 + 1.8 * 1.2 / 2.4)) < 0.01


def _float_wav(path: Path, clip: AudioClip) -> Path:
    channels = clip.samples.shape[0]
    data = np.ascontiguousarray(clip.samples.T.numpy(), "<f4").tobytes()
    rate = clip.sample_rate
    form = struct.pack("<HHIIHH", 3, channels, rate, rate * 4 * channels, 4 * channels, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 96000])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 4096, 30011])
def test_clip_sounds_like_its_file(tmp_path: Path, rate: int, channels: int, samples: int) -> None:
    torch.manual_seed(samples)
    clip = AudioClip(torch.rand(channels, samples) * 1.8 - 0.9, rate)
    clip.samples[0, samples // 2] = math.nan
    clip.samples[-1, samples // 3] = math.inf
    if samples == 1:
        clip = AudioClip(torch.full((channels, 1), 0.5), rate)
    source, file = open_clip(clip), open_audio(_float_wav(tmp_path / "a.wav", clip))
    assert (source.duration_s, source.channels) == (file.duration_s, file.channels)
    assert source.duration_s == Fraction(samples, rate)
    for wanted in (16000, rate):
        given, expected = (list(sound.stream(wanted)) for sound in (source, file))
        assert source.sample_count(wanted) == file.sample_count(wanted)
        assert [len(part) for part in given] == [len(part) for part in expected]
        assert torch.equal(torch.cat(given), torch.cat(expected))


def test_clip_is_looked_through() -> None:
    quiet = torch.zeros(2, 16000 * 61)
    assert open_clip(AudioClip(quiet, 16000)).is_silent
    quiet[1, -1] = 0.5  # in the last piece
    assert not open_clip(AudioClip(quiet, 16000)).is_silent
    with pytest.raises(MediaError, match="no samples"):
        open_clip(AudioClip(torch.zeros(1, 0), 16000))
    with pytest.raises(MediaError, match="NaN"):
        open_clip(AudioClip(torch.full((1, 9), math.nan), 16000))


def test_clip_is_written(tmp_path: Path) -> None:
    clip = AudioClip(torch.from_numpy(tone(16000, 16000, 2)), 16000)
    for audio in (clip, open_clip(clip)):
        written = write_video(
            frame_stream(pictures(25, 16, 16)),
            tmp_path / "b.mkv",
            audio=audio,
            options=VideoOptions(),
            metadata={},
            runtime=Runtime(),
        )
        assert np.abs(decoded_sound(written.path) - clip.samples.numpy()).max() < 1e-6


def resident_mb() -> float:
    """Main memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="the system does not say how much memory is held"
)


@needs_proc
def test_long_sounds_are_never_held_whole(tmp_path: Path) -> None:
    """Two minutes in 24 bit, 35 MB: as a file, from memory, and a part of it."""
    path = tmp_path / "a.wav"
    rate, width, seconds = 48000, 6, 120
    with wave.open(str(path), "wb") as file:
        file.setparams((2, width // 2, rate, 0, "NONE", ""))
        for _ in range(seconds):
            file.writeframes(bytes(rate * width - 6) + b"\0\0\x40" * 2)
    held = io.BytesIO(path.read_bytes())
    for source in (path, held):
        before = resident_mb()
        sound = open_audio(source)
        assert sound.duration_s == seconds
        highest, given = 0.0, 0
        one, other = sound.stream(8000), sound.stream(8000)  # side by side
        for part, _ in zip(one, other):
            given += len(part)
            highest = max(highest, resident_mb() - before)
        assert given == sound.sample_count(8000)
        assert highest < 12, f"{highest:.0f} MB more for a sound of {rate * width * seconds / 1e6}"


@needs_proc
def test_long_clips_are_not_copied() -> None:
    clip = AudioClip(torch.full((2, 48000 * 240), 0.5), 48000)  # 92 MB
    before, highest = resident_mb(), 0.0
    for part in open_clip(clip).stream(8000):
        assert len(part)
        highest = max(highest, resident_mb() - before)
    assert highest < 45, f"{highest:.0f} MB more for a clip of 92 MB"


def test_tracks_without_a_decoder_are_left_alone() -> None:
    class Tracks:
        def __init__(self, *known: bool) -> None:
            self.audio = [SimpleNamespace(codec_context=object() if is_ else None) for is_ in known]
            self.video = [object()]

        def best(self, kind: str) -> Any:
            return self.audio[0]

    for known, chosen in (((True, True), 0), ((False, True), 1)):
        tracks = Tracks(*known)
        found = sound_stream(SimpleNamespace(streams=tracks), Path("a.mov"))
        assert found is tracks.audio[chosen]
    with pytest.raises(MediaError, match=r"a\.mov has sound of a kind that cannot be decoded"):
        sound_stream(SimpleNamespace(streams=Tracks(False)), Path("a.mov"))

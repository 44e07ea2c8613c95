"""Sound and pictures end within one frame of each other, whatever their rates."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from sadtalker_core.media.audio_in import open_audio
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.video_in import open_video
from sadtalker_core.media.video_out import WrittenVideo, write_video
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import AudioClip, frames_for
from tests.media.samples import (
    decoded_sound,
    frame_stream,
    pictures,
    stream_ends,
    tone,
    write_sound,
    write_wav,
)

_MS = Fraction(1, 1000)  # WebM and MKV count time in these


def _write(path: Path, audio: Path | AudioClip | None, fps: Fraction, length: int) -> WrittenVideo:
    frame = pictures(1, 16, 16)
    return write_video(
        frame_stream(frame.expand(length, -1, -1, -1), fps, chunk=16),
        path,
        audio=audio,
        options=VideoOptions(preset="ultrafast"),
        metadata={},
        runtime=Runtime(),
    )


_RATES = [8000, 11025, 16000, 22050, 32000, 37800, 44100, 48000, 96000]
_FPS = [Fraction(12), Fraction(24000, 1001), Fraction(25), Fraction(60), Fraction(120)]


@pytest.mark.parametrize("fps", _FPS, ids=str)
@pytest.mark.parametrize("rate", _RATES)
def test_mp4_ends_together(tmp_path: Path, fps: Fraction, rate: int) -> None:
    samples = rate // 2 + 997  # no whole number of frames or packets
    wav = write_wav(tmp_path / "a.wav", tone(rate, samples), rate)
    length = frames_for(Fraction(samples, rate), fps)
    written = _write(tmp_path / "a.mp4", wav, fps, length)
    ends = stream_ends(written.path)
    assert ends["video"] == length / fps
    assert abs(ends["audio"] - ends["video"]) < 1 / fps
    # No sample of the sound is lost, and none is added but for the change of rate.
    assert abs(ends["audio"] - Fraction(samples, rate)) <= Fraction(1, rate)
    assert written.audio_duration_s == ends["audio"]
    with av.open(str(written.path)) as container:
        tick = Fraction(1, container.streams.audio[0].rate)
        for stream in container.streams:
            assert stream.duration is not None
            assert stream.time_base is not None
            end = (stream.start_time or 0) + stream.duration
            assert abs(end * stream.time_base - ends[stream.type]) <= tick
            assert stream.start_time == 0
        video = container.streams.video[0]
        assert video.average_rate == fps
        assert video.frames == length


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
@pytest.mark.parametrize("fps", [Fraction(12), Fraction(30000, 1001), Fraction(120)], ids=str)
@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_webm_and_mkv_end_together(tmp_path: Path, suffix: str, fps: Fraction, rate: int) -> None:
    samples = rate // 2 + 997
    wav = write_wav(tmp_path / "a.wav", tone(rate, samples), rate)
    length = frames_for(Fraction(samples, rate), fps)
    written = _write(tmp_path / f"a{suffix}", wav, fps, length)
    heard = open_audio(written.path)
    assert heard.sample_rate == (48000 if suffix == ".webm" else rate)
    assert abs(heard.duration_s - Fraction(samples, rate)) <= Fraction(1, heard.sample_rate)
    assert abs(stream_ends(written.path)["video"] - length / fps) <= 2 * _MS
    assert open_video(written.path).frame_count == length


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mkv", ""])
@pytest.mark.parametrize("seconds", [Fraction(1, 2), Fraction(3)], ids=["short", "long"])
def test_other_lengths_are_padded_or_cut(tmp_path: Path, suffix: str, seconds: Fraction) -> None:
    clip = AudioClip(torch.from_numpy(tone(44100, int(44100 * seconds), 2)), 44100)
    written = _write(tmp_path / f"a{suffix}", clip, Fraction(25), 37)
    assert written.audio_duration_s is not None
    assert abs(written.audio_duration_s - written.duration_s) < Fraction(1, 25)
    sound = written.path / "audio.wav" if suffix == "" else written.path
    heard = decoded_sound(sound)
    rate = 48000 if suffix == ".webm" else 44100
    assert abs(heard.shape[1] / rate - 37 / 25) < 1 / 25
    loud = np.abs(heard[:, : int(rate * 0.48)]).max()
    end = np.abs(heard[:, int(rate * 0.6) : int(rate * 1.4)]).max()
    assert loud > 0.2
    assert (end > 0.2) == (seconds == 3)


@pytest.mark.parametrize("fps", [Fraction(12), Fraction(120)], ids=str)
@pytest.mark.parametrize("rate", [8000, 44100])
# Of the two, only .mp4 tells players to leave out the encoder's first 1024 samples.
@pytest.mark.parametrize("suffix", [".mp4", ".m4a"])
@pytest.mark.parametrize("cut", [False, True])
def test_aac_is_copied_to_the_sample(
    tmp_path: Path, fps: Fraction, rate: int, cut: bool, suffix: str
) -> None:
    samples = rate + 333
    original = write_sound(tmp_path / f"a{suffix}", "aac", tone(rate, samples, 2), rate)
    source = open_audio(original)
    length = frames_for(source.duration_s, fps) * (2 if cut else 3) // 3
    written = _write(tmp_path / "b.mp4", original, fps, length)
    assert written.is_audio_copied
    before, after = decoded_sound(original), decoded_sound(written.path)
    shared = min(before.shape[1], after.shape[1])
    assert shared >= int(length / fps * rate) - rate / fps
    assert np.array_equal(before[:, :shared], after[:, :shared])
    ends = stream_ends(written.path)
    assert abs(ends["audio"] - ends["video"]) < 1 / fps


def test_damaged_aac_is_not_copied(tmp_path: Path) -> None:
    # Its decoded sound is shorter than its packets say: copied, it would drift from the lips.
    original = write_sound(tmp_path / "a.mp4", "aac", tone(44100, 88200), 44100)
    data = bytearray(original.read_bytes())
    at = data.index(b"mdat") + 2000
    data[at : at + 3000] = b"\xff" * 3000
    original.write_bytes(data)
    source = open_audio(original)
    assert source.damaged_packets > 0
    written = _write(tmp_path / "b.mp4", original, Fraction(25), 50)
    assert not written.is_audio_copied
    assert written.audio_duration_s is not None
    assert abs(written.audio_duration_s - 2) < Fraction(1, 25)


def test_short_aac_is_not_copied_but_continued(tmp_path: Path) -> None:
    original = write_sound(tmp_path / "a.m4a", "aac", tone(44100, 22050), 44100)
    written = _write(tmp_path / "b.mp4", original, Fraction(25), 50)
    assert not written.is_audio_copied
    assert written.audio_duration_s == 2


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_sound_is_where_it_was(tmp_path: Path, rate: int) -> None:
    # A click at one second: encoders' delays must not move it.
    samples = np.zeros((1, rate * 2), np.float32)
    samples[0, rate : rate + rate // 200] = 0.9
    wav = write_wav(tmp_path / "a.wav", samples, rate)
    for suffix in (".mp4", ".webm", ".mkv"):
        written = _write(tmp_path / f"a{suffix}", wav, Fraction(25), 50)
        heard = decoded_sound(written.path)[0]
        own_rate = open_audio(written.path).sample_rate
        middle = float(np.average(np.arange(len(heard)), weights=heard**2)) / own_rate
        assert abs(middle - 1.0025) < 0.004, suffix


@pytest.mark.parametrize("suffix", [".mkv", ""])
def test_lossless_sound_is_lossless(tmp_path: Path, suffix: str) -> None:
    samples = tone(22050, 22050, 2)
    wav = write_wav(tmp_path / "a.wav", samples, 22050)
    written = _write(tmp_path / f"b{suffix}", wav, Fraction(25), 25)
    sound = written.path / "audio.wav" if suffix == "" else written.path
    assert np.array_equal(decoded_sound(sound), decoded_sound(wav))


def test_channels_and_rate_are_kept(tmp_path: Path) -> None:
    for channels in (1, 2, 6):
        wav = write_wav(tmp_path / "a.wav", tone(32000, 32000, channels, hz=100), 32000)
        source = open_audio(_write(tmp_path / "a.mp4", wav, Fraction(25), 25).path)
        assert (source.channels, source.sample_rate) == (channels, 32000)


def test_streams_are_interleaved(tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", tone(16000, 16000 * 20), 16000)
    for suffix in (".mp4", ".webm", ".mkv"):
        written = _write(tmp_path / f"a{suffix}", wav, Fraction(25), 500)
        at = {"video": 0.0, "audio": 0.0}
        with av.open(str(written.path)) as container:
            packets = [
                (packet.pos, packet.stream.type, float((packet.dts or 0) * packet.time_base))
                for packet in container.demux()
                if packet.size and packet.pos is not None
            ]
        for _, kind, time_s in sorted(packets):
            at[kind] = time_s
            assert abs(at["video"] - at["audio"]) < 1.5, suffix

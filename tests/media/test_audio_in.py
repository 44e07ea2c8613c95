from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sadtalker_core.errors import Cancelled, MediaError
from sadtalker_core.media.audio_in import open_audio
from sadtalker_core.runtime import Runtime
from tests.media.samples import (
    pictures,
    tone,
    write_plain_video,
    write_sound,
    write_wav,
)


def _float_wav(path: Path, samples: np.ndarray[Any, Any], rate: int) -> Path:
    """32 bit float WAV of (C, S)."""
    channels = samples.shape[0]
    data = np.ascontiguousarray(samples.T, "<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, channels, rate, rate * 4 * channels, 4 * channels, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 96000])
@pytest.mark.parametrize("samples", [1, 7, 4096, 10007])
def test_duration_and_samples_are_exact(tmp_path: Path, rate: int, samples: int) -> None:
    source = open_audio(write_wav(tmp_path / "a.wav", tone(rate, samples, 2), rate))
    assert source.duration_s == Fraction(samples, rate)
    assert (source.sample_rate, source.channels) == (rate, 2)
    total = sum(len(part) for part in source.stream(16000))
    assert total == source.sample_count(16000) == max(1, round(Fraction(samples * 16000, rate)))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_resampling_keeps_time_and_level(tmp_path: Path, rate: int) -> None:
    # The phase at the end shows drift: 1 ms of it would be 0.4 of a period.
    source = open_audio(write_wav(tmp_path / "a.wav", tone(rate, rate * 3, hz=400), rate))
    heard = torch.cat(list(source.stream(16000))).numpy()
    expected = tone(16000, 48000, hz=400)[0]
    inner = slice(800, -800)
    assert np.abs(heard[inner] - expected[inner]).max() < 0.01


def test_each_stream_is_a_fresh_pass(tmp_path: Path) -> None:
    source = open_audio(write_wav(tmp_path / "a.wav", tone(8000, 9000), 8000))
    first, second = (torch.cat(list(source.stream())) for _ in range(2))
    assert torch.equal(first, second)


def test_channels_are_mixed(tmp_path: Path) -> None:
    stereo = tone(16000, 16000, 2)
    source = open_audio(write_wav(tmp_path / "a.wav", stereo, 16000))
    mono = torch.cat(list(source.stream())).numpy()
    assert np.abs(mono - stereo.mean(axis=0)).max() < 1e-3


@pytest.mark.parametrize("channels", [3, 6, 8, 11])
def test_many_channels_work(tmp_path: Path, channels: int) -> None:
    samples = np.repeat(tone(16000, 8000), channels, axis=0)
    source = open_audio(write_wav(tmp_path / "a.wav", samples, 16000))
    assert source.channels == channels
    mono = torch.cat(list(source.stream()))
    assert len(mono) == 8000
    assert 0.3 < float(mono.abs().max()) < 0.34


def test_the_centre_carries_the_voice(tmp_path: Path) -> None:
    samples = np.zeros((6, 8000), np.float32)
    samples[2] = tone(16000, 8000)[0]
    path = write_sound(tmp_path / "a.flac", "flac", samples, 16000)
    mono = torch.cat(list(open_audio(path).stream()))
    assert float(mono.abs().max()) > 1.5 * float(np.abs(samples.mean(axis=0)).max())


@pytest.mark.parametrize(
    ("suffix", "codec", "rate"),
    [
        ("m4a", "aac", 44100),
        ("mp3", "libmp3lame", 44100),
        ("flac", "flac", 48000),
        ("opus", "libopus", 48000),
        ("mka", "pcm_s24le", 22050),
        ("wv", "wavpack", 32000),
    ],
)
def test_compressed_kinds(tmp_path: Path, suffix: str, codec: str, rate: int) -> None:
    path = write_sound(tmp_path / f"a.{suffix}", codec, tone(rate, rate, hz=300), rate)
    source = open_audio(path)
    heard = torch.cat(list(source.stream(rate))).numpy()
    assert abs(source.duration_s - 1) < Fraction(1, 20)
    assert source.codec.startswith({"libmp3lame": "mp3", "libopus": "opus"}.get(codec, codec))
    size = min(len(heard), rate) - 4000
    spectrum = np.abs(np.fft.rfft(heard[2000 : 2000 + size]))
    assert abs(np.argmax(spectrum) * rate / size - 300) < 3


def test_nan_and_infinity_become_silence(tmp_path: Path) -> None:
    samples = tone(16000, 16000)
    samples[0, 5000:5100] = np.nan
    samples[0, 9000] = np.inf
    source = open_audio(_float_wav(tmp_path / "a.wav", samples, 16000))
    heard = torch.cat(list(source.stream())).numpy()
    assert np.isfinite(heard).all()
    assert (heard[5000:5100] == 0).all()
    assert heard[9000] == 0
    assert np.array_equal(heard[:5000], samples[0, :5000])


def test_loud_samples_are_clipped(tmp_path: Path) -> None:
    samples = np.full((1, 4000), 1e30, np.float32)
    source = open_audio(_float_wav(tmp_path / "a.wav", samples, 16000))
    assert float(torch.cat(list(source.stream())).max()) == 1.0


def test_silence_is_accepted(tmp_path: Path) -> None:
    source = open_audio(write_wav(tmp_path / "a.wav", np.zeros((1, 8000)), 16000))
    assert source.is_silent
    assert source.duration_s == Fraction(1, 2)
    assert not open_audio(write_wav(tmp_path / "b.wav", tone(16000, 8000), 16000)).is_silent


def test_truncated_sound_gives_what_it_has(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(16000, 16000), 16000)
    path.write_bytes(path.read_bytes()[: 44 + 8000])
    assert open_audio(path).duration_s == Fraction(4000, 16000)


def test_strange_paths(tmp_path: Path) -> None:
    folder = tmp_path / "a b [1] 50%d 张三: http"
    folder.mkdir()
    path = write_wav(folder / "声音 %03d.wav", tone(16000, 1600), 16000)
    assert open_audio(path).duration_s == Fraction(1, 10)
    assert open_audio(str(path)).duration_s == Fraction(1, 10)


def _bad(folder: Path, name: str) -> Path:
    path = folder / name
    if name == "text.wav":
        path.write_text("hello, world\n" * 50)
    elif name == "empty.wav":
        path.write_bytes(b"")
    elif name == "zero.wav":
        write_wav(path, np.zeros((1, 0)), 16000)
    elif name == "nan.wav":
        _float_wav(path, np.full((1, 100), np.nan, np.float32), 16000)
    elif name == "mute.mp4":
        write_plain_video(path, pictures(4, 16, 16), [0, 1, 2, 3], Fraction(1, 25))
    elif name == "words.srt":
        path.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    return path


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.wav", "does not exist"),
        ("x" * 300, "cannot be read|does not exist"),
        ("zero\0byte", "cannot be read|does not exist"),
        (".", "is a folder"),
        ("empty.wav", "empty file"),
        ("text.wav", "not a sound file"),
        ("zero.wav", "no sound in it"),
        ("nan.wav", "NaN"),
        ("mute.mp4", "video or picture without sound"),
        ("words.srt", "no sound track"),
    ],
)
def test_bad_file_gives_its_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(MediaError, match=sentence) as caught:
        open_audio(_bad(tmp_path, name))
    assert "\n" not in str(caught.value)


def test_look_through_can_be_cancelled(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(16000, 16000), 16000)
    with pytest.raises(Cancelled):
        open_audio(path, Runtime(cancelled=lambda: True))

"""Windows of mel for videos of any rate, and the mirrored ends of Wav2Lip's mel."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.audio.relip_windows import relip_windows, window_starts
from sadtalker_core.audio.wav2lip_mel import (
    columns_of,
    mel_blocks,
    mel_from_magnitude,
    wav2lip_mel,
)

CPU = torch.device("cpu")


def noise(samples: int, seed: int = 0) -> Tensor:
    return 0.2 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def windows(sound: Tensor, frames: int, fps: Fraction, group: int = 7, cut: int = 5000) -> Tensor:
    chunks = sound.split(cut)
    groups = list(relip_windows(chunks, len(sound), frames, fps, group, CPU))
    assert [len(each) for each in groups[:-1]] == [group] * (len(groups) - 1)
    return torch.cat(groups)


def test_starts_go_with_the_frames_and_end_with_the_last_window() -> None:
    # 1 s at 25: 81 columns; frame 20 begins at 64, frame 21 would need column 83
    assert window_starts(81, 25) == [int(3.2 * i) for i in range(21)] + [65]
    assert window_starts(80, 25)[-2:] == [64, 64]
    assert window_starts(16, 30) == [0, 0]
    assert window_starts(15, 30) == [0]
    assert window_starts(100, 12.5)[:4] == [0, 6, 12, 19]


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(2213, 100)])
def test_every_frame_hears_its_own_window(fps: Fraction) -> None:
    sound = noise(70000)
    mel = wav2lip_mel(sound)
    starts = window_starts(columns_of(len(sound)), float(fps))
    frames = math.ceil(len(sound) / 16000 * fps)
    found = windows(sound, frames, fps)
    assert len(starts) < frames
    for window, start in zip(found, [*starts, *[starts[-1]] * frames]):
        assert torch.equal(window[0], mel[:, start : start + 16])


def test_frames_after_the_sound_are_silent() -> None:
    found = windows(noise(16000), 40, Fraction(25))
    # 81 columns: frame 25 begins at column 80, frame 26 at 83
    assert torch.equal(found[25], found[21])
    assert found[25].unique().numel() > 100
    assert (found[26:] == -4).all()


def test_groups_and_chunks_change_nothing() -> None:
    sound = noise(60000)
    whole = windows(sound, 100, Fraction(30), group=100, cut=60000)
    assert torch.equal(windows(sound, 100, Fraction(30), group=1, cut=777), whole)


def test_a_sound_of_a_few_samples_is_filled_up_with_silence() -> None:
    found = windows(noise(1000), 3, Fraction(25))
    assert torch.equal(found[0], found[1])
    assert (found[2] == -4).all(), "it begins after the sound"
    assert (found[0, 0, :, 6:] == -4).all()
    assert (found[0, 0, :, :6] > -4).any()
    assert windows(torch.zeros(0), 2, Fraction(25)).unique().tolist() == [-4.0]


def test_a_fast_video_hears_one_column_more_than_once() -> None:
    assert window_starts(20, 200)[:6] == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize("samples", [51200 * 2 + 9, 51200, 51200 + 399, 51200 - 3, 24000, 402])
def test_mirrored_ends_are_the_sound_backward(samples: int) -> None:
    sound = noise(samples, 3)
    emphasised = sound.double()
    emphasised[1:] -= 0.97 * sound.double()[:-1]
    index = torch.arange(-400, samples + 401).abs()
    index = torch.where(index >= samples, 2 * samples - 2 - index, index)
    known = (index >= 0) & (index < samples)  # more than the whole sound backward is silence
    padded = torch.where(known, emphasised[index.clamp(0, samples - 1)], torch.zeros(()).double())
    spectra = torch.fft.rfft(
        padded.unfold(0, 800, 200)[: columns_of(samples)]
        * torch.hann_window(800, dtype=torch.float64)
    )
    plain = wav2lip_mel(sound)
    mirrored = wav2lip_mel(sound, mirrored=True)
    assert torch.allclose(mirrored, mel_from_magnitude(spectra.abs()).T, atol=1e-5)
    if samples >= 24000:
        assert torch.equal(plain[:, 2:-2], mirrored[:, 2:-2])
        assert not torch.equal(plain[:, 0], mirrored[:, 0])
        assert not torch.equal(plain[:, -1], mirrored[:, -1])
    again = list(mel_blocks(sound.split(1234), samples, CPU, mirrored=True))
    assert torch.equal(torch.cat(again)[: columns_of(samples)].T, mirrored)

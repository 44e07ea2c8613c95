"""Mel of Wav2Lip from a stream: the numbers of whole files, whatever the chunks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from sadtalker_core.audio.wav2lip_mel import (
    columns_of,
    frames_of,
    mel_blocks,
    mel_from_magnitude,
    mel_windows,
    pre_emphasis,
    stft_magnitude,
    wav2lip_mel,
    window_columns,
    window_groups,
    window_start,
)

CPU = torch.device("cpu")


def noise(samples: int, seed: int = 0) -> Tensor:
    return 0.2 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


def grouped(chunks: Iterator[Tensor] | tuple[Tensor, ...], samples: int, group: int = 8) -> Tensor:
    groups = list(window_groups(chunks, samples, group, CPU))
    assert all(windows.shape == (group, 1, 80, 16) for windows in groups)
    assert len(groups) == -(-frames_of(samples) // group)
    return torch.cat(groups)[: frames_of(samples)]


@pytest.mark.parametrize(
    ("samples", "frames", "columns"),
    [(0, 1, 1), (639, 1, 4), (640, 1, 4), (1279, 1, 7), (1280, 2, 7), (16000, 25, 81)],
)
def test_frames_and_columns_of_a_sound(samples: int, frames: int, columns: int) -> None:
    assert frames_of(samples) == frames
    assert columns_of(samples) == columns
    assert wav2lip_mel(torch.zeros(samples)).shape == (80, columns)


def test_silence_has_the_lowest_value_and_a_loud_tone_stays_in_range() -> None:
    assert (wav2lip_mel(torch.zeros(4000)) == -4).all()
    tone = torch.sin(torch.arange(16000) * 0.7)
    mel = wav2lip_mel(tone)
    assert mel.dtype == torch.float32
    assert mel.max() <= 4
    assert mel.max() > 1


def test_pre_emphasis_goes_on_over_a_cut() -> None:
    sound = noise(100).double()
    whole = pre_emphasis(sound)
    assert torch.equal(whole[40:], pre_emphasis(sound[40:], sound[39:40]))
    assert whole[0] == sound[0]


@pytest.mark.parametrize("size", [37, 640, 9999, 51200, 10**6])
def test_chunks_do_not_change_a_bit(size: int) -> None:
    sound = noise(70000)  # more than one block
    whole = mel_windows(wav2lip_mel(sound[: 109 * 640]), 109)
    assert torch.equal(grouped(sound.split(size), 70000), whole)
    assert torch.equal(grouped(sound.split(size), 70000, group=32), whole)


def test_sound_after_its_end_is_not_heard_and_missing_sound_is_silent() -> None:
    sound = noise(6400)
    longer = torch.cat([sound, noise(4000, seed=1)])
    assert torch.equal(grouped((longer,), 6400), grouped((sound,), 6400))
    # what is left over after the last whole frame is not heard either
    assert torch.equal(grouped((longer,), 6400 + 639), grouped((sound,), 6400))
    padded = torch.cat([sound, torch.zeros(6400)])
    torch.testing.assert_close(grouped((sound,), 12800)[2:], grouped((padded,), 12800)[2:])
    assert (grouped((), 12800) == -4).all()


@pytest.mark.parametrize("samples", [640, 51200, 51840])
def test_the_end_has_no_echo(samples: int) -> None:
    """Beyond both ends the emphasised sound is zero, not the answer to the last sample."""
    sound = noise(samples)
    edge = torch.zeros(400, dtype=torch.float64)
    emphasised = torch.cat([edge, pre_emphasis(sound.double()), edge])
    columns = columns_of(samples)
    wanted = mel_from_magnitude(stft_magnitude(emphasised, columns))
    torch.testing.assert_close(wav2lip_mel(sound), wanted.T, rtol=0, atol=1e-6)
    assert columns == wanted.shape[0]


def test_blocks_are_made_while_the_sound_comes() -> None:
    pulled = 0

    def endless() -> Iterator[Tensor]:
        nonlocal pulled
        while True:
            pulled += 1
            yield torch.zeros(16000)

    first = next(window_groups(endless(), 3600 * 16000, 32, CPU))
    assert first.shape[0] == 32
    assert pulled < 12
    assert next(mel_blocks(endless(), 3600 * 16000, CPU)).shape == (256, 80)


def test_windows_begin_two_frames_early_and_round_toward_zero() -> None:
    assert window_start(torch.arange(9)).tolist() == [-6, -3, 0, 3, 6, 9, 12, 16, 19]
    assert int(window_start(2 + 15)) == 48
    columns = window_columns(torch.tensor([0, 30]), 81)
    assert columns[0].tolist() == [0] * 7 + list(range(1, 10))
    assert columns[1].tolist() == [80] * 16


def test_window_of_a_frame_holds_its_columns() -> None:
    mel = torch.arange(81.0).expand(80, -1)
    windows = mel_windows(mel, 25)
    assert windows.shape == (25, 1, 80, 16)
    assert windows[9, 0, 5].tolist() == list(range(22, 38))

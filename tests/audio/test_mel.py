"""Log-mel: the filters are librosa's, the rows do not depend on how the sound is cut."""

from __future__ import annotations

import math

import pytest
import torch

from sadtalker_core.audio.mel import FLOOR, SPEECH_MEL, MelSpec, log_mel_rows, mel_filterbank


@pytest.mark.parametrize("spec", [SPEECH_MEL, MelSpec(bands=40, low_hz=0.0, high_hz=8000.0)])
def test_filters_are_those_of_librosa(spec: MelSpec) -> None:
    filters = pytest.importorskip("librosa.filters", reason="librosa is not installed")
    theirs = filters.mel(
        sr=spec.sample_rate, n_fft=spec.fft, n_mels=spec.bands, fmin=spec.low_hz, fmax=spec.high_hz
    )
    torch.testing.assert_close(mel_filterbank(spec), torch.from_numpy(theirs), atol=1e-6, rtol=1e-4)


def test_rows_do_not_depend_on_chunks() -> None:
    sound = torch.randn(16000 * 3 + 77, generator=torch.Generator().manual_seed(1)) * 0.1
    whole = torch.cat(list(log_mel_rows([sound], 100)))
    for size in (1, 160, 777, 16000):
        chunks = sound[:8000].split(1) if size == 1 else sound.split(size)
        rest = () if size != 1 else (sound[8000:],)
        again = torch.cat(list(log_mel_rows([*chunks, *rest], 100)))
        assert torch.equal(whole, again)


def test_rows_do_not_depend_on_the_size_of_blocks() -> None:
    sound = torch.randn(16000, generator=torch.Generator().manual_seed(2)) * 0.1
    small = torch.cat(list(log_mel_rows([sound], 20)))[:100]
    large = torch.cat(list(log_mel_rows([sound], 100)))[:100]
    torch.testing.assert_close(small, large)


def test_a_click_is_heard_at_its_row() -> None:
    sound = torch.zeros(16000)
    sound[8000] = 1.0
    rows = torch.cat(list(log_mel_rows([sound], 50)))
    assert int(rows.sum(1).argmax()) == 50  # 8000 samples / 160


def test_a_tone_is_heard_in_its_band() -> None:
    time = torch.arange(16000) / 16000
    rows = torch.cat(list(log_mel_rows([torch.sin(2 * math.pi * 1000 * time)], 50)))
    band = int(rows[50].argmax())
    weights = mel_filterbank(SPEECH_MEL)
    assert float(weights[band, round(1000 / 16000 * 512)]) > 0


def test_the_last_block_is_filled_with_silence() -> None:
    blocks = list(log_mel_rows([torch.ones(160 * 30) * 0.1], 50))
    assert [tuple(block.shape) for block in blocks] == [(50, 80)]
    assert torch.all(blocks[0][35:] == math.log(FLOOR))


def test_no_sound_gives_no_rows() -> None:
    assert list(log_mel_rows([], 50)) == []

"""Log-mel: the filters are librosa's, the rows do not depend on how the sound is cut."""

from __future__ import annotations

import math

import pytest
import torch

from sadtalker_core.audio.mel import FLOOR, SPEECH_MEL, MelSpec, log_mel_rows, mel_filterbank

WIDE_MEL = MelSpec(bands=40, low_hz=0.0, high_hz=8000.0)
# Of librosa 0.11: m = librosa.filters.mel(sr=16000, n_fft=512, n_mels=80, fmin=50, fmax=7600).
# For a band its first bin that is not 0, and the numbers from there on; then m.sum(), (m**2).sum(),
# (m * numbers of the bins).sum() and (m * numbers of the bands).sum().
STORED = [
    (
        SPEECH_MEL,
        {
            0: (2, [0.0096408, 0.0218005]),
            1: (3, [0.0059712, 0.0254701, 0.001368]),
            40: (54, [0.007342, 0.0151365, 0.0086263, 0.001116]),
            79: (226, [8.94e-05, 0.0005198, 0.0009501]),
        },
        [2.560588, 0.028884, 192.366516, 101.118202],
    ),
    (
        WIDE_MEL,
        {
            0: (1, [0.0057736, 0.0115472, 0.0098641, 0.0040905]),
            1: (3, [0.0037283, 0.0095019, 0.0119094, 0.0061358, 0.0003622]),
            39: (220, [4.3e-06, 0.0001068, 0.0002092]),
        },
        [1.279333, 0.006993, 97.556412, 24.959839],
    ),
]


@pytest.mark.parametrize(("spec", "bands", "sums"), STORED)
def test_filters_are_the_stored_ones(
    spec: MelSpec, bands: dict[int, tuple[int, list[float]]], sums: list[float]
) -> None:
    ours = mel_filterbank(spec)
    for band, (first, numbers) in bands.items():
        assert not ours[band, :first].any()
        found = ours[band, first : first + len(numbers)]
        torch.testing.assert_close(found, torch.tensor(numbers), atol=1e-7, rtol=1e-5)
    assert not ours[0, bands[0][0] + len(bands[0][1]) :].any()
    wide = ours.double()
    of_bins, of_bands = wide * torch.arange(257), wide * torch.arange(spec.bands)[:, None]
    found_sums = torch.stack([wide.sum(), (wide**2).sum(), of_bins.sum(), of_bands.sum()])
    stored_sums = torch.tensor(sums, dtype=torch.float64)
    torch.testing.assert_close(found_sums, stored_sums, atol=1e-6, rtol=1e-6)


@pytest.mark.parity  # its import alone takes up to 20 s
@pytest.mark.parametrize("spec", [SPEECH_MEL, WIDE_MEL])
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

"""Log-mel features of speech, made block by block from a stream."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from .blocks import fixed_blocks


@dataclass(frozen=True)
class MelSpec:
    """How sound becomes mel bands.

    Attributes:
        sample_rate: Hz of the sound.
        fft: samples of one transform.
        window: samples of the Hann window, centred in the transform.
        hop: samples from row to row.
        bands: number of mel bands.
        low_hz: lower edge of the first band.
        high_hz: upper edge of the last band.
    """

    sample_rate: int = 16000
    fft: int = 512
    window: int = 400
    hop: int = 160
    bands: int = 80
    low_hz: float = 50.0
    high_hz: float = 7600.0

    @property
    def rate_hz(self) -> int:
        """Rows per second."""
        return self.sample_rate // self.hop


SPEECH_MEL = MelSpec()
FLOOR = 1e-10  # power below which log-mel is cut: 50 dB under the noise of 16 bit sound


def mel_filterbank(spec: MelSpec) -> Tensor:
    """(bands, fft / 2 + 1) triangular filters on Slaney's mel scale, each of area one.

    The numbers of ``librosa.filters.mel`` (a test compares them), without its import time of
    several seconds.
    """
    edges_mel = torch.linspace(
        _mel_from_hz(spec.low_hz), _mel_from_hz(spec.high_hz), spec.bands + 2, dtype=torch.float64
    )
    edges = torch.tensor([_hz_from_mel(float(mel)) for mel in edges_mel], dtype=torch.float64)
    bins = torch.linspace(0, spec.sample_rate / 2, spec.fft // 2 + 1, dtype=torch.float64)
    rising = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    filters = torch.minimum(rising, falling).clamp(min=0.0)
    return (filters * (2.0 / (edges[2:] - edges[:-2]))[:, None]).float()


def log_mel_rows(
    chunks: Iterable[Tensor], rows: int, spec: MelSpec = SPEECH_MEL
) -> Iterator[Tensor]:
    """Natural logarithm of mel power, in blocks of ``rows`` rows.

    Row i is centred on sample ``i * spec.hop``. Sound beyond both ends counts as silence; the
    last block is filled up with silent rows.

    Args:
        chunks: (S,) float32 sound in [-1, 1] at ``spec.sample_rate``, chunks of any size.
        rows: rows in each block.

    Yields:
        (rows, bands) float32.
    """
    size = rows * spec.hop
    half = spec.fft // 2
    filters = _cached_filters(spec)
    window = _cached_window(spec)
    held = torch.zeros(half)  # the last samples of the block before
    waiting: Tensor | None = None
    for block in _with_silent_end(fixed_blocks(chunks, size), size):
        if waiting is not None:
            sound = torch.cat([held, waiting, block[:half]])
            yield _log_mel_block(sound, rows, spec, window, filters)
            held = waiting[-half:]
        waiting = block


def _with_silent_end(blocks: Iterator[Tensor], size: int) -> Iterator[Tensor]:
    yield from blocks
    yield torch.zeros(size)


def _log_mel_block(
    sound: Tensor, rows: int, spec: MelSpec, window: Tensor, filters: Tensor
) -> Tensor:
    frames = sound.unfold(0, spec.fft, spec.hop)[:rows]
    spectrum = torch.fft.rfft(frames * window)
    power = spectrum.real.square() + spectrum.imag.square()
    return (power @ filters.T).clamp(min=FLOOR).log()


@lru_cache(maxsize=4)
def _cached_filters(spec: MelSpec) -> Tensor:
    return mel_filterbank(spec)


@lru_cache(maxsize=4)
def _cached_window(spec: MelSpec) -> Tensor:
    window = torch.zeros(spec.fft)
    start = (spec.fft - spec.window) // 2
    window[start : start + spec.window] = torch.hann_window(spec.window)
    return window


# Slaney's scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998).
_LINEAR_HZ = 200.0 / 3.0
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27.0


def _mel_from_hz(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ
    return _BREAK_HZ / _LINEAR_HZ + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _hz_from_mel(mel: float) -> float:
    break_mel = _BREAK_HZ / _LINEAR_HZ
    if mel < break_mel:
        return mel * _LINEAR_HZ
    return _BREAK_HZ * math.exp(_LOG_STEP * (mel - break_mel))

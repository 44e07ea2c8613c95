"""MFCC as ``python_speech_features.mfcc`` gives them by default, from a stream of sound.

SyncNet listens to these (Chung and Zisserman 2016): 13 numbers, 100 times a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import torch
from torch import Tensor

from .blocks import fixed_blocks

RATE_HZ = 100
COEFFICIENTS = 13
_SAMPLE_RATE = 16000
_HOP = _SAMPLE_RATE // RATE_HZ
_WINDOW = 400
_FFT = 512
_FILTERS = 26
_LIFTER = 22
_PRE_EMPHASIS = 0.97
_FULL_SCALE = 32768.0
_ROWS = 256  # of one block
_LEAST = 2.0**-52  # for zero, which has no logarithm


def mfcc_rows_of(samples: int) -> int:
    """Rows of a sound: the last window may reach over its end."""
    return 1 + max(0, math.ceil((samples - _WINDOW) / _HOP))


def mfcc_rows(chunks: Iterable[Tensor], samples: int) -> Iterator[Tensor]:
    """Blocks of rows of (S,) sound; memory is flat, the cuts change nothing.

    Args:
        chunks: mono sound at 16 kHz: float in [-1, 1], of which the nearest 16-bit samples are
            taken, as from a WAV file; or int16.
        samples: where the sound ends.

    Yields:
        (N, 13) float64 on the CPU, ``mfcc_rows_of(samples)`` rows in all.
    """
    rows = mfcc_rows_of(samples)
    size, reach = _ROWS * _HOP, _WINDOW - _HOP
    last = torch.zeros(1, dtype=torch.float64)
    waiting: Tensor | None = None
    made = 0
    blocks = fixed_blocks((_sixteen_bits(chunk) for chunk in chunks), size)
    while made < rows:
        block = next(blocks, None)
        sound = torch.zeros(size) if block is None else block
        sound = sound.double()
        emphasised = sound - _PRE_EMPHASIS * torch.cat((last, sound[:-1]))
        last = sound[-1:]
        begin = made + (0 if waiting is None else _ROWS)
        emphasised[max(0, samples - begin * _HOP) :] = 0
        if waiting is not None:
            heard = torch.cat((waiting, emphasised[:reach]))
            block_rows = _mfcc(heard.unfold(0, _WINDOW, _HOP)[:_ROWS])
            yield block_rows[: rows - made]
            made += _ROWS
        waiting = emphasised


def mfcc(sound: Tensor) -> Tensor:
    """(S,) mono sound at 16 kHz, see ``mfcc_rows`` -> (N, 13) float64."""
    return torch.cat(list(mfcc_rows([sound], sound.shape[0])))


def _sixteen_bits(sound: Tensor) -> Tensor:
    """Samples as whole numbers in float64."""
    if sound.dtype == torch.int16:
        return sound.cpu().double()
    return (sound.cpu().double() * _FULL_SCALE).round().clamp(-_FULL_SCALE, _FULL_SCALE - 1)


def _mfcc(windows: Tensor) -> Tensor:
    """(N, 400) emphasised samples -> (N, 13)."""
    power = torch.fft.rfft(windows, _FFT).abs().square() / _FFT
    energy = _not_zero(power.sum(1))
    bands = _not_zero(power @ _filters().T).log()
    found = bands @ _cosines().T
    found[:, 0] = energy.log()  # the first coefficient is replaced by the energy
    return found


def _not_zero(values: Tensor) -> Tensor:
    return torch.where(values == 0, _LEAST, values)


@lru_cache(maxsize=1)
def _filters() -> Tensor:
    """(26, 257) triangles between whole bins, equally spaced in mel."""
    top = 2595.0 * math.log10(1 + _SAMPLE_RATE / 2 / 700.0)
    mels = torch.linspace(0, top, _FILTERS + 2, dtype=torch.float64)
    edges = ((_FFT + 1) * (700.0 * (10.0 ** (mels / 2595.0) - 1)) / _SAMPLE_RATE).floor()
    bins = torch.arange(_FFT // 2 + 1, dtype=torch.float64)
    low, middle, high = (edges[i : i + _FILTERS, None] for i in range(3))
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    zero = torch.zeros(())
    return torch.where(
        (bins >= low) & (bins < middle),
        rising,
        torch.where((bins >= middle) & (bins < high), falling, zero.double()),
    )


@lru_cache(maxsize=1)
def _cosines() -> Tensor:
    """(13, 26) orthonormal discrete cosine transform (type 2) and lifter in one."""
    number = torch.arange(COEFFICIENTS, dtype=torch.float64)[:, None]
    place = torch.arange(_FILTERS, dtype=torch.float64) + 0.5
    scale = torch.full((COEFFICIENTS, 1), math.sqrt(2 / _FILTERS), dtype=torch.float64)
    scale[0] = math.sqrt(1 / _FILTERS)
    lifter = 1 + _LIFTER / 2 * (math.pi * number / _LIFTER).sin()
    return lifter * scale * (math.pi * number * place / _FILTERS).cos()

"""Statistics of a whole sound in constant memory: how loud its speech is and how it is coloured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

BIN_DB = 1.0
LOWEST_DB = -110.0
BINS = 150
_COARSE = 5  # level bins that share band counts
_COARSE_BINS = BINS // _COARSE
SPEECH_RANGE_DB = 35.0  # rows this far below the loud ones still count as speech
FLOOR_RANGE_DB = 55.0  # what is quieter is cut, so that the noise floor does not matter
SILENT_DB = -62.0  # a sound whose loud rows are below this is silence
_DB_FROM_LN = 10.0 / 2.302585092994046


@dataclass(frozen=True)
class SoundStatistics:
    """What the first pass over a sound found.

    Attributes:
        loud_db: level of the loud rows (95th percentile of those above silence), dB.
        mean: (bands,) mean log-mel of speech rows, relative to ``loud_db`` and cut at the floor.
        spread: (bands,) their standard deviation.
        silent: nothing in the sound is loud enough to be speech.
    """

    loud_db: float
    mean: Tensor
    spread: Tensor
    silent: bool


def level_db(log_mel: Tensor) -> Tensor:
    """(N,) level in dB of (N, bands) natural log-mel rows."""
    return torch.logsumexp(log_mel, dim=1) * _DB_FROM_LN


def sound_statistics(blocks: Iterable[Tensor]) -> SoundStatistics:
    """Read all log-mel rows of a sound once.

    Band levels are counted in steps of 1 dB, apart for each row level of 5 dB, so that one pass
    is enough although the borders of speech and noise are known only at the end.

    Args:
        blocks: (N, bands) natural log-mel of any N.
    """
    levels = torch.zeros(BINS, dtype=torch.float64)
    counts: Tensor | None = None
    bands = 0
    for block in blocks:
        if counts is None:
            bands = block.shape[1]
            counts = torch.zeros(_COARSE_BINS * bands * BINS, dtype=torch.float64)
        row_bins = _bins(level_db(block))
        levels += torch.bincount(row_bins, minlength=BINS)
        cells = (row_bins // _COARSE)[:, None] * bands + torch.arange(bands)
        places = cells * BINS + _bins(block * _DB_FROM_LN)
        counts += torch.bincount(places.flatten(), minlength=len(counts))
    if counts is None:
        raise ValueError("sound_statistics needs at least one block of log-mel rows.")
    return _summary(levels, counts.reshape(_COARSE_BINS, bands, BINS))


def relative_log_mel(log_mel: Tensor, statistics: SoundStatistics) -> Tensor:
    """(N, bands) log-mel relative to the loud rows, normalised per band, cut at the noise floor."""
    relative = log_mel - statistics.loud_db / _DB_FROM_LN
    floored = relative.clamp(min=-FLOOR_RANGE_DB / _DB_FROM_LN)
    return (floored - statistics.mean) / statistics.spread


def relative_level_db(log_mel: Tensor, statistics: SoundStatistics) -> Tensor:
    """(N,) level relative to the loud rows of the sound: 0 is loud speech, -55 the floor."""
    return (level_db(log_mel) - statistics.loud_db).clamp(min=-FLOOR_RANGE_DB)


def _bins(db: Tensor) -> Tensor:
    return ((db - LOWEST_DB) / BIN_DB).long().clamp(0, BINS - 1)


def _summary(levels: Tensor, counts: Tensor) -> SoundStatistics:
    centres = LOWEST_DB + BIN_DB * (torch.arange(BINS, dtype=torch.float64) + 0.5)
    audible = torch.where(centres > SILENT_DB, levels, torch.zeros_like(levels))
    total = float(audible.sum())
    if total == 0.0:
        bands = counts.shape[1]
        return SoundStatistics(SILENT_DB, torch.zeros(bands), torch.ones(bands), silent=True)
    loud_bin = int((audible.cumsum(0) / total < 0.95).sum())
    loud_db = float(centres[loud_bin])
    first = max(0, int(loud_bin - SPEECH_RANGE_DB / BIN_DB)) // _COARSE
    speech = counts[first:].sum(0)  # (bands, BINS)
    rows = speech[0].sum()
    values = (centres - loud_db).clamp(min=-FLOOR_RANGE_DB) / _DB_FROM_LN
    mean = speech @ values / rows
    variance = speech @ values.square() / rows - mean.square()
    spread = variance.clamp(min=0.0).sqrt().clamp(min=0.5)
    return SoundStatistics(loud_db, mean.float(), spread.float(), silent=False)

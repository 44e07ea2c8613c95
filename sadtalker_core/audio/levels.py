"""Statistics of a whole sound in constant memory: how loud its speech is and how it is coloured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

BIN_DB = 1.0
LOWEST_DB = -110.0
BINS = 150
SPEECH_RANGE_DB = 35.0  # rows this far below the loud ones still count as speech
FLOOR_RANGE_DB = 55.0  # what is quieter is cut, so that the noise floor does not matter
SILENT_DB = -62.0  # a sound whose loud rows are below this is silence
_DB_FROM_LN = 10.0 / 2.302585092994046


@dataclass(frozen=True)
class SoundStatistics:
    """What the first pass over a sound found.

    Attributes:
        loud_db: level of the loud rows (95th percentile of those above silence), dB.
        mean: (bands,) mean log-mel of speech rows, relative to ``loud_db``, natural logarithm.
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

    Sums are kept for each level of 1 dB, so that one pass is enough although the border between
    speech and silence is known only at the end.

    Args:
        blocks: (N, bands) natural log-mel of any N.
    """
    counts = torch.zeros(BINS, dtype=torch.float64)
    sums: Tensor | None = None
    squares: Tensor | None = None
    for block in blocks:
        if sums is None or squares is None:
            sums = torch.zeros(BINS, block.shape[1], dtype=torch.float64)
            squares = torch.zeros_like(sums)
        index = ((level_db(block) - LOWEST_DB) / BIN_DB).long().clamp(0, BINS - 1)
        rows = block.double()
        counts.index_add_(0, index, torch.ones(len(block), dtype=torch.float64))
        sums.index_add_(0, index, rows)
        squares.index_add_(0, index, rows.square())
    if sums is None or squares is None:
        raise ValueError("sound_statistics needs at least one block of log-mel rows.")
    return _summary(counts, sums, squares)


def relative_log_mel(log_mel: Tensor, statistics: SoundStatistics) -> Tensor:
    """(N, bands) log-mel relative to the loud rows, normalised per band, cut at the noise floor."""
    relative = log_mel - statistics.loud_db / _DB_FROM_LN
    floored = relative.clamp(min=-FLOOR_RANGE_DB / _DB_FROM_LN)
    return (floored - statistics.mean) / statistics.spread


def relative_level_db(log_mel: Tensor, statistics: SoundStatistics) -> Tensor:
    """(N,) level relative to the loud rows of the sound: 0 is loud speech, -55 the floor."""
    return (level_db(log_mel) - statistics.loud_db).clamp(min=-FLOOR_RANGE_DB)


def _summary(counts: Tensor, sums: Tensor, squares: Tensor) -> SoundStatistics:
    centres = LOWEST_DB + BIN_DB * (torch.arange(BINS, dtype=torch.float64) + 0.5)
    audible = torch.where(centres > SILENT_DB, counts, torch.zeros_like(counts))
    total = float(audible.sum())
    if total == 0.0:
        bands = sums.shape[1]
        return SoundStatistics(SILENT_DB, torch.zeros(bands), torch.ones(bands), silent=True)
    cumulative = audible.cumsum(0) / total
    loud_db = float(centres[int((cumulative < 0.95).sum())])
    speech = centres > loud_db - SPEECH_RANGE_DB
    rows = counts[speech].sum()
    shift = loud_db / _DB_FROM_LN
    mean = sums[speech].sum(0) / rows
    variance = squares[speech].sum(0) / rows - mean.square()
    spread = variance.clamp(min=0.0).sqrt().clamp(min=0.5)
    return SoundStatistics(loud_db, (mean - shift).float(), spread.float(), silent=False)

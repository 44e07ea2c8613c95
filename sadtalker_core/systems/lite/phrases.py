"""Rhythm of speech: phrases, pauses and stressed syllables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .curves import RATE_HZ, Curve, smooth

_SHORTEST_PAUSE_S = 0.28
_SHORTEST_PHRASE_S = 0.15


@dataclass(frozen=True)
class Phrase:
    """Speech between two pauses.

    Attributes:
        start_s: where it begins.
        end_s: where it ends.
        stresses: (time in seconds, strength 0 to 1) of its stressed syllables.
    """

    start_s: float
    end_s: float
    stresses: tuple[tuple[float, float], ...]


def find_phrases(speech: Curve, level_db: Curve) -> list[Phrase]:
    """Phrases of a sound.

    Args:
        speech: (R,) how surely each row is speech, 0 to 1.
        level_db: (R,) level relative to loud speech.
    """
    active = smooth(speech, 0.05) > 0.5
    loudness = smooth(np.clip(level_db, -40.0, 6.0), 0.06)
    phrases: list[Phrase] = []
    for start, end in _runs(active):
        if (end - start) / RATE_HZ < _SHORTEST_PHRASE_S:
            continue
        stresses = _stresses(loudness[start:end], start)
        phrases.append(Phrase(start / RATE_HZ, end / RATE_HZ, stresses))
    return phrases


def _runs(active: np.ndarray) -> list[tuple[int, int]]:
    """Runs of True, joined over gaps that are too short for a pause."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist()):
        if runs and start - runs[-1][1] < _SHORTEST_PAUSE_S * RATE_HZ:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _stresses(loudness: Curve, offset: int) -> tuple[tuple[float, float], ...]:
    """Loud syllables that rise out of the speech around them, at least 0.3 s apart."""
    if len(loudness) < 8:
        return ()
    around = smooth(loudness, 0.5)
    rise = loudness - around
    middle = rise[1:-1]
    tops = np.flatnonzero((middle > rise[:-2]) & (middle >= rise[2:]) & (middle > 1.5)) + 1
    chosen: list[tuple[float, float]] = []
    for top in sorted(tops.tolist(), key=lambda i: -float(rise[i])):
        moment = (offset + top + 0.5) / RATE_HZ
        if all(abs(moment - other) >= 0.3 for other, _ in chosen):
            chosen.append((moment, min(1.0, float(rise[top]) / 8.0)))
    return tuple(sorted(chosen))

"""Synthetic speech with phone times, and sounds that are not speech, as training examples."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..audio.mel import SPEECH_MEL, log_mel_rows
from .phones import classes_of

ROWS = 400  # of log-mel in one block


@dataclass(frozen=True)
class Utterance:
    """One synthetic utterance.

    Attributes:
        log_mel: (N, bands) natural log-mel at 100 rows a second.
        phones: (N // 2,) int64 class at 50 rows a second.
    """

    log_mel: Tensor
    phones: Tensor


def read_corpus(folder: Path) -> list[Utterance]:
    """All ``.wav`` files of a folder that have a ``.phones`` file (see tools/synthesise_speech)."""
    return [
        read_utterance(path)
        for path in sorted(folder.glob("*.wav"))
        if path.with_suffix(".phones").exists()
    ]


def read_utterance(path: Path) -> Utterance:
    """A 16 kHz mono WAV with its phone times."""
    with wave.open(str(path)) as sound:
        if sound.getframerate() != SPEECH_MEL.sample_rate or sound.getnchannels() != 1:
            raise ValueError(f"{path} must be mono at {SPEECH_MEL.sample_rate} Hz.")
        data = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    log_mel = log_mel_of(torch.from_numpy(data.astype(np.float32) / 32768))
    phones = torch.zeros(len(log_mel) // 2, dtype=torch.long)
    lines = path.with_suffix(".phones").read_text(encoding="utf-8").splitlines()
    for line in lines:
        start_text, end_text, *symbol = line.split(" ")
        start, end = float(start_text), float(end_text)
        passed = classes_of(path.stem, symbol[0] if symbol else "")
        step = (end - start) / len(passed)
        for i, found in enumerate(passed):
            first, last = (round(50 * (start + step * k)) for k in (i, i + 1))
            phones[first:last] = found
    return Utterance(log_mel, phones)


def log_mel_of(samples: Tensor) -> Tensor:
    """(N, bands) log-mel of a short sound (S,); N = S // hop, rounded down to an even number."""
    rows = torch.cat(list(log_mel_rows([samples], ROWS)))
    return rows[: samples.shape[0] // SPEECH_MEL.hop // 2 * 2]

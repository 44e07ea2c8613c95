"""Made-up music and noise: what must not move the mouth."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Sound = NDArray[np.float64]
RATE = 16000


def other_sound(seconds: float, rng: np.random.Generator) -> Tensor:
    """(S,) float32 at 16 kHz: music, noise or both, different for each draw of ``rng``."""
    size = int(seconds * RATE)
    kind = rng.random()
    sound = np.zeros(size)
    if kind < 0.62:
        sound += _music(size, rng)
    if kind > 0.55:
        sound += _noise(size, rng) * rng.uniform(0.3, 1.0)
    sound += rng.normal(0, 10 ** rng.uniform(-5, -2.5), size)
    peak = np.abs(sound).max() + 1e-9
    return torch.from_numpy((sound / peak * rng.uniform(0.1, 0.9)).astype(np.float32))


def _music(size: int, rng: np.random.Generator) -> Sound:
    sound = np.zeros(size)
    beat = rng.uniform(0.25, 0.8)
    root = rng.uniform(50, 65)
    scale = [0, 2, 4, 5, 7, 9, 11] if rng.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10]
    if rng.random() < 0.8:  # melody
        step = beat / rng.choice([1, 2, 4])
        voice = _instrument(rng)
        for start in np.arange(0, size / RATE, step):
            if rng.random() < 0.85:
                note = root + 12 * rng.integers(0, 3) + rng.choice(scale)
                _add(sound, start, _tone(note, step * rng.uniform(0.6, 2.0), voice, rng), 0.5)
    if rng.random() < 0.7:  # chords
        voice = _instrument(rng)
        for start in np.arange(0, size / RATE, 4 * beat):
            degree = rng.integers(0, 7)
            for third in (0, 2, 4):
                note = root + scale[(degree + third) % 7] + 12 * ((degree + third) // 7)
                _add(sound, start, _tone(note, 4 * beat, voice, rng), 0.3)
    if rng.random() < 0.6:  # drums
        for i, start in enumerate(np.arange(0, size / RATE, beat / 2)):
            if i % 4 == 0:
                _add(sound, start, _drum(60, 0.25, rng), 0.9)
            elif i % 4 == 2:
                _add(sound, start, _hit(0.18, rng), 0.5)
            _add(sound, start, _hit(0.05, rng), rng.uniform(0.05, 0.25))
    return sound


def _instrument(rng: np.random.Generator) -> dict[str, float]:
    return dict(
        partials=float(rng.integers(1, 14)),
        fall=rng.uniform(0.5, 2.0),
        attack=rng.uniform(0.003, 0.15),
        decay=rng.uniform(0.15, 3.0),
        vibrato=rng.uniform(0, 0.012) if rng.random() < 0.4 else 0.0,
        odd=float(rng.random() < 0.3),
    )


def _tone(note: float, seconds: float, voice: dict[str, float], rng: np.random.Generator) -> Sound:
    time = np.arange(int(seconds * RATE)) / RATE
    base = 440 * 2 ** ((note - 69) / 12)
    phase = 2 * math.pi * base * time
    phase += voice["vibrato"] * base / 5.5 * np.sin(2 * math.pi * 5.5 * time)
    sound = np.zeros(len(time))
    for partial in range(1, int(voice["partials"]) + 1):
        if base * partial < 7500 and not (voice["odd"] and partial % 2 == 0):
            sound += np.sin(partial * phase + rng.uniform(0, 6.28)) / partial ** voice["fall"]
    shape = np.minimum(time / voice["attack"], 1.0) * np.exp(-time / voice["decay"])
    return sound * shape * np.minimum((seconds - time) / 0.02, 1.0)


def _drum(hz: float, seconds: float, rng: np.random.Generator) -> Sound:
    time = np.arange(int(seconds * RATE)) / RATE
    sweep = hz * (1 + 2 * np.exp(-time / 0.03))
    return np.sin(2 * math.pi * np.cumsum(sweep) / RATE) * np.exp(-time / 0.08)


def _hit(seconds: float, rng: np.random.Generator) -> Sound:
    time = np.arange(int(seconds * RATE)) / RATE
    sound = rng.normal(0, 1, len(time)) * np.exp(-time / (seconds / 4))
    return np.diff(sound, prepend=0.0) if rng.random() < 0.6 else sound


def _noise(size: int, rng: np.random.Generator) -> Sound:
    spectrum = np.fft.rfft(rng.normal(0, 1, size))
    hz = np.fft.rfftfreq(size, 1 / RATE)
    spectrum *= (hz + 30.0) ** rng.uniform(-1.2, 0.3)
    if rng.random() < 0.4:  # a band only
        centre, width = rng.uniform(200, 5000), rng.uniform(100, 2000)
        spectrum *= np.exp(-(((hz - centre) / width) ** 2)) + 0.02
    sound = np.fft.irfft(spectrum, size)
    sound /= np.abs(sound).max() + 1e-9
    time = np.arange(size) / RATE
    kind = rng.random()
    if kind < 0.35:  # gusts
        sound *= 0.4 + 0.6 * np.sin(2 * math.pi * rng.uniform(0.1, 6) * time + rng.uniform(0, 6))
    elif kind < 0.55:  # knocks, steps, keys
        for start in np.cumsum(rng.exponential(0.4, 40)):
            _add(sound, start, _hit(rng.uniform(0.02, 0.2), rng), rng.uniform(0.2, 1.5))
    elif kind < 0.7:  # hum of a motor
        hz_hum = rng.uniform(40, 200)
        for partial in range(1, 12):
            sound += np.sin(2 * math.pi * hz_hum * partial * time) / partial * 0.4
    elif kind < 0.78:  # beeps: tones that begin and end at once, alone or in chords
        for _ in range(int(rng.integers(1, 6))):
            rhythm = (time * rng.uniform(0.7, 4.0) + rng.uniform(0, 1)) % 1.0 < rng.uniform(
                0.3, 0.9
            )
            sound += 0.6 * np.sin(2 * math.pi * rng.uniform(120, 2500) * time) * rhythm
        sound *= rng.choice([1.0, 1.0, 0.3])
    elif kind < 0.88:  # chirps, sirens
        for start in np.cumsum(rng.exponential(0.5, 30)):
            span = np.arange(int(rng.uniform(0.05, 0.6) * RATE)) / RATE
            sweep = rng.uniform(500, 4000) * (1 + rng.uniform(-0.5, 0.5) * span / span[-1])
            chirp = np.sin(2 * math.pi * np.cumsum(sweep) / RATE) * np.hanning(len(span))
            _add(sound, start, chirp, rng.uniform(0.2, 1.0))
    return sound


def _add(sound: Sound, start_s: float, part: Sound, gain: float) -> None:
    start = int(start_s * RATE)
    end = min(len(sound), start + len(part))
    if end > start:
        sound[start:end] += gain * part[: end - start]

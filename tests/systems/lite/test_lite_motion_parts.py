"""Blinks, keyframes, phrases, head characters and closures on their own."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from sadtalker_core.systems.lite.blink import blink_times, lid_closing
from sadtalker_core.systems.lite.curves import FrameTimes, at_frames, peaks_at_frames, smooth
from sadtalker_core.systems.lite.head_pose import head_character, soft_limit
from sadtalker_core.systems.lite.mouth_shape import closures
from sadtalker_core.systems.lite.phrases import Phrase, find_phrases


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("every", [1.0, 3.5, 8.0])
def test_blinks_come_at_the_rate_asked_for(every: float) -> None:
    counts = [len(blink_times(240.0, every, [], generator(seed))) for seed in range(10)]
    assert np.mean(counts) == pytest.approx(240.0 / every, rel=0.15)


def test_blinks_keep_their_distance() -> None:
    gaps = np.concatenate(
        [np.diff(blink_times(300.0, 1.2, [], generator(seed))) for seed in range(10)]
    )
    assert gaps.min() >= 0.29
    assert (gaps < 0.4).mean() < 0.08  # rare double blinks


def test_blinks_like_the_ends_of_phrases() -> None:
    phrases = [Phrase(4.0 * k, 4.0 * k + 3.0, ()) for k in range(60)]
    near = [
        abs(moment % 4.0 - 3.08) < 0.2
        for seed in range(5)
        for moment in blink_times(240.0, 3.5, phrases, generator(seed))
    ]
    assert np.mean(near) > 0.3  # by chance 0.1


@pytest.mark.parametrize("fps", [12, 25, 30, 120])
def test_lids_shut_fully_and_open_slower_than_they_shut(fps: int) -> None:
    times = FrameTimes(fps * 2, Fraction(fps))
    closing = lid_closing([1.0], times, generator())
    assert closing.max() == pytest.approx(1.0, abs=1e-6)
    assert closing.min() == 0.0
    if fps == 120:
        top = int(closing.argmax())
        down = (closing[:top] > 0.05).sum()
        up = (closing[top:] > 0.05).sum()
        assert 0.05 < down / fps < 0.13
        assert 0.12 < up / fps < 0.26


def test_phrases_are_cut_at_pauses_and_stressed_at_peaks() -> None:
    moments = (np.arange(300) + 0.5) / 50
    speech = ((moments > 1) & (moments < 3) | (moments > 3.1) & (moments < 4)) * 1.0
    speech += (moments > 4.6) & (moments < 5.5)
    level = -20.0 + 15.0 * np.exp(-(((moments - 2.0) / 0.1) ** 2))
    first, second = find_phrases(speech.astype(np.float32), level.astype(np.float32))
    assert (first.start_s, first.end_s) == (
        pytest.approx(1.0, abs=0.06),
        pytest.approx(4, abs=0.06),
    )
    assert second.start_s == pytest.approx(4.6, abs=0.06)
    assert len(first.stresses) == 1
    assert first.stresses[0][0] == pytest.approx(2.0, abs=0.05)
    assert second.stresses == ()


def test_styles_are_what_the_help_says() -> None:
    neutral = head_character(0)
    calm, nodding, swaying, tilting, lively = (
        [head_character(style) for style in range(start, start + 9)]
        for start in (1, 10, 19, 28, 37)
    )
    assert (neutral.nod, neutral.sway, neutral.tilt, neutral.lean_rad) == (1.0, 1.0, 1.0, 0.0)
    assert all(max(c.nod, c.sway, c.tilt) < 0.75 for c in calm)
    assert all(c.nod > 1.4 and c.nod > c.sway for c in nodding)
    assert all(c.sway > 1.35 and c.sway > c.nod for c in swaying)
    assert all(c.tilt > 1.6 for c in tilting)
    assert all(min(c.nod, c.sway, c.tilt, c.tempo) > 1.05 for c in lively)
    assert len({head_character(style) for style in range(46)}) == 46


def test_soft_limit_keeps_small_angles() -> None:
    angles = np.array([-1.0, 0.02, 1.0], np.float32)
    limited = soft_limit(angles)
    assert np.abs(limited).max() <= 0.13
    assert limited[1] == pytest.approx(0.02, rel=0.02)


def test_closures_begin_before_the_sound_and_last_two_frames() -> None:
    probability = np.zeros(100, np.float32)
    probability[50:53] = 0.9
    shut, pressed = closures(probability, 1.0)
    held = np.flatnonzero(shut == 1.0)
    assert held[0] < 50
    assert len(held) >= 5  # 100 ms of 20 ms rows
    assert shut[40] == 0.0
    assert shut[62] == 0.0
    assert pressed.max() == 1.0
    half, _ = closures(probability, 0.5)
    assert half.max() == pytest.approx(0.5)
    doubtful, _ = closures(probability * 0.45, 1.0)
    assert 0.0 < doubtful.max() < 0.9
    none, _ = closures(probability * 0.2, 1.0)
    assert none.max() == 0.0


def test_slow_frames_never_lose_a_short_peak() -> None:
    curve = np.zeros(200, np.float32)
    curve[93] = 1.0
    slow = FrameTimes(48, Fraction(12))
    assert peaks_at_frames(curve, slow).max() > 0.99
    assert 0 < at_frames(curve, slow).max() < 0.6


def test_frames_read_the_middle_of_the_time_they_are_shown() -> None:
    ramp = (np.arange(100, dtype=np.float32) + 0.5) / 50
    for fps in (25, 30, 60):
        times = FrameTimes(fps, Fraction(fps))
        np.testing.assert_allclose(at_frames(ramp, times)[3:], times.seconds[3:], atol=2e-3)
    later = at_frames(ramp, FrameTimes(40, Fraction(25)), delay_s=0.2)
    np.testing.assert_allclose(
        later[10:], FrameTimes(40, Fraction(25)).seconds[10:] - 0.2, atol=2e-3
    )


def test_smoothing_keeps_level_and_length() -> None:
    assert smooth(np.ones(30, np.float32), 0.3) == pytest.approx(np.ones(30))

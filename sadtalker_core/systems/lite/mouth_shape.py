"""From what the network heard to lips that move believably."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import LiteMotionOptions
from .curves import RATE_HZ, Curve, FrameTimes, at_frames, ease, peaks_at_frames, smooth
from .mouth_track import MouthTrack

OPEN_LIMIT = 0.155  # above, lips of the warp thicken
WIDTH_LIMIT = 0.11
JAW_LIMIT = 0.18
_QUIET_DB = (-48.0, -37.0)  # below the first the mouth rests, above the second it moves fully
_DOUBTFUL, _SURE = 0.3, 0.52  # a closure begins to be believed, and is believed fully
_SHUT_S = 0.10  # shortest closed time: two frames at 25 a second
_LEAD_S = 0.04  # lips close a little before the sound
_RAMP_S = 0.05
_CORNER_SMOOTHING_S = 0.05  # mouth corners are slower than lips


@dataclass(frozen=True)
class MouthFrames:
    """Mouth controls (T,) as in ``LiteMotion``."""

    open: Curve
    width: Curve
    pucker: Curve
    corners: Curve
    jaw: Curve
    press: Curve


def shape_mouth(track: MouthTrack, options: LiteMotionOptions, times: FrameTimes) -> MouthFrames:
    """Mouth controls of all frames, without the constant smile."""
    scale = np.float32(options.expression_scale)
    gate = speech_gate(track, options.speech_gate)
    lips = [smooth(track.lips[:, k], 0.022) for k in range(track.lips.shape[1])]
    opened = _opening(lips[0]) * (1 - 0.6 * smooth(track.tuck, 0.02)) * gate
    slow = smooth(track.lips[:, 1], _CORNER_SMOOTHING_S)
    width = _soft(0.075 * slow, WIDTH_LIMIT) * gate
    rounded = smooth(track.rounding, 0.035) + 0.35 * np.maximum(-lips[1] - 0.3, 0.0)
    pucker = np.clip(rounded, 0.0, 1.0) * gate
    corners = _soft(0.012 * lips[2], 0.03) * gate
    jaw = np.maximum(0.7 * opened + 0.015 * lips[4] * gate, 0.4 * opened)
    closed, pressed = closures(track.closure * gate, options.closure)
    delay = options.audio_offset_ms / 1000
    shut = peaks_at_frames(closed, times, delay)
    apart = np.clip(at_frames(opened, times, delay), 0.0, None) * (1 - shut)
    limited = OPEN_LIMIT * np.tanh(scale * apart / OPEN_LIMIT)
    mouth = {
        "width": _soft(scale * at_frames(width, times, delay), WIDTH_LIMIT),
        "pucker": np.clip(scale * at_frames(pucker, times, delay), 0.0, 1.0),
        "corners": scale * at_frames(corners, times, delay),
        "jaw": np.clip(
            _soft(scale * at_frames(jaw, times, delay) * (1 - 0.6 * shut), JAW_LIMIT), 0, None
        ),
        "press": np.clip(peaks_at_frames(pressed, times, delay) * min(scale, 1.0), 0.0, 1.0),
    }
    return MouthFrames(
        open=limited.astype(np.float32),
        **{name: np.asarray(curve, np.float32) for name, curve in mouth.items()},
    )


def speech_gate(track: MouthTrack, strength: float) -> Curve:
    """(R,) 0 where the mouth rests, 1 where it speaks: by level, and by what speech sounds like."""
    if track.is_silent:
        return np.zeros_like(track.speech)
    low, high = _QUIET_DB
    audible = ease((smooth(track.level_db, 0.04) - low) / (high - low))
    spoken = ease((smooth(track.speech, 0.15) - 0.15) / 0.4)
    return smooth((audible * (1 - strength * (1 - spoken))).astype(np.float32), 0.03)


def closures(probability: Curve, firmness: float) -> tuple[Curve, Curve]:
    """How far lips are shut and pressed (R,), 0 to 1, from the probability of m, b and p.

    Each closure becomes a shut time of at least ``_SHUT_S`` with ramps on both sides, beginning a
    little before the sound. A doubtful one narrows the mouth only.
    """
    shut = np.zeros_like(probability)
    edges = np.diff(np.concatenate([[0], probability > _DOUBTFUL, [0]]).astype(np.int8))
    for first, last in zip(np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)):
        peak = probability[first:last].max()
        likely = np.flatnonzero(probability[first:last] > 0.6 * peak)
        first, last = first + likely[0], first + likely[-1] + 1
        belief = ease(np.asarray((peak - _DOUBTFUL) / (_SURE - _DOUBTFUL)))
        start = first / RATE_HZ - _LEAD_S
        end = max(last / RATE_HZ, start + _SHUT_S + 1 / RATE_HZ)
        low = max(0, int((start - _RAMP_S) * RATE_HZ) - 1)
        high = min(len(shut), int((end + _RAMP_S) * RATE_HZ) + 2)
        moments = (np.arange(low, high) + 0.5) / RATE_HZ
        outside = np.maximum(start - moments, moments - end) / _RAMP_S
        shape = belief * (1 - ease(np.maximum(outside, 0.0)))
        shut[low:high] = np.maximum(shut[low:high], shape)
    return shut * firmness, shut**2 * firmness


def _opening(lips: Curve) -> Curve:
    """Opening in E of the network's opening: rest below, soft knee, open vowels near 0.1."""
    return (0.030 * np.logaddexp(0.0, 2.8 * (lips + 0.25))).astype(np.float32)


def _soft(curve: Curve, limit: float) -> Curve:
    return (limit * np.tanh(curve / limit)).astype(np.float32)

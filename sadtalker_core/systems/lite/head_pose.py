"""Head motion: postures from phrase to phrase, nods on stressed syllables, sway and breathing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .curves import RATE_HZ, Curve, Draws, add_move, ease, smooth, smooth_noise
from .phrases import Phrase

LIMIT_RAD = 0.13  # the renderer's warp is believable up to here; motion nears it softly


@dataclass(frozen=True)
class HeadCharacter:
    """Amounts of what a head does while its owner speaks; 1 is the neutral amount.

    Attributes:
        nod: nods on stressed syllables and with loudness.
        sway: turns to the sides and slow drift.
        tilt: leaning of the head.
        tempo: how quickly postures change.
        brow: how often and how far brows rise.
        lean_rad: constant lean, positive to the viewer's right.
        smile: constant raise of the mouth corners, E.
    """

    nod: float = 1.0
    sway: float = 1.0
    tilt: float = 1.0
    tempo: float = 1.0
    brow: float = 1.0
    lean_rad: float = 0.0
    smile: float = 0.0


# First style of each range of nine: nod, sway, tilt, tempo, brow.
_RANGES = {
    1: (0.6, 0.55, 0.6, 0.8, 0.7),  # calm
    10: (1.7, 0.75, 0.8, 1.1, 1.0),  # nodding
    19: (0.8, 1.65, 1.0, 0.9, 0.9),  # swaying
    28: (0.9, 0.9, 2.0, 0.95, 1.1),  # tilting
    37: (1.5, 1.45, 1.4, 1.3, 1.5),  # lively
}


def head_character(pose_style: int) -> HeadCharacter:
    """What ``pose_style`` 0 to 45 stands for.

    0 is neutral; 1-9 calm, 10-18 nodding, 19-27 swaying, 28-36 tilting, 37-45 lively. Within a
    range the tempo rises from the first to the last and small habits (lean, smile, brows) differ.
    """
    if pose_style == 0:
        return HeadCharacter()
    first = max(start for start in _RANGES if start <= pose_style)
    nod, sway, tilt, tempo, brow = _RANGES[first]
    habits = random.Random(pose_style)
    step = (pose_style - first) / 8
    return HeadCharacter(
        nod=nod * habits.uniform(0.85, 1.15),
        sway=sway * habits.uniform(0.85, 1.15),
        tilt=tilt * habits.uniform(0.85, 1.15),
        tempo=tempo * (0.85 + 0.3 * step),
        brow=brow * habits.uniform(0.8, 1.2),
        lean_rad=habits.uniform(-0.02, 0.02),
        smile=habits.uniform(-0.002, 0.012),
    )


def head_rotation(
    phrases: Sequence[Phrase],
    level_db: Curve,
    speech: Curve,
    character: HeadCharacter,
    generator: torch.Generator,
) -> tuple[Curve, Curve, Curve]:
    """Pitch, yaw and roll (R,) in radians, within ``LIMIT_RAD``."""
    rows = len(level_db)
    draws = Draws(generator)
    postures = _postures(phrases, rows / RATE_HZ, character, draws)
    pitch, yaw, roll = (_path(postures, axis, rows) for axis in (0, 1, 2))
    loudness = smooth(np.clip(level_db, -30.0, 0.0) * speech, 0.12)
    pitch += 0.0016 * character.nod * (loudness - smooth(loudness, 0.8))
    for phrase in phrases:
        _add_phrase_gestures(pitch, yaw, roll, phrase, character, draws)
    yaw += 0.009 * character.sway * smooth_noise(draws, rows, 1.6 / character.tempo)
    pitch += 0.006 * character.sway * smooth_noise(draws, rows, 1.3 / character.tempo)
    roll += 0.005 * character.tilt * smooth_noise(draws, rows, 1.8 / character.tempo)
    talking = smooth(speech, 0.2)
    for axis, amount in ((pitch, character.nod), (yaw, character.sway), (roll, character.tilt)):
        pace = 0.26 / character.tempo
        axis += 0.0075 * amount * talking * smooth_noise(draws, rows, pace)  # emphasis in passing
        axis += 0.0012 * smooth_noise(draws, rows, 0.16)  # the small unrest of living muscles
    roll += character.lean_rad
    pitch, yaw, roll = (smooth(axis, 0.05) for axis in (pitch, yaw, roll))
    return pitch, yaw, roll


def soft_limit(angle: Curve, limit: float = LIMIT_RAD) -> Curve:
    """Angles that near ``limit`` without a corner; small ones stay as they are."""
    return (limit * np.tanh(angle / limit)).astype(np.float32)


def body_sway(
    yaw: Curve, roll: Curve, breathing: float, amount: float, generator: torch.Generator
) -> tuple[Curve, Curve, Curve]:
    """Shift x, y, z (R,) in E: the neck follows the head, the chest breathes."""
    draws = Draws(generator)
    rows = len(yaw)
    pace = 0.24 * np.exp(0.12 * smooth_noise(draws, rows, 6.0))  # breaths per second
    phase = 2 * np.pi * (np.cumsum(pace, dtype=np.float64) / RATE_HZ + draws.uniform(0, 1))
    depth = 1.0 + 0.2 * smooth_noise(draws, rows, 5.0)
    breath = (np.sin(phase) + 0.25 * np.sin(2 * phase + 0.6)).astype(np.float32) * depth
    x = 0.10 * smooth(yaw, 0.2) + 0.12 * smooth(roll, 0.2)
    x += 0.006 * amount * smooth_noise(draws, rows, 2.2)
    y = -0.0055 * breathing * breath + 0.002 * amount * smooth_noise(draws, rows, 1.7)
    z = 0.004 * breathing * breath + 0.006 * amount * smooth_noise(draws, rows, 2.8)
    return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)


_Posture = tuple[float, float, tuple[float, float, float]]  # start, seconds to move, angles


def _postures(
    phrases: Sequence[Phrase], length_s: float, character: HeadCharacter, draws: Draws
) -> list[_Posture]:
    """Where the head goes and when: anew with each phrase, back to rest in pauses."""

    def posture(scale: float, kept: tuple[float, float, float]) -> tuple[float, float, float]:
        yaw = scale * draws.normal(0.042 * character.sway)
        pitch = scale * (draws.normal(0.024 * character.nod**0.5) - 0.006)
        roll = scale * draws.normal(0.022 * character.tilt) + 0.25 * yaw
        return (
            pitch + 0.35 * kept[0],
            yaw + 0.45 * kept[1],
            roll + 0.4 * kept[2],
        )

    found: list[_Posture] = []
    now = (0.0, 0.0, 0.0)
    moment = 0.0
    for phrase in [*phrases, Phrase(length_s, length_s, ())]:
        while phrase.start_s - moment > 2.6:  # a long pause: shift a little now and then
            moment += draws.uniform(1.6, 3.6)
            if phrase.start_s - moment > 0.8:
                now = posture(0.3, (now[0] * 0.5, now[1] * 0.5, now[2] * 0.5))
                found.append((moment, draws.uniform(0.8, 1.4) / character.tempo, now))
        moment = phrase.start_s - 0.15
        while moment < phrase.end_s - 0.4:
            now = posture(1.0, now)
            found.append((moment, draws.uniform(0.35, 0.75) / character.tempo, now))
            moment += draws.uniform(0.7, 1.9) / character.tempo
        settled = draws.uniform(0.35, 0.65)
        now = (now[0] * settled, now[1] * settled, now[2] * settled)
        found.append((phrase.end_s + draws.uniform(0.0, 0.15), draws.uniform(0.6, 1.0), now))
        moment = phrase.end_s + 0.6
    return found


def _path(postures: Sequence[_Posture], axis: int, rows: int) -> Curve:
    """One angle (R,): moves of least jerk, added, so that a new one takes over smoothly."""
    speed = np.zeros(rows + 1)
    before = 0.0
    for start_s, move_s, angles in postures:
        add_move(speed, start_s, move_s, angles[axis] - before)
        before = angles[axis]
    return np.cumsum(speed[:rows]).astype(np.float32)


def _add_phrase_gestures(
    pitch: Curve,
    yaw: Curve,
    roll: Curve,
    phrase: Phrase,
    character: HeadCharacter,
    draws: Draws,
) -> None:
    nod = character.nod
    _add_pulse(pitch, phrase.start_s - 0.05, -draws.uniform(0.004, 0.014) * nod, 0.25, 0.4)
    for moment, strength in phrase.stresses:
        depth = draws.uniform(0.3, 1.0) * (0.35 + 0.65 * strength)
        if draws.chance(0.75):
            _add_pulse(pitch, moment, 0.046 * nod * depth, 0.15, 0.26)
        if draws.chance(0.3):
            _add_pulse(yaw, moment, draws.normal(0.022) * character.sway * depth, 0.18, 0.3)
        if draws.chance(0.25):
            _add_pulse(roll, moment, draws.normal(0.014) * character.tilt * depth, 0.2, 0.4)
    if phrase.end_s - phrase.start_s > 0.8:
        _add_pulse(pitch, phrase.end_s - 0.1, draws.uniform(0.004, 0.018) * nod, 0.25, 0.6)


def _add_pulse(axis: Curve, peak_s: float, height: float, rise_s: float, fall_s: float) -> None:
    """A bump that peaks at ``peak_s``."""
    first = max(0, int((peak_s - rise_s) * RATE_HZ))
    last = min(len(axis), int((peak_s + fall_s) * RATE_HZ) + 1)
    if last <= first:
        return
    moments = (np.arange(first, last) + 0.5) / RATE_HZ - peak_s
    shape = np.where(moments < 0, ease(1 + moments / rise_s), ease(1 - moments / fall_s))
    axis[first:last] += (height * shape).astype(np.float32)

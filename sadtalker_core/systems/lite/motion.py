"""The motion of a portrait: from a sound, or for a while without one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ...errors import OptionError
from ...geometry.keyframes import parse_keyframes
from ...runtime import Runtime
from ...structures import LiteMotion, frames_for
from .blink import blink_times, lid_closing
from .brows import brow_raise
from .config import TURN_LIMIT_DEG, LiteMotionOptions
from .curves import Curve, FrameTimes, at_frames
from .gaze import eye_shift
from .head_pose import body_sway, head_character, head_rotation, soft_limit
from .mouth_shape import MouthFrames, shape_mouth, speech_gate
from .mouth_track import MouthTrack, control_rows, hear_mouth
from .phrases import Phrase, find_phrases

_RATE = 16000
_WIDEST_LID = -0.3
_SMILE_E = 0.045


def motion_from_audio(
    open_stream: Callable[[], Iterator[Tensor]],
    samples: int,
    fps: Fraction,
    options: LiteMotionOptions,
    runtime: Runtime,
) -> LiteMotion:
    """Motion of mouth, eyes, brows and head for a sound.

    The same sound, options and seed give the same motion to the bit, whatever the chunks of the
    stream. Memory grows with the motion alone.

    Args:
        open_stream: gives a fresh pass over the sound each time: (S,) float32 chunks of any size,
            mono at 16 kHz. It is called twice.
        samples: length of the sound at 16 kHz.
        fps: frames per second.
        options: how it moves.
        runtime: seed, progress and cancelling.

    Returns:
        Motion of ``frames_for(samples / 16000, fps)`` frames on ``runtime.device``.
    """
    times = FrameTimes(frames_for(Fraction(samples, _RATE), fps), fps)
    track = hear_mouth(open_stream, samples, runtime)
    mouth = shape_mouth(track, options, times)
    gate, level_db = speech_gate(track, options.speech_gate), track.level_db
    del track  # the largest part; memory of long sounds matters
    return _motion(mouth, gate, level_db, times, options, runtime)


def idle_motion(
    duration_s: float, fps: Fraction, options: LiteMotionOptions, runtime: Runtime
) -> LiteMotion:
    """Motion without a sound: breathing, gaze, blinks and a little sway, mouth at rest.

    Raises:
        OptionError: the duration is not a positive, finite number of seconds.
    """
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise OptionError(f"duration must be a positive number of seconds, got {duration_s}.")
    exact = Fraction(duration_s).limit_denominator(1_000_000)
    times = FrameTimes(frames_for(exact, fps), fps)
    track = MouthTrack.silent(control_rows(math.ceil(exact * _RATE)))
    mouth = shape_mouth(track, options, times)
    return _motion(mouth, track.speech, track.level_db, times, options, runtime)


def _motion(
    mouth: MouthFrames,
    gate: Curve,
    level_db: Curve,
    times: FrameTimes,
    options: LiteMotionOptions,
    runtime: Runtime,
) -> LiteMotion:
    """All motion of T frames; ``gate`` and ``level_db`` (R,) tell where and how loud speech is."""
    rows = len(gate)
    character = head_character(options.pose_style)
    # The sound's length takes part, so that two sounds with one seed do not move alike.
    generators = {
        name: runtime.generator(f"lite motion {name} {rows}")
        for name in ("head", "body", "blink", "lids", "gaze", "brows")
    }
    phrases = find_phrases(gate, level_db)
    amount = 0.0 if options.still else options.pose_scale
    breathing = 0.0 if options.still else options.breathing
    pitch, yaw, roll = (
        soft_limit(amount * angle)
        for angle in head_rotation(phrases, level_db, gate, character, generators["head"])
    )
    runtime.check_cancelled()  # seconds of work for hours of sound
    rotation = [
        _turned(name, getattr(options, name), angle, times)
        for name, angle in (("pitch", pitch), ("yaw", yaw), ("roll", roll))
    ]
    shift = body_sway(yaw, roll, breathing, amount, generators["body"])
    translation = [at_frames(axis, times) for axis in shift]
    runtime.check_cancelled()
    eyes = eye_shift(pitch, yaw, options.gaze, generators["gaze"])
    gaze_x, gaze_y = (at_frames(axis, times) for axis in eyes)
    del pitch, yaw, roll, shift, eyes
    runtime.check_cancelled()
    closing = _lids(times, options, phrases, generators)
    brow_amount = options.brows * character.brow
    raised = brow_raise(phrases, rows, brow_amount, generators["brows"])
    # Lids take brows and gaze down with them a little.
    brows = [at_frames(side, times) - 0.006 * options.brows * closing for side in raised]
    held = _WIDEST_LID * options.hold_open
    lids = np.maximum(closing * (1 - held) + held, _WIDEST_LID)
    smile = _SMILE_E * options.smile + character.smile
    return LiteMotion(
        open=_tensor(mouth.open),
        width=_tensor(mouth.width + 0.6 * smile),
        pucker=_tensor(mouth.pucker),
        corners=_tensor(mouth.corners + smile),
        jaw=_tensor(mouth.jaw),
        press=_tensor(mouth.press),
        lids=_tensor(lids, lids),
        gaze=_tensor(gaze_x, gaze_y + 0.018 * options.gaze * closing),
        brows=_tensor(*brows),
        rotation_rad=_tensor(*rotation),
        translation=_tensor(*translation),
        fps=times.fps,
    ).to(runtime.device)


def _turned(name: str, text: str, angle: Curve, times: FrameTimes) -> Curve:
    """(T,) one angle in radians: the automatic one, or what the user wrote instead."""
    keyframes = parse_keyframes(name, text, -TURN_LIMIT_DEG, TURN_LIMIT_DEG)
    if keyframes is None:
        return at_frames(angle, times)
    return np.radians(keyframes.at(torch.from_numpy(times.seconds)).numpy()).astype(np.float32)


def _lids(
    times: FrameTimes,
    options: LiteMotionOptions,
    phrases: Sequence[Phrase],
    generators: dict[str, torch.Generator],
) -> Curve:
    if not options.blink:
        return np.zeros(times.count, np.float32)
    moments = blink_times(
        times.count / float(times.fps), options.blink_every, phrases, generators["blink"]
    )
    return lid_closing(moments, times, generators["lids"])


def _tensor(*columns: Curve) -> Tensor:
    """(T,) of one curve, (T, N) of several, float32."""
    parts = [torch.from_numpy(np.ascontiguousarray(column, dtype=np.float32)) for column in columns]
    return parts[0] if len(parts) == 1 else torch.stack(parts, dim=1)

"""Nodes that change a motion in time: rate, speed, smoothness, place, order, repetition."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

from ..sadtalker_core.errors import OptionError
from .host import io
from .motion_values import (
    expression_map,
    frames_output,
    given,
    motion_input,
    motion_output,
    region_choice,
    region_input,
    result,
    seconds_input,
    seconds_of,
)
from .packing import Motion, motion_of
from .schema import node_schema

_WHERE = "motion"


def _span(name: str, default: float, low: float, high: float, tooltip: str) -> Any:
    return io.Float.Input(name, default=default, min=low, max=high, step=0.01, tooltip=tooltip)


class RetimeMotion(io.ComfyNode):
    """Another frame rate, faster or slower."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "RetimeMotion",
            "Retime Motion",
            _WHERE,
            "A motion at another frame rate, faster or slower, or stretched to a length.",
            [
                motion_input(),
                io.Float.Input(
                    "fps",
                    default=0.0,
                    min=0.0,
                    max=240.0,
                    step=0.001,
                    tooltip="Frames per second of the result; 0 keeps the motion's own.",
                ),
                _span("speed", 1.0, 0.05, 20.0, "2 is twice as fast and half as long."),
                _span(
                    "seconds",
                    0.0,
                    0.0,
                    86400.0,
                    "Stretches the motion to this length instead of speed; 0 does not.",
                ),
            ],
            [motion_output("The motion in its new time."), frames_output()],
            aliases=("fps", "speed", "slow motion", "resample", "stretch"),
        )

    @classmethod
    def execute(cls, motion: Any, fps: float, speed: float, seconds: float) -> Any:
        from ..sadtalker_core.transfer.motion_edit import retime
        from .moving import rate_of

        given_motion = motion_of(motion)
        rate = rate_of(fps) if fps else given_motion.fps
        if seconds:
            length_s = len(given_motion) / given_motion.fps
            factor = length_s / seconds_of(seconds)
        else:
            factor = Fraction(speed).limit_denominator(10_000)
        faster = dataclasses.replace(given_motion, fps=given_motion.fps * factor)
        made = retime(faster, rate)
        return result(made, len(made))


class SmoothMotion(io.ComfyNode):
    """Less trembling."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "SmoothMotion",
            "Smooth Motion",
            _WHERE,
            "Takes trembling out of a motion. Blinks and lips are quick: keep the value small for "
            "them, or smooth the head alone.",
            [
                motion_input(),
                _span("seconds", 0.08, 0.0, 5.0, "How far it is averaged over time; 0 not at all."),
                region_input("What is smoothed."),
            ],
            [motion_output("The motion, calmer.")],
            aliases=("jitter", "stabilize", "denoise", "filter", "calm"),
        )

    @classmethod
    def execute(cls, motion: Any, seconds: float, region: str) -> Any:
        from ..sadtalker_core.transfer.motion_edit import smooth

        return result(smooth(motion_of(motion), seconds, region_choice(region)))


class OffsetMotion(io.ComfyNode):
    """Later or earlier."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "OffsetMotion",
            "Offset Motion",
            _WHERE,
            "Moves a motion, or a part of it, in time: lips that lag behind the sound, eyes that "
            "look before the head turns. The length stays; ends are held.",
            [
                motion_input(),
                _span("seconds", 0.0, -3600.0, 3600.0, "Positive is later, negative earlier."),
                region_input("What is moved in time."),
            ],
            [motion_output("The motion, moved in time.")],
            aliases=("delay", "sync", "shift", "lag"),
        )

    @classmethod
    def execute(cls, motion: Any, seconds: float, region: str) -> Any:
        from ..sadtalker_core.transfer.motion_edit import blend, offset

        before = motion_of(motion)
        moved = offset(before, seconds)
        if region == "all":
            return result(moved)
        return result(blend(before, moved, {region: 1.0}))


class JoinMotions(io.ComfyNode):
    """One after the other."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "JoinMotions",
            "Join Motions",
            _WHERE,
            "Motions one after the other. All become of the first one's kind and rate.",
            [
                motion_input("motion_1", "What comes first."),
                motion_input("motion_2", "What comes next."),
                _span("ease", 0.3, 0.0, 10.0, "Seconds over which each goes toward the next."),
                motion_input("motion_3", "What comes after that.", optional=True),
                motion_input("motion_4", "What comes last.", optional=True),
            ],
            [motion_output("All of them in a row."), frames_output()],
            aliases=("concatenate", "append", "sequence", "chain"),
        )

    @classmethod
    def execute(cls, ease: float, **motions: Any) -> Any:
        from ..sadtalker_core.transfer.motion_edit import concatenate

        ordered = [motions.get(f"motion_{number}") for number in (1, 2, 3, 4)]
        first, *others = given({str(place): data for place, data in enumerate(ordered)}).values()
        made = concatenate([first, *(_following(other, first) for other in others)], ease)
        return result(made, len(made))


def _following(motion: Motion, first: Motion) -> Motion:
    """A motion in the kind and rate of another, in its own length."""
    from ..sadtalker_core.transfer.motion_combine import alike
    from ..sadtalker_core.transfer.motion_edit import retime

    moved = retime(motion, first.fps)
    if len(first) == 0 or len(moved) == 0:
        raise OptionError("a motion without frames cannot be joined.")
    held = retime(first[-1:], first.fps, len(moved))  # where it cannot be handed over, it stays
    return alike(moved, held, None, expression_map())


class LoopMotion(io.ComfyNode):
    """Again and again."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "LoopMotion",
            "Loop Motion",
            _WHERE,
            "Repeats a motion, or cuts it, until it has the wanted length.",
            [
                motion_input(),
                seconds_input("How long the result is."),
                _span("ease", 0.3, 0.0, 10.0, "Seconds before each end over which it goes back."),
            ],
            [motion_output("The motion, repeated."), frames_output()],
            aliases=("repeat", "cycle", "tile", "extend", "trim"),
        )

    @classmethod
    def execute(cls, motion: Any, seconds: float, ease: float) -> Any:
        from ..sadtalker_core.structures import frames_for
        from ..sadtalker_core.transfer.motion_edit import loop

        before = motion_of(motion)
        made = loop(before, frames_for(seconds_of(seconds), before.fps), ease)
        return result(made, len(made))


NODES = [RetimeMotion, SmoothMotion, OffsetMotion, JoinMotions, LoopMotion]

"""Nodes that put motions together: by part, by strength, between two, by keyframes, by engine."""

from __future__ import annotations

from typing import Any

from . import sockets
from .host import io
from .motion_files import NODES as FILE_NODES
from .motion_plot import NODES as PLOT_NODES
from .motion_time import NODES as TIME_NODES
from .motion_values import (
    REGIONS,
    REGIONS_HELP,
    expression_map,
    frames_output,
    given,
    motion_input,
    motion_output,
    portrait_for_pose,
    pose_of,
    region_choice,
    region_input,
    result,
    seconds_input,
    seconds_of,
    texts_refusal,
)
from .packing import motion_of
from .schema import fps_input, node_schema, option_inputs, options_from

_WHERE = "motion"
_KINDS = {"built-in": "lite", "LivePortrait": "liveportrait", "SadTalker": "sadtalker"}


class CombineMotion(io.ComfyNode):
    """One motion's mouth, another's head."""

    @classmethod
    def define_schema(cls) -> Any:
        takes = "Whose {} it is; may be of another engine, rate and length. Nothing: as in base."
        return node_schema(
            "CombineMotion",
            "Combine Motion",
            _WHERE,
            "One motion with parts of others: the head of one, the mouth of another. The result "
            f"has kind, rate and length of base; shorter parts hold their end. {REGIONS_HELP}",
            [
                motion_input("base", "What everything is of that nothing else is connected for."),
                *[motion_input(name, takes.format(name), optional=True) for name in REGIONS],
                portrait_for_pose(),
            ],
            [motion_output("All parts in one.")],
            aliases=("merge motion", "mix", "head", "mouth", "eyes", "expression and pose"),
        )

    @classmethod
    def execute(cls, base: Any, portrait: Any = None, **parts: Any) -> Any:
        from ..sadtalker_core.transfer.motion_combine import combined

        # face first, so that mouth, eyes and brows lie over it
        ordered = {name: parts.get(name) for name in REGIONS}
        found = expression_map()
        return result(combined(motion_of(base), given(ordered), pose_of(portrait), found))


class GainMotion(io.ComfyNode):
    """Stronger or weaker."""

    @classmethod
    def define_schema(cls) -> Any:
        def strength(name: str, what: str) -> Any:
            return io.Float.Input(
                name,
                default=1.0,
                min=-1.0,
                max=3.0,
                step=0.01,
                tooltip=f"{what} 1 as it is, 0 none.",
            )

        return node_schema(
            "GainMotion",
            "Gain Motion",
            _WHERE,
            "Makes a motion, or parts of it, stronger or weaker. A head in SadTalker's or a filmed "
            "LivePortrait motion scales about the first frame, all else about rest.",
            [
                motion_input(),
                strength("all", "Strength of everything, times those below."),
                strength("head", "Turns and shifts of the head."),
                strength("face", "The whole face, times those below."),
                strength("mouth", "Mouth and jaw (not SadTalker's)."),
                strength("eyes", "Blinks and gaze (not SadTalker's)."),
                strength("brows", "Brows (not SadTalker's)."),
            ],
            [motion_output("The motion, scaled.")],
            aliases=("strength", "amplify", "expression scale", "pose scale", "multiplier"),
        )

    @classmethod
    def execute(cls, motion: Any, **values: float) -> Any:
        from ..sadtalker_core.transfer.motion_edit import gain

        whole, face = values["all"], values["all"] * values["face"]
        amounts = {"face": face, "head": whole * values["head"]}
        for name in ("mouth", "eyes", "brows"):
            if values[name] != 1.0:
                amounts[name] = face * values[name]
        return result(gain(motion_of(motion), amounts))


class BlendMotion(io.ComfyNode):
    """Between two motions."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "BlendMotion",
            "Blend Motion",
            _WHERE,
            "Between two motions: 0 is the first, 1 the second. The result has kind, rate and "
            "length of the first.",
            [
                motion_input("motion_a", "What it is at 0."),
                motion_input("motion_b", "What it is at 1; may be of another engine and rate."),
                io.Float.Input(
                    "weight",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How much of the second.",
                ),
                region_input("What is blended; all else is the first's."),
                io.String.Input(
                    "weight_over_time",
                    default="",
                    multiline=False,
                    tooltip="Instead of weight: seconds:weight pairs such as 0:0, 2:1; empty takes "
                    "weight.",
                ),
                portrait_for_pose(),
            ],
            [motion_output("The mixture.")],
            aliases=("mix", "crossfade", "interpolate", "lerp", "transition"),
        )

    @classmethod
    def execute(
        cls,
        motion_a: Any,
        motion_b: Any,
        weight: float,
        region: str,
        weight_over_time: str,
        portrait: Any = None,
    ) -> Any:
        import torch

        from ..sadtalker_core.geometry.keyframes import parse_keyframes
        from ..sadtalker_core.transfer.motion_combine import mixed

        a, b = motion_of(motion_a), motion_of(motion_b)
        written = parse_keyframes("weight_over_time", weight_over_time, 0.0, 1.0)
        share: Any = weight
        if written is not None:
            share = written.at(torch.arange(len(a), dtype=torch.float64) / float(a.fps))
        shares = {name: share for name in region_choice(region)}  # noqa: C420
        return result(mixed(a, b, shares, pose_of(portrait), expression_map()))

    @classmethod
    def validate_inputs(cls, weight_over_time: str | None = None) -> bool | str:
        from ..sadtalker_core.geometry.keyframes import parse_keyframes
        from .host_files import refusal

        text = weight_over_time or ""
        return refusal(lambda: parse_keyframes("weight_over_time", text, 0.0, 1.0))


class KeyframeMotion(io.ComfyNode):
    """Head and controls by hand."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.transfer.keyframe_options import KeyframeOptions

        return node_schema(
            "KeyframeMotion",
            "Keyframe Motion",
            _WHERE,
            "Head, mouth, eyes and brows written as keyframes, alone or over a motion: a number, "
            "or seconds:value pairs such as 0:0, 1.5:10. Of SadTalker's motion the head alone.",
            [
                *option_inputs(KeyframeOptions),
                seconds_input("How long, where no motion is connected."),
                fps_input(),
                motion_input(
                    "motion", "What the keyframes change; without it a face at rest.", True
                ),
                portrait_for_pose(),
            ],
            [motion_output("The motion with the keyframes."), frames_output()],
            aliases=("animate by hand", "head turn", "free view", "curve", "yaw pitch roll"),
        )

    @classmethod
    def execute(
        cls, seconds: float, fps: float, motion: Any = None, portrait: Any = None, **values: Any
    ) -> Any:
        from ..sadtalker_core.structures import LiteMotion, frames_for
        from ..sadtalker_core.transfer.keyframe_options import KeyframeOptions
        from ..sadtalker_core.transfer.motion_keyframes import keyframed
        from .moving import rate_of

        rate = rate_of(fps)
        base = (
            LiteMotion.rest(frames_for(seconds_of(seconds), rate), rate)
            if motion is None
            else motion_of(motion)
        )
        made = keyframed(base, options_from(KeyframeOptions, values), pose_of(portrait))
        return result(made, len(made))

    @classmethod
    def validate_inputs(
        cls,
        yaw: str | None = None,
        pitch: str | None = None,
        roll: str | None = None,
        shift_x: str | None = None,
        shift_y: str | None = None,
        shift_z: str | None = None,
        mouth_open: str | None = None,
        mouth_width: str | None = None,
        pucker: str | None = None,
        smile: str | None = None,
        jaw: str | None = None,
        press: str | None = None,
        blink: str | None = None,
        gaze_x: str | None = None,
        gaze_y: str | None = None,
        brows: str | None = None,
    ) -> bool | str:
        # named one by one: the host checks what is not named here itself
        texts = {name: text for name, text in locals().items() if name != "cls"}
        from ..sadtalker_core.transfer.keyframe_options import KeyframeOptions

        return texts_refusal(KeyframeOptions, **texts)


class ConvertMotion(io.ComfyNode):
    """One engine's motion for another."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "ConvertMotion",
            "Convert Motion",
            _WHERE,
            "A motion in the terms of another engine: the head always, the face between the "
            "built-in engine and LivePortrait, and SadTalker's only where an expression map was "
            "fitted. Renderers do this by themselves; here you can edit the result.",
            [
                motion_input(),
                io.Combo.Input(
                    "to",
                    options=list(_KINDS),
                    default="built-in",
                    tooltip="Whose motion it becomes.",
                ),
                sockets.Portrait.Input(
                    "portrait",
                    optional=True,
                    tooltip="Whom it will move, prepared by that engine: turns and shifts then "
                    "fit this face. SadTalker needs it for the face to stay as it is.",
                ),
            ],
            [
                motion_output("The motion in the other engine's terms."),
                io.String.Output(
                    "note", display_name="note", tooltip="What could not be handed over, if any."
                ),
            ],
            aliases=("liveportrait", "sadtalker", "retarget", "translate motion"),
        )

    @classmethod
    def execute(cls, motion: Any, to: str, portrait: Any = None) -> Any:
        from .motion_convert import converted

        made, note = converted(motion_of(motion), _KINDS[to], portrait)
        return result(made, note)


NODES = [
    *(CombineMotion, GainMotion, BlendMotion, KeyframeMotion, ConvertMotion),
    *TIME_NODES,
    *FILE_NODES,
    *PLOT_NODES,
]

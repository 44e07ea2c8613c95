"""SadTalker's networks one by one. Chained they give what the whole engine gives, to the bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.structures import Coeff3DMM, LiteMotion
from . import sockets
from .host import io
from .motion_values import (
    SPEECH_RATE,
    frames_output,
    heard,
    motion_input,
    motion_output,
    result,
    seconds_input,
    seconds_of,
    texts_refusal,
)
from .packing import motion_of
from .portraits import portrait_of
from .schema import node_schema, option_inputs, options_from, seed_input

if TYPE_CHECKING:
    from torch import Tensor

    from ..sadtalker_core.runtime import Runtime
    from ..sadtalker_core.systems.sadtalker.speech import Speech
    from .host_models import HostModel
    from .portraits import PortraitValue

_WHERE = "audio"
_ALIASES = ("sadtalker", "audio2exp", "audio to motion", "talking head")


def model_input() -> Any:
    """SadTalker."""
    return sockets.Model.Input("model", tooltip="From Load SadTalker.")


def portrait_input() -> Any:
    """A portrait of SadTalker."""
    return sockets.Portrait.Input(
        "portrait", tooltip="From Prepare Portrait, made with the same SadTalker model."
    )


def _sound_inputs() -> list[Any]:
    """What the networks listen to, last: it may stay unconnected."""
    return [
        seconds_input("How long, where no audio is connected; audio says it itself."),
        sockets.sound_input(
            "audio",
            tooltip="Speech, of any length. Without it the networks hear nothing for so many "
            "seconds, which is SadTalker's idle mode.",
            optional=True,
        ),
    ]


def sadtalker_portrait(model: HostModel, portrait: Any) -> PortraitValue:
    """The portrait of a SadTalker model.

    Raises:
        OptionError: the model or the portrait is another engine's.
    """
    if model.engine.id != "sadtalker":
        raise OptionError(
            f"this node is one of SadTalker's networks, the model is {model.engine.title}; "
            "connect Load SadTalker."
        )
    return portrait_of(portrait, model)


def speech_of(audio: Any, seconds: float, runtime: Runtime | None = None) -> Speech:
    """What the networks hear: the sound, or nothing for some seconds."""
    from ..sadtalker_core.systems.sadtalker.speech import Speech
    from .media import sound_of

    sound = sound_of(audio, runtime)
    if sound is None:
        return Speech.of_nothing(seconds_of(seconds))
    heard(sound)
    return Speech.of_sound(lambda: sound.open(SPEECH_RATE), sound.sample_count(SPEECH_RATE))


def _eyes(blink: Any, frames: int) -> tuple[Tensor | None, Coeff3DMM | None]:
    """A motion at the blink socket: closing of the eyes, or an expression to start from."""
    from ..sadtalker_core.systems.sadtalker.motion_parts import closing_of

    if blink is None:
        return None, None
    motion = motion_of(blink)
    if isinstance(motion, Coeff3DMM):
        return None, motion
    if isinstance(motion, LiteMotion):
        return closing_of(motion.lids, motion.fps, frames), None
    raise OptionError(
        "blinks come from a Blink node, from built-in motion or from SadTalker's; convert "
        "LivePortrait's motion to the built-in kind first."
    )


class ExpNetExpression(io.ComfyNode):
    """The face alone."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions

        return node_schema(
            "ExpNetExpression",
            "SadTalker Expression (ExpNet)",
            _WHERE,
            "SadTalker's ExpNet: mouth and expression from speech. The head stays as it is in the "
            "portrait; take Combine Motion to add one.",
            [
                model_input(),
                portrait_input(),
                *option_inputs(SadTalkerMotionOptions, only=("expression_scale",)),
                *_sound_inputs(),
                motion_input(
                    "blink",
                    "When the eyes close: from Blink, from built-in motion, or the expression of a "
                    "reference video that ExpNet starts from. Without it the eyes stay open.",
                    optional=True,
                ),
            ],
            [motion_output("The face, with the portrait's head pose."), frames_output()],
            aliases=_ALIASES,
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        portrait: Any,
        seconds: float,
        audio: Any = None,
        blink: Any = None,
        **values: Any,
    ) -> Any:
        import torch

        from ..sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions
        from ..sadtalker_core.systems.sadtalker.motion_parts import expression_motion
        from .bridge import at_work

        value = sadtalker_portrait(model, portrait)
        options = options_from(SadTalkerMotionOptions, values)
        with at_work(model) as runtime, torch.inference_mode():
            speech, net = speech_of(audio, seconds, runtime), model.networks.motion.expnet
            source = value.prepared.source.coeff
            eyes = _eyes(blink, speech.frames)
            motion = expression_motion(net, source, speech, options, runtime, *eyes)
        return result(motion, len(motion))


class PoseVaeHeadPose(io.ComfyNode):
    """The head alone."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions

        return node_schema(
            "PoseVaeHeadPose",
            "SadTalker Head Pose (PoseVAE)",
            _WHERE,
            "SadTalker's PoseVAE: head motion from speech in one of 46 learnt styles. The face "
            "stays as it is in the portrait; take Combine Motion to add one.",
            [
                model_input(),
                portrait_input(),
                *option_inputs(SadTalkerMotionOptions, only=("pose_style", "pose_scale")),
                seed_input(),
                *_sound_inputs(),
                motion_input(
                    "reference",
                    "SadTalker's motion of a reference video: its head motion is added.",
                    optional=True,
                ),
            ],
            [motion_output("The head, with the portrait's expression."), frames_output()],
            aliases=(*_ALIASES, "audio2pose", "pose style"),
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        portrait: Any,
        seed: int,
        seconds: float,
        audio: Any = None,
        reference: Any = None,
        **values: Any,
    ) -> Any:
        import torch

        from ..sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions
        from ..sadtalker_core.systems.sadtalker.motion_parts import pose_motion
        from .bridge import at_work

        value = sadtalker_portrait(model, portrait)
        options, added = options_from(SadTalkerMotionOptions, values), _coefficients(reference)
        with at_work(model, seed=seed) as runtime, torch.inference_mode():
            speech, net = speech_of(audio, seconds, runtime), model.networks.motion.posevae
            source = value.prepared.source.coeff
            motion = pose_motion(net, source, speech, options, runtime, added)
        return result(motion, len(motion))


class Blink(io.ComfyNode):
    """When eyes close."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.sadtalker.config import BLINK_PATTERNS

        return node_schema(
            "Blink",
            "Blink",
            _WHERE,
            "Closing of the eyes as SadTalker makes it, at 25 frames per second: for ExpNet's "
            "blink socket, or as the eyes of any built-in motion through Combine Motion.",
            [
                io.Combo.Input(
                    "pattern",
                    options=list(BLINK_PATTERNS),
                    default="random",
                    tooltip="random: SadTalker's own, 10 to 70 frames apart, drawn from the seed; "
                    "steady: slower blinks, every 80 frames.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How far the eyes close: 1 shut.",
                ),
                seed_input(),
                *_sound_inputs(),
            ],
            [motion_output("Lids that close, all else at rest.", "blink"), frames_output()],
            aliases=("eyes", "eyelids", "sadtalker", "eye blink"),
        )

    @classmethod
    def execute(
        cls, pattern: str, strength: float, seed: int, seconds: float, audio: Any = None
    ) -> Any:
        import dataclasses
        from fractions import Fraction

        from ..sadtalker_core.systems.sadtalker.config import FPS
        from ..sadtalker_core.systems.sadtalker.motion_parts import blinks
        from .bridge import at_work

        with at_work(seed=seed) as runtime:
            frames = speech_of(audio, seconds, runtime).frames
            closing = blinks(frames, pattern, runtime) * strength
        rest = LiteMotion.rest(frames, Fraction(FPS))
        return result(dataclasses.replace(rest, lids=closing[:, None].repeat(1, 2)), frames)


class MappingNetKeypoints(io.ComfyNode):
    """Coefficients to keypoints."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions

        return node_schema(
            "MappingNetKeypoints",
            "SadTalker Keypoints (MappingNet)",
            _WHERE,
            "SadTalker's MappingNet: the keypoints that its renderer moves, from motion. Angles "
            "written here take the place of the learnt ones.",
            [
                model_input(),
                portrait_input(),
                motion_input(tooltip="SadTalker's motion; other kinds: Convert Motion first."),
                *option_inputs(SadTalkerMotionOptions, only=("yaw", "pitch", "roll")),
            ],
            [
                sockets.Keypoints.Output(
                    "keypoints",
                    display_name="keypoints",
                    tooltip="For Render Keypoints, with the same portrait.",
                )
            ],
            aliases=("sadtalker", "facerender", "mapping", "keypoints", "free view"),
        )

    @classmethod
    def execute(cls, model: Any, portrait: Any, motion: Any, **values: Any) -> Any:
        import torch

        from ..sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions
        from ..sadtalker_core.systems.sadtalker.pipeline import track_of
        from .bridge import at_work

        value, moved = sadtalker_portrait(model, portrait), _coefficients(motion)
        options = options_from(SadTalkerMotionOptions, values)
        assert moved is not None
        with at_work(model) as runtime, torch.inference_mode():
            moved = moved.to(runtime.device)
            track = track_of(model.networks, value.prepared, moved, options, runtime)
        return io.NodeOutput(track.to_dict())

    @classmethod
    def validate_inputs(
        cls, yaw: str | None = None, pitch: str | None = None, roll: str | None = None
    ) -> bool | str:
        from ..sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions

        return texts_refusal(SadTalkerMotionOptions, yaw=yaw, pitch=pitch, roll=roll)


def _coefficients(data: Any) -> Coeff3DMM | None:
    if data is None:
        return None
    motion = motion_of(data)
    if not isinstance(motion, Coeff3DMM):
        raise OptionError(
            f"SadTalker's own motion is needed here, got {type(motion).__name__}; use Convert "
            "Motion to SadTalker first."
        )
    return motion


NODES = [ExpNetExpression, PoseVaeHeadPose, Blink, MappingNetKeypoints]

"""Nodes that make pictures of motion: whole frames, faces alone, and what is done with faces."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from . import sockets
from .host import io
from .schema import folded, fps_input, node_schema, option_inputs

if TYPE_CHECKING:
    from torch import Tensor

_WHERE = "render"
# What of a motion is taken over: known to every engine that can be driven, and LivePortrait's own.
TAKEN_OVER = ("region", "multiplier")
LIVEPORTRAIT_OWN = (
    *("relative", "driving_option", "normalize_lip", "lip_threshold", "eye_retargeting"),
    *("lip_retargeting", "source_video_eye_retargeting", "smooth"),
)


def model_input() -> Any:
    """The engine."""
    return sockets.Model.Input("model", tooltip="The engine, from one of the load nodes.")


def portrait_input() -> Any:
    """The portrait."""
    return sockets.Portrait.Input(
        "portrait", tooltip="From Prepare Portrait or Prepare Video, made with the same model."
    )


def motion_inputs() -> list[Any]:
    """Up to three motions, one for each face, and an expression on top."""
    more = "Motion of the portrait's {} face (LivePortrait, several faces prepared)."
    return [
        sockets.Motion.Input(
            "motion",
            optional=True,
            tooltip="What moves the portrait. Motion of another engine is converted as far as it "
            "can be. It moves every face where no other motion is connected.",
        ),
        sockets.Motion.Input("motion_2", optional=True, tooltip=more.format("second")),
        sockets.Motion.Input("motion_3", optional=True, tooltip=more.format("third")),
        sockets.Expression.Input(
            "expression",
            optional=True,
            tooltip="Changes on top of the motion, or instead of one: numbers or keyframes "
            "(LivePortrait and the built-in engine).",
        ),
    ]


def taken_over_inputs() -> list[Any]:
    """What is taken over of a motion, folded away."""
    from ..sadtalker_core.systems.liveportrait.config import LivePortraitMotionOptions

    names = (*TAKEN_OVER, *LIVEPORTRAIT_OWN)
    made = option_inputs(LivePortraitMotionOptions, only=names)
    for entry in made:
        if entry.id in LIVEPORTRAIT_OWN:
            entry.tooltip = f"LivePortrait only. {entry.tooltip}"
    return [folded(entry) for entry in made]


def _face_input() -> Any:
    return io.Int.Input(
        "face",
        default=0,
        min=0,
        max=63,
        tooltip="Which of the portrait's prepared faces: 0 is the first.",
    )


class Render(io.ComfyNode):
    """Motion to pictures."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "Render",
            "Render Talking Portrait",
            _WHERE,
            "Frames of a portrait in motion, for every node that takes pictures. All frames are "
            "held in memory: for more than a minute take Render Talking Video.",
            [model_input(), portrait_input(), *motion_inputs(), *taken_over_inputs(), fps_input()],
            [
                io.Image.Output(
                    "frames", display_name="frames", tooltip="The frames, one picture for each."
                ),
                io.Mask.Output(
                    "mask",
                    display_name="mask",
                    tooltip="Where frames may differ from the picture: one for a portrait, one for "
                    "each frame of a video.",
                ),
                io.Float.Output(
                    "rate", display_name="fps", tooltip="Frames per second, for Create Video."
                ),
            ],
            aliases=("animate", "talking head", "liveportrait", "sadtalker", "warp face"),
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        portrait: Any,
        fps: float,
        motion: Any = None,
        motion_2: Any = None,
        motion_3: Any = None,
        expression: Any = None,
        **values: Any,
    ) -> Any:
        from . import moving
        from .bridge import at_work, collect
        from .expression_values import expression_of
        from .portraits import portrait_of

        notes: list[str] = []
        value, sliders = portrait_of(portrait, model), expression_of(expression)
        options, rate = moving.driving_options(model, values), moving.rate_of(fps)
        with at_work(model) as runtime:
            connected = (motion, motion_2, motion_3)
            motions = moving.motions_for(value, connected, runtime, notes)
            stream = moving.frames_of(model, value, motions, sliders, options, rate, runtime)
            frames = collect(stream, runtime)
            mask = moving.region_of(model, value, stream, runtime)
            moving.tell(notes, runtime)
        return io.NodeOutput(frames, mask, float(stream.fps))


class RenderKeypoints(io.ComfyNode):
    """Keypoints to faces, without putting them back."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "RenderKeypoints",
            "Render Keypoints",
            _WHERE,
            "The renderer alone: faces that keypoints give, as square crops. Enlarge or enhance "
            "them with any node, then put them back with Paste Back. SadTalker and LivePortrait.",
            [
                model_input(),
                portrait_input(),
                sockets.Keypoints.Input(
                    "keypoints", tooltip="From MappingNet Keypoints or LivePortrait Keypoints."
                ),
                _face_input(),
            ],
            [
                io.Image.Output(
                    "faces", display_name="faces", tooltip="The moved face, a square crop a frame."
                ),
                io.Float.Output("fps", display_name="fps", tooltip="Frames per second."),
            ],
            aliases=("warp", "spade", "generator", "face crops"),
        )

    @classmethod
    def execute(cls, model: Any, portrait: Any, keypoints: Any, face: int) -> Any:
        from ..sadtalker_core.structures import KeypointTrack
        from .bridge import at_work, collect
        from .portraits import portrait_of

        value, track = portrait_of(portrait, model), KeypointTrack.from_dict(keypoints)
        layers = _layers_of(value)
        with at_work(model) as runtime:
            track = track.to(runtime.device)
            stream = layers.render(model.networks, value.prepared, face, track, runtime)
            faces = collect(stream, runtime)
        return io.NodeOutput(faces, float(stream.fps))


class PasteBack(io.ComfyNode):
    """Faces back into their picture."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.engines.engine import SEAMS

        return node_schema(
            "PasteBack",
            "Paste Back",
            _WHERE,
            "Puts face crops of any size back where the portrait's face was cut: those of Render "
            "Keypoints, perhaps enlarged or enhanced in between.",
            [
                portrait_input(),
                io.Image.Input(
                    "faces", tooltip="Face crops, one a frame; their size may differ from before."
                ),
                io.Image.Input(
                    "frames",
                    optional=True,
                    tooltip="Frames to lay the faces over in place of the portrait's own picture, "
                    "such as those of Paste Back for another face.",
                ),
                _face_input(),
                io.Combo.Input(
                    "seam",
                    options=list(SEAMS),
                    default="as prepared",
                    tooltip="As the portrait was prepared; a soft edge alone; or outlines and "
                    "colours matched along it too, which enhanced faces need.",
                ),
            ],
            [
                io.Image.Output("pasted", display_name="frames", tooltip="The whole frames."),
                io.Mask.Output(
                    "mask", display_name="mask", tooltip="Where faces of this portrait count."
                ),
            ],
            aliases=("composite", "stitch", "uncrop"),
        )

    @classmethod
    def execute(
        cls, portrait: Any, faces: Tensor, face: int, seam: str, frames: Tensor | None = None
    ) -> Any:
        from .bridge import at_work, collect, intermediate_device, pictures_of
        from .portraits import portrait_of

        value = portrait_of(portrait)
        layers, crops = _layers_of(value), _planes(faces)
        onto = None if frames is None else pictures_of(frames)
        rate = value.video.fps if value.video is not None else _ANY_RATE
        with at_work() as runtime:
            here = replace(runtime, device=faces.device)
            stream = layers.paste(value.prepared, face, crops, onto, seam, rate, here)
            made = collect(stream, runtime)
            mask = value.engine.region(value.prepared, stream.length, rate, here)
        return io.NodeOutput(made, mask.to(intermediate_device()))


class MatchSeam(io.ComfyNode):
    """Colours that agree along a seam."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "MatchSeam",
            "Match Seam Colours",
            _WHERE,
            "Lays changed frames over the picture they came from inside a mask, with their colours "
            "shifted so that they agree along its edge: what enhancers and samplers change in "
            "brightness and tone no longer shows as a patch.",
            [
                io.Image.Input("changed", tooltip="Frames whose colours shall fit."),
                io.Image.Input(
                    "original", tooltip="What is around them: one picture, or one for each frame."
                ),
                io.Mask.Input(
                    "mask",
                    tooltip="Where the changed frames are shown: one mask, or one for each frame, "
                    "such as Render's.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How far colours are shifted: 1 until they agree, 0 not at all.",
                ),
            ],
            [io.Image.Output("frames", display_name="frames", tooltip="The frames with no seam.")],
            aliases=("colour match", "color match", "seamless", "blend"),
        )

    @classmethod
    def execute(cls, changed: Tensor, original: Tensor, mask: Tensor, strength: float) -> Any:
        from .layering import matched

        return io.NodeOutput(matched(changed, original, mask, strength))


class CombineFaces(io.ComfyNode):
    """Two people of one picture who move at once."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "CombineFaces",
            "Combine Faces",
            _WHERE,
            "Frames of two renders of one picture become one: two people who talk. The shorter "
            "one holds its last frame.",
            [
                io.Image.Input("frames_a", tooltip="Frames in which the first person moves."),
                io.Image.Input("frames_b", tooltip="Frames in which the second person moves."),
                io.Mask.Input(
                    "mask_b",
                    tooltip="Where the second person moves: the mask of Render for frames_b.",
                ),
                io.Mask.Input(
                    "mask_a",
                    optional=True,
                    tooltip="The same of the first person: where both masks meet, the stronger one "
                    "counts.",
                ),
            ],
            [
                io.Image.Output("frames", display_name="frames", tooltip="Both move."),
                io.Mask.Output("mask", display_name="mask", tooltip="Where either moves."),
            ],
            aliases=("two people", "dialogue", "multi face", "merge"),
        )

    @classmethod
    def execute(
        cls, frames_a: Tensor, frames_b: Tensor, mask_b: Tensor, mask_a: Tensor | None = None
    ) -> Any:
        from .layering import combined

        return io.NodeOutput(*combined(frames_a, frames_b, mask_a, mask_b))


def _layers_of(value: Any) -> Any:
    from ..sadtalker_core.errors import OptionError

    if value.engine.layers is None:
        raise OptionError(
            f"{value.engine.title} bends the picture itself and has no faces to render and paste; "
            "use Render Talking Portrait, or prepare the portrait for SadTalker or LivePortrait."
        )
    return value.engine.layers


def _planes(faces: Tensor) -> Tensor:
    """An IMAGE as (T, 3, h, w), not copied."""
    return faces[..., :3].movedim(-1, 1)


_ANY_RATE = Fraction(25)  # pictures are pasted one by one


NODES = [Render, RenderKeypoints, PasteBack, MatchSeam, CombineFaces]

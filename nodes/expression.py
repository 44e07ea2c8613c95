"""Nodes that edit a face: by sliders with a live preview, by keyframes, by openings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sadtalker_core.expression_sliders import ExpressionSliders
from ..sadtalker_core.systems.lite.config import LiteDriveOptions
from . import sockets
from .expression_values import (
    added,
    between,
    expression_dict,
    expression_of,
    slider_inputs,
    sliders_of,
)
from .host import io
from .keypoint_tracks import NODES as KEYPOINT_NODES
from .schema import folded, node_schema, option_inputs, options_from

if TYPE_CHECKING:
    from torch import Tensor

    from .host_models import HostModel

_LIVE_PX = 1536  # longer side of what is shown while sliders move
_OPENINGS = ("eyes_open_ratio", "lip_open_ratio")


def _live_preview() -> Any:
    return io.Boolean.Input(
        "live_preview",
        default=True,
        tooltip="Show the picture while sliders are moved: this node alone is run, with what is "
        "before it only where that is not up to date.",
    )


def _base(tooltip: str) -> Any:
    return sockets.Expression.Input("expression", optional=True, tooltip=tooltip)


def _expression_output(tooltip: str) -> Any:
    return sockets.Expression.Output(
        "edited_expression", display_name="expression", tooltip=tooltip
    )


def _picture_outputs() -> list[Any]:
    return [
        io.Image.Output("edited", display_name="image", tooltip="The edited picture."),
        io.Mask.Output(
            "mask", display_name="mask", tooltip="Where it may differ from the portrait."
        ),
    ]


class ExpressionEditor(io.ComfyNode):
    """A prepared portrait edited by sliders."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "ExpressionEditor",
            "Expression Editor",
            "portrait",
            "Edits the expression of a prepared portrait by sliders and shows it while they are "
            "moved. The expression goes to Render, on its own or on top of motion.",
            [
                sockets.Model.Input("model", tooltip="LivePortrait or the built-in engine."),
                sockets.Portrait.Input("portrait", tooltip="From Prepare Portrait or Video."),
                *slider_inputs(),
                _live_preview(),
                _base("Another expression that the sliders are added to."),
                sockets.Motion.Input(
                    "motion",
                    optional=True,
                    tooltip="Motion under the expression: of a driving video, or of one picture "
                    "whose expression is taken over.",
                ),
                *(
                    folded(given)
                    for given in option_inputs(LiteDriveOptions, only=("region", "multiplier"))
                ),
                folded(
                    io.Float.Input(
                        "time",
                        default=0.0,
                        min=0.0,
                        max=36000.0,
                        step=0.04,
                        tooltip="Which moment of motion, keyframes or video is shown, in seconds.",
                    )
                ),
            ],
            [
                _expression_output("All that is changed, for Render and the other editors."),
                *_picture_outputs(),
            ],
            aliases=("expression", "face editor", "emotion", "smile", "gaze", "retarget", "pose"),
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        model: HostModel,
        portrait: Any,
        expression: Any = None,
        motion: Any = None,
        time: float = 0.0,
        **values: Any,
    ) -> Any:
        from . import bridge
        from .expression_preview import driving_of, edited_frame
        from .packing import motion_of
        from .portraits import portrait_of

        sliders = added(expression_of(expression), sliders_of(values))
        taken = None if motion is None else motion_of(motion)
        value, options = portrait_of(portrait, model), driving_of(model.engine).options
        with bridge.at_work(model) as runtime:
            frame, mask = edited_frame(
                model, value, sliders, runtime, taken, options_from(options, values), time
            )
        image, masks = bridge.image_of(frame), mask[None].to(bridge.intermediate_device())
        shown = _preview(image, values.get("live_preview", False))
        return io.NodeOutput(expression_dict(sliders), image, masks, ui=shown)


def _preview(image: Tensor, is_live: bool) -> Any:
    """The picture in the node; very large ones are shown smaller while it must be quick."""
    from torch.nn.functional import interpolate

    from . import bridge

    scale = _LIVE_PX / max(image.shape[1:3])
    if is_live and scale < 1:
        small = interpolate(image.movedim(-1, 1), scale_factor=scale, mode="area")
        image = small.movedim(1, -1)
    return bridge.preview_ui(image)


class EditExpression(io.ComfyNode):
    """A picture edited by sliders, all in one node."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "EditExpression",
            "Edit Expression (smile, eyes, mouth)",
            "",
            "Changes the expression in a picture by sliders and shows it while they are moved. "
            "Works at once with the built-in engine; connect LivePortrait for the neural one.",
            [
                io.Image.Input("image", tooltip="A picture with a face; a batch is edited alike."),
                *slider_inputs(),
                _live_preview(),
                sockets.Model.Input(
                    "model",
                    optional=True,
                    tooltip="LivePortrait; without one the built-in engine, which needs no "
                    "download.",
                ),
                sockets.Faces.Input(
                    "faces",
                    optional=True,
                    tooltip="Which face, from Choose Face; without it the largest.",
                ),
                _base("Another expression that the sliders are added to."),
            ],
            [
                *_picture_outputs(),
                _expression_output("All that is changed, for the other nodes."),
            ],
            aliases=("expression", "face editor", "emotion", "smile", "gaze", "head pose"),
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        model: HostModel | None = None,
        faces: Any = None,
        expression: Any = None,
        **values: Any,
    ) -> Any:
        import torch

        from . import bridge
        from .expression_preview import edited_frame
        from .host_models import builtin

        model = model or builtin()
        sliders = added(expression_of(expression), sliders_of(values))
        with bridge.at_work(model) as runtime:
            portraits = _ready(image, model, faces, runtime)
            made = [edited_frame(model, each, sliders, runtime) for each in portraits]
        frames = bridge.image_of(torch.stack([frame for frame, _ in made]))
        masks = torch.stack([mask for _, mask in made]).to(bridge.intermediate_device())
        shown = _preview(frames, values.get("live_preview", False))
        return io.NodeOutput(frames, masks, expression_dict(sliders), ui=shown)


def _ready(image: Tensor, model: HostModel, faces: Any, runtime: Any) -> Any:
    """A prepared portrait of each picture; the same ones while the pictures stay."""
    from ..sadtalker_core.faces.options import FaceOptions
    from . import bridge
    from .expression_preview import READY, driving_of
    from .portrait import faces_that_move
    from .portraits import prepare

    driving_of(model.engine)  # says so before anything is looked for
    ready = READY.find(image, model, faces)
    if ready is None:
        pictures, who = bridge.pictures_of(image), FaceOptions()
        options = model.options
        frames = faces_that_move(model, image, pictures, faces, who, options, runtime)
        ready = [
            prepare(model, rgb, found, options, runtime) for rgb, found in zip(pictures, frames)
        ]
        READY.keep(ready, image, model, faces)
    return ready


class ExpressionKeyframes(io.ComfyNode):
    """An expression that changes over time."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "ExpressionKeyframes",
            "Expression Keyframes",
            "motion",
            "An expression over time: for each slider a number, or seconds:value pairs such as "
            "0:0, 1.5:10, 3:0. Empty leaves that part alone. Curves are smooth and do not "
            "overshoot.",
            [
                *option_inputs(ExpressionSliders),
                _base("Another expression that this one is added to."),
            ],
            [_expression_output("For Render, the editors and LivePortrait Keypoints.")],
            aliases=("animate expression", "timeline", "keyframe", "expression over time"),
        )

    @classmethod
    def validate_inputs(cls, **values: Any) -> bool | str:
        from .host_files import refusal

        # linked texts are not known yet
        known = {name: text for name, text in values.items() if text is not None}
        return refusal(lambda: _checked(options_from(ExpressionSliders, known)))

    @classmethod
    def execute(cls, expression: Any = None, **values: Any) -> Any:
        change = _checked(options_from(ExpressionSliders, values))
        return io.NodeOutput(expression_dict(added(expression_of(expression), change)))


def _checked(sliders: ExpressionSliders) -> ExpressionSliders:
    """Sliders whose texts can be read."""
    from ..sadtalker_core.geometry.keyframes import last_keyframe

    last_keyframe(sliders)
    return sliders


class RetargetEyesLips(io.ComfyNode):
    """How far eyes and lips stand open."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "RetargetEyesLips",
            "Retarget Eyes and Lips",
            "portrait",
            "Says how far eyes and lips stand open, as a part of their width: as numbers, or as "
            "far as another face's.",
            [
                sockets.Portrait.Input("portrait", tooltip="From Prepare Portrait."),
                *slider_inputs(*_OPENINGS),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=2.0,
                    step=0.01,
                    tooltip="How far on the way from the portrait's own openings: 0 keeps them.",
                ),
                sockets.Faces.Input(
                    "like",
                    optional=True,
                    tooltip="Another face whose openings are taken where a slider stands at its "
                    "left end.",
                ),
                _base("Another expression that this one is added to."),
            ],
            [
                _expression_output("For Render and the editors."),
                io.Float.Output(
                    "eyes", display_name="eyes", tooltip="How far the portrait's eyes are open."
                ),
                io.Float.Output(
                    "lips", display_name="lips", tooltip="How far the portrait's lips are open."
                ),
            ],
            aliases=("eye retargeting", "lip retargeting", "open eyes", "close mouth"),
        )

    @classmethod
    def execute(
        cls,
        portrait: Any,
        eyes_open_ratio: float,
        lip_open_ratio: float,
        strength: float,
        like: Any = None,
        expression: Any = None,
    ) -> Any:
        from .face_openings import openings_like, openings_of

        own = openings_of(portrait)
        others = openings_like(like)
        given = (eyes_open_ratio, lip_open_ratio)
        targets = [mine if mine >= 0 else other for mine, other in zip(given, others)]
        wanted = {
            name: between(before, target, strength)
            for name, before, target in zip(_OPENINGS, own, targets)
            if target >= 0
        }
        change = ExpressionSliders.of(**wanted)
        return io.NodeOutput(expression_dict(added(expression_of(expression), change)), *own)


NODES = [
    EditExpression,
    ExpressionEditor,
    ExpressionKeyframes,
    RetargetEyesLips,
    *KEYPOINT_NODES,
]

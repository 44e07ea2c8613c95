"""LivePortrait's keypoints without its renderer: the node, and what it calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..sadtalker_core.errors import FaceIndexError, OptionError
from ..sadtalker_core.systems.liveportrait.config import LivePortraitDriveOptions
from . import sockets
from .expression_values import expression_of
from .host import io
from .schema import folded, fps_input, node_schema, option_inputs, options_from

if TYPE_CHECKING:
    from ..sadtalker_core.expression_sliders import ExpressionSliders
    from ..sadtalker_core.runtime import Runtime
    from ..sadtalker_core.structures import KeypointTrack
    from .host_models import HostModel
    from .packing import Motion
    from .portraits import PortraitValue


_DRIVER = ("driving_crop", "driving_crop_scale", "driving_crop_x", "driving_crop_y")


@dataclass(frozen=True)
class Wanted:
    """What of the motion is taken over, and what is added.

    Attributes:
        options: what is taken over of the motion.
        sliders: on top.
        stitching: fit the face to the shoulders.
        fps: frames per second where there is no motion.
        face: number of the face.
    """

    options: LivePortraitDriveOptions
    sliders: ExpressionSliders
    stitching: bool
    fps: float
    face: int


def track_of(
    model: HostModel,
    portrait: PortraitValue,
    motion: Motion | None,
    wanted: Wanted,
    runtime: Runtime,
) -> KeypointTrack:
    """Keypoints of one face of a portrait through the whole clip.

    Raises:
        OptionError: the model is not LivePortrait.
        FaceIndexError: the portrait has fewer faces.
    """
    from ..sadtalker_core.systems.liveportrait.pipeline import keypoint_tracks
    from .moving import fitted, keyframed_length, rate_of, tell

    if model.engine.id != "liveportrait":
        raise OptionError(f"{model.engine.title} has other keypoints; load LivePortrait.")
    prepared = portrait.prepared
    if wanted.face >= len(prepared.faces):
        raise FaceIndexError(
            f"face {wanted.face} was asked for, but the portrait moves {len(prepared.faces)}; "
            "they are numbered from 0."
        )
    one = replace(
        prepared,
        faces=prepared.faces[wanted.face : wanted.face + 1],
        options=replace(prepared.options, stitching=wanted.stitching),
    )
    rate = rate_of(wanted.fps)
    frames = keyframed_length(wanted.sliders, rate)
    notes: list[str] = []
    moves: Any = () if motion is None else (fitted(motion, portrait, notes),)
    tracks = keypoint_tracks(
        model.networks, one, moves, wanted.options, wanted.sliders, frames, rate, runtime
    )
    tell(notes, runtime)
    return tracks[0]


class LivePortraitKeypoints(io.ComfyNode):
    """Where LivePortrait's keypoints go."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "LivePortraitKeypoints",
            "LivePortrait Keypoints",
            "motion",
            "Turns motion and expression into the keypoints that LivePortrait renders, with "
            "stitching to the shoulders and retargeting, for Render Keypoints.",
            [
                sockets.Model.Input("model", tooltip="LivePortrait."),
                sockets.Portrait.Input("portrait", tooltip="From Prepare Portrait or Video."),
                io.Boolean.Input(
                    "stitching", default=True, tooltip="Fit the moved face to the shoulders."
                ),
                *option_inputs(LivePortraitDriveOptions, without=_DRIVER),
                folded(
                    io.Int.Input(
                        "face",
                        default=0,
                        min=0,
                        max=99,
                        tooltip="Which of the portrait's faces, where several move.",
                    )
                ),
                fps_input(),
                sockets.Motion.Input(
                    "motion",
                    optional=True,
                    tooltip="LivePortrait's motion; without it the expression alone, until its "
                    "last keyframe.",
                ),
                sockets.Expression.Input(
                    "expression", optional=True, tooltip="Sliders on top of the motion."
                ),
            ],
            [
                sockets.Keypoints.Output(
                    "keypoints",
                    display_name="keypoints",
                    tooltip="Source and driving keypoints of every frame.",
                )
            ],
            aliases=("stitching", "retargeting", "implicit keypoints", "live portrait"),
        )

    @classmethod
    def execute(
        cls,
        model: HostModel,
        portrait: Any,
        stitching: bool,
        fps: float,
        face: int = 0,
        motion: Any = None,
        expression: Any = None,
        **values: Any,
    ) -> Any:
        from . import bridge
        from .packing import motion_of
        from .portraits import portrait_of

        options = options_from(LivePortraitDriveOptions, values)
        wanted = Wanted(options, expression_of(expression), stitching, fps, face)
        moved = None if motion is None else motion_of(motion)
        with bridge.at_work(model) as runtime:
            track = track_of(model, portrait_of(portrait, model), moved, wanted, runtime)
        return io.NodeOutput(track.to_dict())


NODES = [LivePortraitKeypoints]

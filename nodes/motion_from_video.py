"""Motion of somebody in a video, for any engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.faces.options import FaceOptions
from . import sockets
from .host import io
from .motion_values import frames_output, motion_output, result
from .portraits import portrait_of
from .sadtalker import model_input as sadtalker_input
from .sadtalker import portrait_input, sadtalker_portrait
from .schema import folded, fps_input, node_schema, option_inputs, options_from

if TYPE_CHECKING:
    from ..sadtalker_core.motion_request import ReferenceVideo
    from ..sadtalker_core.runtime import Runtime
    from .host_models import HostModel
    from .packing import Motion

_WHERE = "audio"
_READ_BUILTIN = ("neutral", "steady", "mirror")
_WHO = ("face_select", "face_index", "face_point", "detection_threshold")


def video_inputs(what: str) -> list[Any]:
    """A VIDEO, or pictures with their rate."""
    fps = fps_input()
    fps.tooltip = f"Of pictures; a video has its own. {fps.tooltip}"
    return [
        fps,
        io.Video.Input("video", optional=True, tooltip=f"{what} Connect this or pictures."),
        io.Image.Input("images", optional=True, tooltip=f"{what} As pictures in a batch."),
    ]


def _read_options() -> list[Any]:
    """How each engine reads a driver; marked where it is one engine's."""
    from ..sadtalker_core.systems.lite.config import LiteDriveOptions
    from ..sadtalker_core.systems.liveportrait.config import LivePortraitDriverOptions

    own = option_inputs(LiteDriveOptions, only=_READ_BUILTIN)
    theirs = option_inputs(LivePortraitDriverOptions)
    for mark, entries in (("Built-in engine only.", own), ("LivePortrait only.", theirs)):
        for entry in entries:
            entry.tooltip = f"{mark} {entry.tooltip}"
    return [folded(entry) for entry in (*own, *theirs)]


class MotionFromVideo(io.ComfyNode):
    """The motion of whoever is in a video."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "MotionFromVideo",
            "Motion from Video",
            _WHERE,
            "Reads how somebody moves in a video, in the engine's own terms: drive any portrait "
            "with it, edit it, save it. LivePortrait also takes one picture. How strongly each "
            "part moves is set afterwards with Gain Motion.",
            [
                sockets.Model.Input("model", tooltip="The engine that the motion is for."),
                *[folded(entry) for entry in option_inputs(FaceOptions, only=_WHO)],
                *_read_options(),
                *video_inputs("Somebody who moves."),
                sockets.Portrait.Input(
                    "portrait",
                    optional=True,
                    tooltip="SadTalker only, and needed there: whom the motion is for.",
                ),
            ],
            [
                motion_output("What was seen, frame by frame."),
                frames_output(),
                io.Float.Output("fps_out", display_name="fps", tooltip="Its frames per second."),
            ],
            aliases=("driving video", "motion capture", "liveportrait", "drive", "face tracking"),
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        fps: float,
        video: Any = None,
        images: Any = None,
        portrait: Any = None,
        **values: Any,
    ) -> Any:
        from .bridge import at_work
        from .media import reference_of

        reference = reference_of(video, images, fps)
        with at_work(model) as runtime:
            if model.engine.driving is None:
                motion = _of_sadtalker(model, portrait, reference, runtime)
            else:
                motion = _driven(model, reference, values, runtime)
        return result(motion, len(motion), float(motion.fps))


def _driven(
    model: HostModel, video: ReferenceVideo, values: dict[str, Any], runtime: Runtime
) -> Motion:
    driving = model.engine.driving
    assert driving is not None
    if not driving.reads_pictures and _is_one_picture(video):
        raise OptionError(
            f"{model.engine.title} needs a video, where the driver's face at rest can be seen; "
            "LivePortrait takes pictures too."
        )
    options = options_from(driving.options, values)
    face = options_from(FaceOptions, values)
    return driving.read(model.networks, video, face, options, runtime)


def _is_one_picture(video: ReferenceVideo) -> bool:
    frames = 0
    for chunk in video.open():
        frames += len(chunk)
        if frames > 1:
            return False
    return True


def _of_sadtalker(
    model: HostModel, portrait: Any, video: ReferenceVideo, runtime: Runtime
) -> Motion:
    import torch

    from ..sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions
    from ..sadtalker_core.systems.sadtalker.motion import motion_from_video
    from ..sadtalker_core.systems.sadtalker.pipeline import read_video

    if portrait is None:
        raise OptionError(
            "SadTalker's motion is for one portrait: connect the PORTRAIT that Prepare Portrait "
            "gives."
        )
    prepared = portrait_of(portrait, model).prepared
    with torch.inference_mode():
        seen = read_video(model.networks, prepared, video, runtime)
        return motion_from_video(seen, prepared.source.coeff, SadTalkerMotionOptions(), runtime)


class ReferencePoseAndBlink(io.ComfyNode):
    """What SadTalker borrows of a video."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "ReferencePoseAndBlink",
            "Reference Pose and Blink (SadTalker)",
            _WHERE,
            "Head motion and blinks of a video for SadTalker's networks: the pose for Head Pose's "
            "reference, the blink for Expression's blink socket. Shorter videos are looped.",
            [
                sadtalker_input(),
                portrait_input(),
                *video_inputs("Somebody whose head moves or whose eyes blink."),
            ],
            [
                motion_output("The head, with the portrait's expression.", "pose"),
                motion_output("The expression, with the portrait's head pose.", "blink"),
            ],
            aliases=("sadtalker", "ref pose", "ref eyeblink", "reference video"),
        )

    @classmethod
    def execute(
        cls, model: Any, portrait: Any, fps: float, video: Any = None, images: Any = None
    ) -> Any:
        from ..sadtalker_core.structures import Coeff3DMM
        from ..sadtalker_core.systems.sadtalker.pipeline import read_video
        from ..sadtalker_core.transfer.motion_combine import combined
        from .bridge import at_work
        from .media import reference_of

        value, reference = sadtalker_portrait(model, portrait), reference_of(video, images, fps)
        with at_work(model) as runtime:
            seen = read_video(model.networks, value.prepared, reference, runtime)
            rows = value.prepared.source.coeff.to(runtime.device).expand(len(seen), -1)
            still = Coeff3DMM.from_rows(rows, seen.fps)
            pose = combined(still, {"head": seen})
            blink = combined(still, {"face": seen})
        return io.NodeOutput(pose.to_dict(), blink.to_dict())


NODES = [MotionFromVideo, ReferencePoseAndBlink]

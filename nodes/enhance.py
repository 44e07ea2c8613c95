"""Nodes that restore faces and enlarge what is around them, in videos and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sadtalker_core.faces.options import FaceOptions
from . import sockets
from .host import io
from .schema import folded, fps_input, node_schema, option_inputs
from .video_files import file_inputs, prefix_input

if TYPE_CHECKING:
    from torch import Tensor

_WHERE = "enhance"
_LOADED = ("enhancer", "enhance_way", "fidelity", "upscaler")  # the load node has them
_LOOK = ("face_search", "detection_threshold")


def _enhancer_input() -> Any:
    return sockets.Enhancer.Input("enhancer", tooltip="From Load Face Enhancer.")


def _how_inputs() -> list[Any]:
    from ..sadtalker_core.enhance.options import EnhanceOptions

    return option_inputs(EnhanceOptions, without=_LOADED)


def _more_inputs() -> list[Any]:
    return [
        *(folded(entry) for entry in option_inputs(FaceOptions, only=_LOOK)),
        io.UpscaleModel.Input(
            "upscale_model",
            optional=True,
            tooltip="Enlarges what is around the faces, from Load Upscale Model. Without one "
            "Lanczos does it.",
        ),
    ]


def _report_output() -> Any:
    return io.String.Output(
        "report", display_name="report", tooltip="In how many pictures faces were restored."
    )


class EnhanceVideo(io.ComfyNode):
    """A video with better faces, straight into a file."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "EnhanceVideo",
            "Enhance Faces in Video",
            _WHERE,
            "Restores the faces of a video, calmly from frame to frame, and enlarges it if asked. "
            "The result is a video in the output folder with the sound of the old one; memory "
            "stays the same for hours.",
            [
                _enhancer_input(),
                io.Video.Input("video", tooltip="The video; it is streamed."),
                *_how_inputs(),
                prefix_input("video/enhanced"),
                *_more_inputs(),
                *file_inputs(),
            ],
            [
                io.Video.Output(
                    "enhanced", display_name="video", tooltip="The file, for other video nodes."
                ),
                _report_output(),
            ],
            aliases=("gfpgan", "codeformer", "face restore", "upscale video", "restore", "sharpen"),
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(cls, enhancer: Any, video: Any, upscale_model: Any = None, **values: Any) -> Any:
        from ..sadtalker_core.jobs.steps import label
        from .bridge import at_work
        from .media import counted_video, video_of, video_sound
        from .restoring import report_text, restoring
        from .video_files import save_frames, shown_videos

        with at_work(enhancer, shows_frames=False) as runtime:
            stream = counted_video(video, None, 0.0, runtime).stream()
            sound = video_sound(video, runtime)
            with restoring(enhancer, upscale_model, values, runtime) as work:
                done, name = work.applied(stream), label(enhancer.engine.id)
                saved = save_frames(done.frames, sound, name, values, cls.hidden, runtime)
            report = report_text(done, runtime)
        return io.NodeOutput(video_of(saved.path), report, ui=shown_videos([saved]))


class EnhanceFrames(io.ComfyNode):
    """Pictures with better faces."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "EnhanceFrames",
            "Enhance Faces in Images",
            _WHERE,
            "Restores the faces of pictures, or of a video's frames calmly from one to the next, "
            "and enlarges them if asked. Parts without a face keep every pixel.",
            [
                _enhancer_input(),
                io.Image.Input("images", tooltip="Pictures, or the frames of a video."),
                *_how_inputs(),
                io.Boolean.Input(
                    "is_video",
                    default=True,
                    tooltip="The pictures are the frames of one video. Off: each is a picture by "
                    "itself.",
                ),
                folded(fps_input()),
                *_more_inputs(),
            ],
            [
                io.Image.Output("enhanced", display_name="images", tooltip="The same, restored."),
                _report_output(),
            ],
            aliases=("gfpgan", "codeformer", "face restore", "facerestore", "restore", "upscale"),
        )

    @classmethod
    def execute(
        cls,
        enhancer: Any,
        images: Tensor,
        is_video: bool,
        fps: float,
        upscale_model: Any = None,
        **values: Any,
    ) -> Any:
        from .bridge import at_work, collect
        from .media import counted_video
        from .restoring import report_text, restoring

        with at_work(enhancer) as runtime:
            source = counted_video(None, images, fps, runtime)
            with restoring(enhancer, upscale_model, values, runtime) as work:
                done = work.applied(source.stream()) if is_video else work.one_by_one(source)
                frames = collect(done.frames, runtime)
            report = report_text(done, runtime)
        return io.NodeOutput(frames, report)


NODES = [EnhanceVideo, EnhanceFrames]

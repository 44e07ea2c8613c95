"""The node that renders straight into a file."""

from __future__ import annotations

from typing import Any

from . import sockets
from .host import io
from .render import model_input, motion_inputs, portrait_input, taken_over_inputs
from .schema import folded, fps_input, node_schema, option_inputs, seed_input
from .video_files import file_inputs, prefix_input

# Options of motion from speech that more than one engine has.
SPEECH = ("expression_scale", "pose_style", "pose_scale", "still", "yaw", "pitch", "roll", "blink")


def speech_inputs(names: tuple[str, ...] = SPEECH) -> list[Any]:
    """How sound becomes motion, folded away."""
    from ..sadtalker_core.systems.lite.config import LiteMotionOptions

    return [folded(entry) for entry in option_inputs(LiteMotionOptions, only=names)]


class RenderVideo(io.ComfyNode):
    """Motion or sound to a video file."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "RenderVideo",
            "Render Talking Video",
            "render",
            "Renders a portrait straight into a video file in the output folder, while memory "
            "stays the same for hours of sound. Give a motion, or sound alone: then the motion is "
            "made here.",
            [
                model_input(),
                portrait_input(),
                sockets.sound_input(
                    "audio",
                    optional=True,
                    tooltip="Sound of the video. Where no motion is connected the portrait speaks "
                    "it. For hours take Load Sound, which keeps it in its file.",
                ),
                *motion_inputs(),
                prefix_input(),
                seed_input(),
                fps_input(),
                *speech_inputs(),
                *taken_over_inputs(),
                *file_inputs(),
            ],
            [
                io.Video.Output(
                    "video", display_name="video", tooltip="The file, for other video nodes."
                )
            ],
            aliases=("save video", "stream", "long video", "talking head", "lip sync"),
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        portrait: Any,
        seed: int,
        fps: float,
        audio: Any = None,
        motion: Any = None,
        motion_2: Any = None,
        motion_3: Any = None,
        expression: Any = None,
        **values: Any,
    ) -> Any:
        from .bridge import at_work
        from .media import video_of
        from .portraits import portrait_of
        from .video_files import shown_videos
        from .videos import Scene, render_video

        value = portrait_of(portrait, model)
        scene = Scene(value, (motion, motion_2, motion_3), audio, expression, fps)
        with at_work(model, seed=seed, shows_frames=False) as runtime:
            saved = render_video(model, scene, values, cls.hidden, runtime)
        return io.NodeOutput(video_of(saved.path), ui=shown_videos([saved]))


NODES = [RenderVideo]

"""Nodes that do the whole job: connect a picture and a sound, or a driver, and queue."""

from __future__ import annotations

from typing import Any

from . import sockets
from .host import io
from .render import TAKEN_OVER
from .schema import folded, fps_input, node_schema, option_inputs, seed_input
from .video_files import file_inputs, prefix_input

_SHOWN_SPEECH = ("expression_scale", "pose_scale", "blink")
_FRAMING = ("frame", "frame_size")
_STRENGTHS = ("region", "multiplier", "pose")
_LOOK = ("face_select", "face_index", "face_search", "detection_threshold")


def _model_input() -> Any:
    return sockets.Model.Input(
        "model",
        optional=True,
        tooltip="The engine, from a load node. Without one the built-in engine does it, which "
        "needs no download.",
    )


def _face_inputs() -> list[Any]:
    from ..sadtalker_core.faces.options import FaceOptions

    return [folded(entry) for entry in option_inputs(FaceOptions, only=_LOOK)]


def _framing_inputs() -> list[Any]:
    from ..sadtalker_core.systems.lite.config import LiteRenderOptions

    made = option_inputs(LiteRenderOptions, only=_FRAMING)
    for entry in made:
        entry.tooltip = f"Built-in engine: {entry.tooltip}"
    return [folded(entry) for entry in made]


def _video_output() -> Any:
    return io.Video.Output(
        "video",
        display_name="video",
        tooltip="The files, one for each picture.",
        is_output_list=True,
    )


class TalkingPortrait(io.ComfyNode):
    """A picture and a sound become a talking video."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.lite.config import LiteMotionOptions

        speech = option_inputs(LiteMotionOptions)
        shown = [entry for entry in speech if entry.id in _SHOWN_SPEECH]
        rest = [folded(entry) for entry in speech if entry.id not in _SHOWN_SPEECH]
        return node_schema(
            "TalkingPortrait",
            "Talking Portrait (lip sync)",
            "",
            "A picture and a sound become a talking video in the output folder: mouth, eyes and "
            "head move with the voice. Several pictures give a video each.",
            [
                io.Image.Input("image", tooltip="One or more pictures with a face."),
                sockets.sound_input(
                    "audio",
                    tooltip="What is said. For hours take our Load Sound, which keeps it in its "
                    "file.",
                ),
                _model_input(),
                *shown,
                seed_input(),
                prefix_input(),
                *rest,
                *_framing_inputs(),
                *_face_inputs(),
                folded(fps_input()),
                *file_inputs(),
            ],
            [_video_output()],
            aliases=("talking head", "lip sync", "sadtalker", "avatar", "speech to video"),
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(
        cls, image: Any, audio: Any, seed: int, fps: float, model: Any = None, **values: Any
    ) -> Any:
        from .bridge import at_work
        from .host_models import builtin
        from .jobs import prepared_pictures
        from .video_files import shown_videos
        from .videos import Scene, render_video

        model, saved = model or builtin(), []
        with at_work(model, seed=seed, shows_frames=False) as runtime:
            for value in prepared_pictures(model, image, values, runtime):
                scene = Scene(value, (), audio, None, fps)
                saved.append(render_video(model, scene, values, cls.hidden, runtime))
        return _result(saved, shown_videos)


class DrivePortrait(io.ComfyNode):
    """Somebody's video moves a portrait."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.liveportrait.config import LivePortraitDriveOptions

        taken = option_inputs(LivePortraitDriveOptions)
        shown = [entry for entry in taken if entry.id in _STRENGTHS]
        rest = [folded(entry) for entry in taken if entry.id not in _STRENGTHS]
        for entry in rest:
            if entry.id not in _BOTH:
                entry.tooltip = f"LivePortrait only. {entry.tooltip}"
        return node_schema(
            "DrivePortrait",
            "Drive Portrait (by video)",
            "",
            "Somebody's video moves a portrait: a picture, or the face in another video. The "
            "result is a video in the output folder with the driver's sound.",
            [
                io.MultiType.Input(
                    "portrait",
                    [io.Image, io.Video],
                    tooltip="Who moves: one or more pictures, or a video each of whose frames is "
                    "moved.",
                ),
                io.MultiType.Input(
                    "driving",
                    [io.Video, io.Image],
                    tooltip="Whose motion it is: a video, its frames, or for LivePortrait one "
                    "picture.",
                ),
                _model_input(),
                *shown,
                io.Combo.Input(
                    "sound",
                    options=["driving", "portrait", "none"],
                    default="driving",
                    tooltip="Whose sound the video has.",
                ),
                prefix_input("video/driven_portrait"),
                *rest,
                *_lite_driver_inputs(),
                *_framing_inputs(),
                *_face_inputs(),
                folded(fps_input()),
                *file_inputs(),
            ],
            [_video_output()],
            aliases=("liveportrait", "video to video", "expression transfer", "puppet"),
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(
        cls,
        portrait: Any,
        driving: Any,
        sound: str,
        fps: float,
        model: Any = None,
        **values: Any,
    ) -> Any:
        from .bridge import at_work
        from .host_models import builtin
        from .jobs import drive_portraits
        from .video_files import shown_videos

        model = model or builtin()
        with at_work(model, shows_frames=False) as runtime:
            saved = drive_portraits(
                model, portrait, driving, sound, fps, values, cls.hidden, runtime
            )
        return _result(saved, shown_videos)


def _lite_driver_inputs() -> list[Any]:
    from ..sadtalker_core.systems.lite.config import LiteDriveOptions

    made = option_inputs(LiteDriveOptions, only=("neutral", "steady", "mirror"))
    for entry in made:
        entry.tooltip = f"Built-in engine: {entry.tooltip}"
    return [folded(entry) for entry in made]


_BOTH = (*TAKEN_OVER, "eyes", "brows", "lips", "jaw", "pose", "scale")


def _result(saved: list[Any], shown_videos: Any) -> Any:
    from .media import video_of

    return io.NodeOutput([video_of(video.path) for video in saved], ui=shown_videos(saved))


NODES = [TalkingPortrait, DrivePortrait]

"""Nodes that give a video new lips: dubbing into a file or as frames, and settings of engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sadtalker_core.faces.options import FaceOptions
from ..sadtalker_core.media.options import REPEATS
from . import sockets
from .host import io
from .lip_settings import NETWORKS, lip_settings
from .motion_values import texts_refusal
from .schema import NOT_SET, folded, fps_input, node_schema, option_inputs, options_from
from .video_files import file_inputs, prefix_input

if TYPE_CHECKING:
    from torch import Tensor

_WHERE = "lips"
_SHOWN_BUILTIN = ("expression_scale", "smile", "audio_offset_ms")
_WHO = ("face_select", "face_index", "face_point", "face_search", "detection_threshold")


def _shown_input() -> Any:
    return io.MultiType.Input(
        "video",
        [io.Video, io.Image],
        tooltip="Whose lips are to move: a video, which is streamed, its frames, or one picture, "
        "which is shown throughout.",
    )


def _inputs(*after_shown: Any) -> list[Any]:
    """What is dubbed, by whom, and how."""
    return [
        _shown_input(),
        sockets.sound_input(
            "audio",
            tooltip="What is to be said. For hours take our Load Sound, which keeps it in its "
            "file.",
        ),
        sockets.Lips.Input(
            "lips",
            optional=True,
            tooltip="Who makes the lips: Load VideoReTalking or Load Wav2Lip. Without one the "
            "built-in engine does it, which needs no download.",
        ),
        sockets.LipSettings.Input(
            "settings",
            optional=True,
            tooltip="Expression, emotion and place of the face, from the settings node of the same "
            "engine.",
        ),
        sockets.Faces.Input(
            "faces",
            optional=True,
            tooltip="Who speaks, from Choose Face: the first of these faces. Without it the "
            "options below say who.",
        ),
        *after_shown,
        *_time_inputs(),
        *_who_inputs(),
        *_builtin_inputs(),
        _rate_input(),
    ]


def _rate_input() -> Any:
    fps = fps_input()
    fps.tooltip = f"Of pictures; a video has its own. {fps.tooltip}"
    return folded(fps)


def _time_inputs() -> list[Any]:
    return [
        io.Combo.Input(
            "repeat",
            options=list(REPEATS),
            default="ping-pong",
            tooltip="What a sound that is longer than the video goes on with: the video backward "
            "and forward (ping-pong), again from its start (loop), its last frame (hold), or "
            "nothing, and the sound is cut (trim).",
        ),
        io.Boolean.Input(
            "keep_rest",
            default=False,
            tooltip="Keep what is left of the video when the sound ends, in silence with closed "
            "lips; else the video ends with the sound.",
        ),
    ]


def _who_inputs() -> list[Any]:
    number = io.Int.Input(
        "who",
        default=NOT_SET,
        min=NOT_SET,
        max=999,
        tooltip="Which of several faces speaks: its number in the first frame that shows so many, "
        f"0 is the largest there. {NOT_SET} leaves it to face_select.",
    )
    return [number, *(folded(entry) for entry in option_inputs(FaceOptions, only=_WHO))]


def _builtin_inputs() -> list[Any]:
    from ..sadtalker_core.systems.lite.config import LiteRelipOptions

    made = option_inputs(LiteRelipOptions)
    for entry in made:
        entry.tooltip = f"Built-in engine: {entry.tooltip}"
    return [entry if entry.id in _SHOWN_BUILTIN else folded(entry) for entry in made]


def _report_output() -> Any:
    return io.String.Output(
        "report",
        display_name="report",
        tooltip="How many frames show the face, which do not, and what else is to be known.",
    )


class RelipVideo(io.ComfyNode):
    """A video says something else, straight into a file."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "RelipVideo",
            "Dub Video (new lips)",
            "",
            "A video says something else: its lips follow another sound, all else stays as it was "
            "filmed. The result is a video in the output folder; memory stays the same for hours.",
            [*_inputs(prefix_input("video/dubbed")), *file_inputs()],
            [
                io.Video.Output(
                    "dubbed", display_name="video", tooltip="The file, for other video nodes."
                ),
                _report_output(),
            ],
            aliases=("lip sync", "wav2lip", "videoretalking", "video retalking", "dubbing", "relip")
            + ("translate video", "latentsync"),
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def execute(
        cls,
        video: Any,
        audio: Any,
        fps: float,
        lips: Any = None,
        settings: Any = None,
        faces: Any = None,
        **values: Any,
    ) -> Any:
        from ..sadtalker_core.jobs.steps import label
        from .bridge import at_work
        from .dubbing import Scene, dubbed
        from .lip_models import builtin_lips
        from .media import video_of
        from .video_files import save_frames, shown_videos

        model = lips or builtin_lips()
        with at_work(model, shows_frames=False) as runtime:
            scene = Scene(video, audio, faces, settings, fps)
            work = dubbed(model, scene, values, runtime)
            name = label(model.engine.id)
            saved = save_frames(work.stream, work.sound, name, values, cls.hidden, runtime)
            report = work.report(runtime)
        return io.NodeOutput(video_of(saved.path), report, ui=shown_videos([saved]))


class RelipFrames(io.ComfyNode):
    """The same as frames for other nodes."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "RelipFrames",
            "Dub Frames (new lips)",
            _WHERE,
            "The same as Dub Video, as frames for every node that takes pictures. All frames are "
            "held in memory: for more than a minute take Dub Video.",
            _inputs(),
            [
                io.Image.Output(
                    "frames", display_name="frames", tooltip="The frames, one picture for each."
                ),
                io.Audio.Output(
                    "speech",
                    display_name="audio",
                    tooltip="The sound, no longer than the frames, for Create Video.",
                ),
                io.Float.Output(
                    "rate", display_name="fps", tooltip="Frames per second, for Create Video."
                ),
                _report_output(),
            ],
            aliases=("lip sync", "wav2lip", "videoretalking", "dubbing", "relip"),
        )

    @classmethod
    def execute(
        cls,
        video: Any,
        audio: Any,
        fps: float,
        lips: Any = None,
        settings: Any = None,
        faces: Any = None,
        **values: Any,
    ) -> Any:
        from .bridge import at_work, collect
        from .dubbing import Scene, dubbed
        from .lip_models import builtin_lips

        model = lips or builtin_lips()
        with at_work(model) as runtime:
            scene = Scene(video, audio, faces, settings, fps)
            work = dubbed(model, scene, values, runtime)
            frames = collect(work.stream, runtime)
            report = work.report(runtime)
        return io.NodeOutput(frames, work.audio(), float(work.stream.fps), report)


def _settings_output() -> Any:
    return sockets.LipSettings.Output(
        "settings", display_name="settings", tooltip="For Dub Video and Dub Frames."
    )


class VideoReTalkingSettings(io.ComfyNode):
    """Expression, emotion and place for VideoReTalking."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.videoretalking.config import TEMPLATES, VideoReTalkingOptions

        return node_schema(
            "VideoReTalkingSettings",
            "VideoReTalking Settings (expression, emotion)",
            _WHERE,
            "How VideoReTalking draws: the expression that a face is given before its lips move, "
            "an emotion of eyes and brows, the room around the face, blending.",
            [
                io.Combo.Input(
                    "exp_img",
                    options=list(TEMPLATES),
                    default=TEMPLATES[0],
                    tooltip="The expression that the face's reference is given before its lips are "
                    "drawn. A picture at like takes its place.",
                ),
                *option_inputs(VideoReTalkingOptions, without=("exp_img", *NETWORKS)),
                io.Image.Input(
                    "like",
                    optional=True,
                    tooltip="A picture of a face whose expression is taken instead.",
                ),
            ],
            [_settings_output()],
            aliases=("emotion", "expression", "smile", "angry", "sad", "surprise", "retalking"),
        )

    @classmethod
    def validate_inputs(cls, box: str | None = None, crop: str | None = None) -> bool | str:
        from ..sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions

        return texts_refusal(VideoReTalkingOptions, box=box, crop=crop)

    @classmethod
    def execute(cls, like: Tensor | None = None, **values: Any) -> Any:
        from ..sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
        from .bridge import picture_of

        options = options_from(VideoReTalkingOptions, values)
        picture = None if like is None else picture_of(like).cpu()
        return io.NodeOutput(lip_settings("videoretalking", options, picture))


class Wav2LipSettings(io.ComfyNode):
    """Place of the face and paste for Wav2Lip."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.wav2lip.config import Wav2LipOptions

        return node_schema(
            "Wav2LipSettings",
            "Wav2Lip Settings",
            _WHERE,
            "How Wav2Lip paints: the room around the face, steadiness, and how the lower face is "
            "put back.",
            option_inputs(Wav2LipOptions, without=NETWORKS),
            [_settings_output()],
            aliases=("pads", "padding", "box", "lip sync"),
        )

    @classmethod
    def validate_inputs(cls, box: str | None = None) -> bool | str:
        from ..sadtalker_core.systems.wav2lip.config import Wav2LipOptions

        return texts_refusal(Wav2LipOptions, box=box)

    @classmethod
    def execute(cls, **values: Any) -> Any:
        from ..sadtalker_core.systems.wav2lip.config import Wav2LipOptions

        return io.NodeOutput(lip_settings("wav2lip", options_from(Wav2LipOptions, values)))


NODES = [RelipVideo, RelipFrames, VideoReTalkingSettings, Wav2LipSettings]

"""Nodes from sound to motion: the built-in engine's, and lists of the other engines' nodes."""

from __future__ import annotations

from typing import Any

from . import sockets
from .host import io
from .motion_from_video import NODES as VIDEO_NODES
from .motion_values import (
    frames_output,
    heard,
    motion_output,
    result,
    seconds_input,
    seconds_of,
    speech_request,
    texts_refusal,
)
from .sadtalker import NODES as SADTALKER_NODES
from .schema import fps_input, node_schema, option_inputs, options_from, seed_input

_WHERE = "audio"
_SOUNDS = (
    *(".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".wma"),
    *(".mp4", ".mov", ".mkv", ".webm", ".avi"),
)


class LoadSound(io.ComfyNode):
    """A sound file that stays a file."""

    @classmethod
    def define_schema(cls) -> Any:
        from .host_files import files_in

        return node_schema(
            "LoadSound",
            "Load Sound (streamed)",
            _WHERE,
            "A sound file, or the sound of a video, of any length: it is read while it is needed "
            "and never held in memory as a whole. For long speech; short sounds can come from "
            "Load Audio as well.",
            [
                io.Combo.Input(
                    "audio",
                    options=files_in(_SOUNDS),
                    tooltip="A file of the input folder: sound or video.",
                )
            ],
            [
                sockets.Sound.Output(
                    "sound", display_name="sound", tooltip="The file, for our sound sockets."
                ),
                io.Float.Output("seconds", display_name="seconds", tooltip="Its exact length."),
            ],
            aliases=("audio", "speech", "voice", "long audio", "stream", "load audio"),
        )

    @classmethod
    def execute(cls, audio: str) -> Any:
        from .bridge import at_work
        from .host_files import path_of
        from .media import sound_of

        value = {"type": "SoundFile", "version": 1, "path": str(path_of(audio))}
        with at_work() as runtime:
            sound = sound_of(value, runtime)
        assert sound is not None
        return io.NodeOutput(value, float(sound.duration_s))

    @classmethod
    def validate_inputs(cls, audio: str | None) -> bool | str:
        from .host_files import path_of, refusal

        # a linked name is not known yet
        return True if audio is None else refusal(lambda: path_of(audio))

    @classmethod
    def fingerprint_inputs(cls, audio: str | None) -> str:
        from .host_files import fingerprint, path_of

        return "" if audio is None else fingerprint(path_of(audio))


class SpeechMotion(io.ComfyNode):
    """Motion from speech by the built-in engine."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.lite.config import LiteMotionOptions

        return node_schema(
            "SpeechMotion",
            "Speech to Motion (lip sync, built-in)",
            _WHERE,
            "Mouth, eyes, brows and head from speech, by the built-in engine's own network: "
            "nothing to download. Moves portraits of the built-in engine and of LivePortrait.",
            [
                sockets.sound_input("audio", tooltip="Speech, of any length."),
                *option_inputs(LiteMotionOptions),
                fps_input(),
                seed_input(),
            ],
            [motion_output("Mouth, eyes, brows and head, frame by frame."), frames_output()],
            aliases=("lip sync", "audio driven", "talking head", "mouth", "voice to face"),
        )

    @classmethod
    def execute(cls, audio: Any, fps: float, seed: int, **values: Any) -> Any:
        from ..sadtalker_core.engines.speech import motion_of_speech
        from ..sadtalker_core.systems.lite.config import LiteMotionOptions
        from .bridge import at_work
        from .media import sound_of
        from .moving import rate_of

        options = options_from(LiteMotionOptions, values)
        with at_work(seed=seed) as runtime:
            sound = heard(sound_of(audio, runtime))
            motion = motion_of_speech(speech_request(sound, options, rate_of(fps)), runtime)
        return result(motion, len(motion))

    @classmethod
    def validate_inputs(
        cls, yaw: str | None = None, pitch: str | None = None, roll: str | None = None
    ) -> bool | str:
        from ..sadtalker_core.systems.lite.config import LiteMotionOptions

        return texts_refusal(LiteMotionOptions, yaw=yaw, pitch=pitch, roll=roll)


class IdleMotion(io.ComfyNode):
    """Motion of somebody who says nothing."""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.systems.lite.config import LiteMotionOptions

        heard_only = ("expression_scale", "closure", "audio_offset_ms", "speech_gate")
        return node_schema(
            "IdleMotion",
            "Idle Motion (built-in)",
            _WHERE,
            "Somebody who listens: breathing, blinks, looks and a little sway, mouth at rest.",
            [
                seconds_input("How long."),
                *option_inputs(LiteMotionOptions, without=heard_only),
                fps_input(),
                seed_input(),
            ],
            [motion_output("Eyes, brows and head, frame by frame."), frames_output()],
            aliases=("listening", "breathing", "blink", "silent", "waiting"),
        )

    @classmethod
    def execute(cls, seconds: float, fps: float, seed: int, **values: Any) -> Any:
        from ..sadtalker_core.engines.speech import motion_of_speech
        from ..sadtalker_core.motion_request import MotionRequest
        from ..sadtalker_core.systems.lite.config import LiteMotionOptions
        from .bridge import at_work
        from .moving import rate_of

        options = options_from(LiteMotionOptions, values)
        with at_work(seed=seed) as runtime:
            request = MotionRequest(options, seconds_of(seconds), rate_of(fps))
            motion = motion_of_speech(request, runtime)
        return result(motion, len(motion))

    @classmethod
    def validate_inputs(
        cls, yaw: str | None = None, pitch: str | None = None, roll: str | None = None
    ) -> bool | str:
        from ..sadtalker_core.systems.lite.config import LiteMotionOptions

        return texts_refusal(LiteMotionOptions, yaw=yaw, pitch=pitch, roll=roll)


NODES = [LoadSound, SpeechMotion, IdleMotion, *SADTALKER_NODES, *VIDEO_NODES]

"""A video that says something else: what the nodes for new lips do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..sadtalker_core.errors import NoFaceError, OptionError, WeightsError
from ..sadtalker_core.faces.options import FaceOptions
from ..sadtalker_core.motion_request import MotionRequest
from ..sadtalker_core.relip_request import Relipped, RelipReport, RelipVideo
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.structures import FrameStream, frames_for
from .lip_settings import settings_of
from .media import SoundInput, counted_video, sound_of
from .motion_values import heard
from .schema import NOT_SET, options_from

if TYPE_CHECKING:
    from .host_models import HostModel
    from .media import CountedVideo

_HEARD_HZ = 16000


@dataclass(frozen=True)
class Scene:
    """What sockets gave.

    Attributes:
        shown: VIDEO or IMAGE whose lips are to move.
        audio: AUDIO or PORTRAIT_SOUND: what is said.
        faces: ``PORTRAIT_FACES`` whose first face speaks, or None.
        settings: ``PORTRAIT_LIP_SETTINGS``, or None.
        fps: frames per second of an IMAGE.
    """

    shown: Any
    audio: Any
    faces: Any
    settings: Any
    fps: float


@dataclass
class Dubbed:
    """Frames with new lips, which are made while they are read.

    Attributes:
        stream: the frames.
        sound: what is said.
        seen: filled while frames are read.
        notes: sentences for the user.
        was_chosen: whether somebody said which face speaks.
    """

    stream: FrameStream
    sound: SoundInput
    seen: RelipReport
    notes: list[str] = field(default_factory=list[str])
    was_chosen: bool = False

    def report(self, runtime: Runtime) -> str:
        """What happened, when all frames have been read; shown in the running node too."""
        from .moving import tell

        sentences = [*self.notes, *_about_faces(self), *self.seen.notes]
        tell(sentences, runtime)
        count, rate = self.seen.frames, self.stream.fps
        head = f"{count} frames at {float(rate):g} per second, new lips in "
        return "\n".join([f"{head}{count - self.seen.frames_without_face}.", *sentences])

    def audio(self) -> dict[str, Any]:
        """Its sound as AUDIO, no longer than the frames."""
        from ..sadtalker_core.media.audio_in import ClipSource

        source = self.sound.source
        most = int(self.stream.length / self.stream.fps * source.sample_rate)
        if isinstance(source, ClipSource):
            samples = source.clip.samples[:, :most]
        else:
            chunks = _at_most(source.stream(source.sample_rate), most)
            samples = torch.cat(list(chunks))[None]
        return {"waveform": samples[None], "sample_rate": source.sample_rate}


def dubbed(model: HostModel, scene: Scene, values: Mapping[str, Any], runtime: Runtime) -> Dubbed:
    """New lips for a video.

    Args:
        model: which engine makes them.
        scene: the video, the sound, who speaks.
        values: the node's widgets.
        runtime: as ``bridge.at_work`` gives it.

    Raises:
        OptionError: settings of another engine, or what is connected does not fit together.
        MediaError: video or sound cannot be read, or there is nothing to hear.
        NoFaceError: nobody is there to speak; with some engines only at the end of the stream.
    """
    options, like = _options(model, scene.settings, values)
    is_picture = isinstance(scene.shown, Tensor)
    video, images = (None, scene.shown) if is_picture else (scene.shown, None)
    source = counted_video(video, images, scene.fps, runtime)
    face, who = _speaker(scene.faces, source.size, values)
    runtime.progress("listen", 0, 0)
    sound = sound_of(scene.audio, runtime)
    assert sound is not None
    notes: list[str] = []
    shown = _as_long_as(heard(sound), source, values, runtime, notes)
    speech = _speech(sound, options, shown)
    made = _relip(model, shown, face, who, speech, options, like, runtime)
    was_chosen = who is not None or face != FaceOptions(
        face_search=face.face_search, detection_threshold=face.detection_threshold
    )
    return Dubbed(_watched(made.frames, runtime), sound, made.report, notes, was_chosen)


def _options(
    model: HostModel, settings: Any, values: Mapping[str, Any]
) -> tuple[Any, Tensor | None]:
    """The engine's options, and the picture whose expression is taken."""
    engine, like = model.engine, None
    found: dict[str, Any] = dataclasses.asdict(model.options)
    if not engine.needs_download:
        found |= values
    if settings is not None:
        name, given, like = settings_of(settings)
        if name != engine.id:
            raise OptionError(
                f"these settings are for {name}, and the lips are made by {engine.title}; connect "
                "its own load node and settings."
            )
        found |= given
    options = options_from(engine.options, found)
    if getattr(options, "up_face", "original") != "original" and model.networks.emotion is None:
        raise WeightsError(_no_emotion(options.up_face))
    return options, like


def _no_emotion(wanted: str) -> str:
    from ..sadtalker_core.weights.published_retalking import EMOTION
    from .host_models import host_store
    from .missing_weights import missing_text

    return missing_text(f"The emotion {wanted}", [EMOTION], host_store())


def _speaker(
    faces: Any, size: tuple[int, int], values: Mapping[str, Any]
) -> tuple[FaceOptions, int | None]:
    options = options_from(FaceOptions, values)
    who = None if values["who"] == NOT_SET else int(values["who"])
    if faces is None:
        return options, who
    from .face_values import frames_of, size_of

    first = next((found[0] for found in frames_of(faces) if found), None)
    if first is None:
        raise NoFaceError("no face is among those that are connected; choose otherwise.")
    if size_of(faces) != size:
        raise OptionError(
            f"the faces were found in pictures of {size_of(faces)[1]}x{size_of(faces)[0]} pixels, "
            f"the video has {size[1]}x{size[0]}; connect the same video to both nodes."
        )
    x0, y0, x1, y1 = first.box_px.tolist()
    place = f"{(x0 + x1) / 2:.1f},{(y0 + y1) / 2:.1f}"
    return dataclasses.replace(options, face_index=None, face_point=place), None


def _as_long_as(
    sound: SoundInput,
    source: CountedVideo,
    values: Mapping[str, Any],
    runtime: Runtime,
    notes: list[str],
) -> RelipVideo:
    """The video repeated or cut to the sound's length."""
    from ..sadtalker_core.media.repeat import repeated_frames, repeated_video

    spoken, repeat = frames_for(sound.duration_s, source.fps), str(values["repeat"])
    length = spoken
    if repeat == "trim" and spoken > source.count:
        length = source.count
        notes.append("The sound is longer than the video and was cut; repeat says otherwise.")
    if values["keep_rest"]:
        length = max(length, source.count)
    if source.file is not None:
        return repeated_video(source.file, length, repeat, runtime.chunk)
    return repeated_frames(
        source.open, source.fps, source.count, source.size, length, repeat, runtime.chunk
    )


def _speech(sound: SoundInput, options: Any, shown: RelipVideo) -> MotionRequest:
    """What is said, no longer than what is shown."""
    duration_s = min(sound.duration_s, Fraction(shown.length) / shown.fps)
    samples = min(sound.sample_count(_HEARD_HZ), max(1, round(duration_s * _HEARD_HZ)))
    return MotionRequest(
        options=options,
        duration_s=duration_s,
        fps=shown.fps,
        open_sound=lambda: _at_most(sound.open(_HEARD_HZ), samples),
        samples=samples,
    )


def _at_most(chunks: Iterator[Tensor], samples: int) -> Iterator[Tensor]:
    for chunk in chunks:
        if samples <= 0:
            return
        yield chunk[:samples]
        samples -= len(chunk)


def _relip(
    model: HostModel,
    video: RelipVideo,
    face: FaceOptions,
    who: int | None,
    speech: MotionRequest,
    options: Any,
    like: Tensor | None,
    runtime: Runtime,
) -> Relipped:
    if like is None:
        return model.engine.relip(model.networks, video, face, who, speech, options, runtime)
    from ..sadtalker_core.systems.videoretalking.pipeline import relip

    return relip(model.networks, video, face, who, speech, options, runtime, like)


def _watched(stream: FrameStream, runtime: Runtime) -> FrameStream:
    import time

    from ..sadtalker_core.jobs.steps import watched

    return watched(stream, runtime, time.perf_counter(), [])


def _about_faces(work: Dubbed) -> list[str]:
    seen, rate = work.seen, work.stream.fps
    sentences: list[str] = []
    if seen.frames_without_face:
        sentences.append(seen.without_face(rate))
    if seen.faces_seen > 1 and not work.was_chosen:
        sentences.append(
            f"{seen.faces_seen} faces were found, the largest one speaks; who or face_select "
            "chooses another."
        )
    return sentences

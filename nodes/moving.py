"""From a portrait and what moves it to frames: what the nodes that render have in common."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.motion_request import MotionRequest, ReferenceVideo
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.structures import Coeff3DMM, FrameStream, frames_for
from .packing import Motion, motion_of

if TYPE_CHECKING:
    from torch import Tensor

    from ..sadtalker_core.expression_sliders import ExpressionSliders
    from .host_models import HostModel
    from .portraits import PortraitValue


def rate_of(fps: float) -> Fraction:
    """A number in a widget as an exact rate; 29.97 is 30000/1001."""
    from ..sadtalker_core.jobs.values import FPS_HIGH, FPS_LOW, parse_fps

    text = f"{fps:.6g}"
    return parse_fps(text) if FPS_LOW <= fps <= FPS_HIGH else Fraction(text)


def motions_for(
    value: PortraitValue, connected: Sequence[Any], runtime: Runtime, notes: list[str]
) -> list[Motion]:
    """The motions of a node's sockets, of the portrait's kind, at one rate, on its device.

    Args:
        value: the portrait that they will move.
        connected: what the sockets gave; None where nothing is connected.
        runtime: its device.
        notes: sentences for the user are added here.
    """
    motions = [
        fitted(motion_of(data), value, notes).to(runtime.device)
        for data in connected
        if data is not None
    ]
    return [at_rate(motion, motions[0].fps) for motion in motions]


def at_rate(motion: Motion, fps: Fraction) -> Motion:
    """The same motion at another rate; one frame stays one."""
    from ..sadtalker_core.jobs.motions import at_rate as retimed

    return retimed(motion, fps)


def fitted(motion: Motion, value: PortraitValue, notes: list[str]) -> Motion:
    """A motion as one that this portrait's engine understands: as much of it as can be handed over.

    Args:
        motion: of any engine.
        value: the portrait.
        notes: what was lost is added here.
    """
    engine = value.engine
    if isinstance(motion, engine.motion_type):
        return motion
    from ..sadtalker_core.transfer.borrowed import as_kind, hands_over_the_face, laid_over
    from ..sadtalker_core.transfer.expression_map import (
        expression_map_or_none,
        missing_map_sentence,
    )
    from .host_models import host_store

    if hands_over_the_face(motion, engine.motion_type):
        return as_kind(motion, engine.motion_type)
    found = expression_map_or_none(host_store().folders)
    if found is None:
        notes.append(
            f"The motion is of another engine than {engine.title}. "
            f"{missing_map_sentence(engine.title)}"
        )
    return laid_over(_at_rest(motion, value), motion, engine.source_pose(value.prepared), found)


def _at_rest(motion: Motion, value: PortraitValue) -> Motion:
    """The portrait as it is, of its engine's kind, as long as ``motion``."""
    from ..sadtalker_core.structures import LiteMotion
    from ..sadtalker_core.transfer.borrowed import as_kind

    source = value.engine.source_pose(value.prepared)
    if source is None:
        still = LiteMotion.rest(len(motion), motion.fps).to(motion.translation.device)
        return as_kind(still, value.engine.motion_type)
    rows = source.rows().expand(len(motion), -1)
    return Coeff3DMM.from_rows(rows.to(motion.translation.device), motion.fps)


def motion_of_sound(
    model: HostModel,
    value: PortraitValue,
    sound: Any,
    options: Any,
    fps: Fraction,
    runtime: Runtime,
) -> Motion:
    """Motion from speech, as the engine makes it, in frames that cover the whole sound.

    Args:
        model: the engine.
        value: the portrait.
        sound: ``media.SoundInput``.
        options: the engine's motion options.
        fps: that are wanted.
        runtime: seed, progress, cancel.

    Raises:
        MediaError: the sound is silent from start to end.
    """
    from .motion_values import heard, speech_request

    return _asked(model, value, speech_request(heard(sound), options, fps), runtime)


def motion_of_video(
    model: HostModel,
    value: PortraitValue,
    video: ReferenceVideo,
    frames: int,
    options: Any,
    runtime: Runtime,
) -> Motion:
    """The whole motion of a driving video for an engine that borrows motion."""
    request = MotionRequest(
        options=options, duration_s=frames / video.fps, fps=video.fps, whole=video
    )
    return _asked(model, value, request, runtime)


def _asked(
    model: HostModel, value: PortraitValue, request: MotionRequest, runtime: Runtime
) -> Motion:
    from ..sadtalker_core.transfer.motion_edit import retime

    runtime.progress("motion", 0, 0)
    prepared = value.prepared
    motion = model.engine.motion(model.networks, prepared, request, runtime)
    frames = frames_for(request.duration_s, request.fps)
    # An engine of one rate gives its own.
    return motion if motion.fps == request.fps else retime(motion, request.fps, frames)


def held(motions: Sequence[Motion], frames: int) -> list[Motion]:
    """The motions with their last frames held until ``frames``, where they end earlier."""
    from ..sadtalker_core.transfer.motion_edit import retime

    return [
        retime(motion, motion.fps, frames) if 1 < len(motion) < frames else motion
        for motion in motions
    ]


def frames_of(
    model: HostModel,
    value: PortraitValue,
    motions: Sequence[Motion],
    sliders: ExpressionSliders,
    options: Any,
    fps: Fraction,
    runtime: Runtime,
    is_driven: bool = False,
    late: Any = None,
) -> FrameStream:
    """Frames of a portrait or video that motions move, or sliders, or both.

    Args:
        model: the engine.
        value: the portrait.
        motions: of its kind; one for all faces, one for each, or none.
        sliders: changes on top.
        options: what is taken over of the motion: the engine's driving options, or None where it
            has none.
        fps: of a still picture that no motion moves; a video has its own, and motions follow it.
        runtime: device, chunk, progress, cancel, preview.
        is_driven: the motion was filmed: its strength is kept within what the engine can show.
        late: the engine's motion options, some of which count while frames are made (SadTalker's
            angles); None for their defaults.

    Raises:
        OptionError: nothing moves the portrait, or the engine has no sliders.
    """
    engine, driving = model.engine, model.engine.driving
    late = late or engine.motion_options()
    if driving is None or options is None:
        if not sliders.is_untouched:
            raise OptionError(
                f"{engine.title} has no expression sliders; LivePortrait and the built-in engine "
                "have."
            )
        if len(motions) != 1:
            raise OptionError(f"{engine.title} moves one face by one motion; connect a motion.")
        stream = engine.animate(model.networks, value.prepared, motions[0], late, runtime)
        return _watched(stream, runtime)
    if value.video is not None:  # each of its frames is moved
        fps = value.video.fps
        motions = [at_rate(motion, fps) for motion in motions]
    if not motions and sliders.is_untouched and value.video is None:
        raise OptionError("nothing moves the portrait; connect a motion, an expression or a sound.")
    is_plain = sliders.is_untouched and options == driving.options() and value.video is None
    if is_plain and len(motions) == 1 and not is_driven:
        stream = engine.animate(model.networks, value.prepared, motions[0], late, runtime)
    else:
        frames = _length(value, sliders, fps, runtime)
        stream = driving.animate(
            model.networks, value.prepared, motions, options, sliders, frames, fps, runtime
        )
    return _watched(stream, runtime)


def _length(
    value: PortraitValue, sliders: ExpressionSliders, fps: Fraction, runtime: Runtime
) -> int:
    """Frames where no motion says it: the video's own, else until the last keyframe is shown."""
    if value.video is None:
        return keyframed_length(sliders, fps)
    if hasattr(value.prepared, "__len__"):
        return len(value.prepared)
    return frames_in(value.video, runtime)


def keyframed_length(sliders: ExpressionSliders, fps: Fraction) -> int:
    """Frames until the last keyframe is shown; 1 without keyframes."""
    from ..sadtalker_core.geometry.keyframes import last_keyframe

    seconds = last_keyframe(sliders)
    return 1 if seconds == 0 else frames_for(Fraction(str(seconds)), fps) + 1


def frames_in(video: ReferenceVideo, runtime: Runtime) -> int:
    """Frames of a video, counted by reading it once."""
    count = 0
    for chunk in video.open():
        runtime.check_cancelled()
        count += len(chunk)
    return count


def _watched(stream: FrameStream, runtime: Runtime) -> FrameStream:
    from ..sadtalker_core.jobs.steps import watched

    return watched(stream, runtime, time.perf_counter(), [])


def driving_options(model: HostModel, values: dict[str, Any]) -> Any:
    """What a node's widgets say is taken over of a motion; None for an engine without it."""
    from .schema import options_from

    driving = model.engine.driving
    return None if driving is None else options_from(driving.options, values)


def region_of(model: HostModel, value: PortraitValue, stream: FrameStream, runtime: Runtime) -> Any:
    """A MASK: (1 or T, H, W), where frames may differ from the picture."""
    from .bridge import intermediate_device

    found: Tensor = model.engine.region(value.prepared, stream.length, stream.fps, runtime)
    return found.to(intermediate_device())


def tell(notes: Sequence[str], runtime: Runtime) -> None:
    """Show sentences in the running node, and log them."""
    import logging

    for note in dict.fromkeys(notes):
        logging.getLogger(__name__).warning("%s", note)
        runtime.progress(note, 0, 0)

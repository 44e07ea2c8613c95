"""A portrait, what moves it and its sound as a video file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.structures import frames_for
from . import moving
from .packing import Motion
from .schema import options_from
from .video_files import SavedVideo, save_frames

if TYPE_CHECKING:
    from .host_models import HostModel
    from .media import SoundInput
    from .portraits import PortraitValue


@dataclass(frozen=True)
class Scene:
    """What a video shows.

    Attributes:
        portrait: who.
        motions: what the sockets gave; None where nothing is connected.
        audio: AUDIO or PORTRAIT_SOUND, or None.
        expression: PORTRAIT_EXPRESSION, or None.
        fps: frames per second, where no motion and no source video says them.
    """

    portrait: PortraitValue
    motions: Sequence[Any]
    audio: Any
    expression: Any
    fps: float


def render_video(
    model: HostModel, scene: Scene, values: dict[str, Any], hidden: Any, runtime: Runtime
) -> SavedVideo:
    """Render a scene into a new file of the output folder.

    Its motion is made of its sound where none is connected. The video lasts as long as the longer
    of motion and sound; a portrait that is a video ends where it or its motion ends first.

    Args:
        model: the engine.
        scene: what is shown.
        values: the node's widgets.
        hidden: its hidden inputs.
        runtime: as ``bridge.at_work`` gives it.
    """
    from .media import sound_of

    notes: list[str] = []
    value, rate = scene.portrait, moving.rate_of(scene.fps)
    sound = sound_of(scene.audio, runtime)
    motions = moving.motions_for(value, scene.motions, runtime, notes)
    seed = None
    if not motions and sound is not None:
        options = options_from(model.engine.motion_options, values)
        wanted = rate if value.video is None else value.video.fps
        motions = [moving.motion_of_sound(model, value, sound, options, wanted, runtime)]
        seed = runtime.seed
    elif motions and sound is not None:
        motions = moving.held(motions, frames_for(sound.duration_s, motions[0].fps))
    return moved_video(
        model,
        value,
        motions,
        sound or own_sound(value, runtime),
        scene.expression,
        moving.driving_options(model, values),
        rate,
        values,
        hidden,
        runtime,
        notes=notes,
        seed=seed,
    )


def moved_video(
    model: HostModel,
    value: PortraitValue,
    motions: Sequence[Motion],
    sound: SoundInput | None,
    expression: Any,
    options: Any,
    fps: Fraction,
    values: dict[str, Any],
    hidden: Any,
    runtime: Runtime,
    *,
    notes: Sequence[str] = (),
    seed: int | None = None,
    is_driven: bool = False,
) -> SavedVideo:
    """The file of a portrait that is moved; see ``moving.frames_of`` and ``save_frames``."""
    from ..sadtalker_core.jobs.steps import label
    from .expression_values import expression_of

    sliders = expression_of(expression)
    late = options_from(model.engine.motion_options, values)
    stream = moving.frames_of(
        model, value, motions, sliders, options, fps, runtime, is_driven, late
    )
    saved = save_frames(stream, sound, label(model.engine.id, seed), values, hidden, runtime)
    moving.tell(notes, runtime)
    return saved


def own_sound(value: PortraitValue, runtime: Runtime) -> SoundInput | None:
    """The sound of a portrait that is a video."""
    from .media import video_sound

    video = (value.source or {}).get("video")
    return None if video is None else video_sound(video, runtime)

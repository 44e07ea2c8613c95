"""Whole jobs of the starter nodes, made of the same steps as the nodes for each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.faces.options import FaceOptions
from ..sadtalker_core.motion_request import ReferenceVideo
from ..sadtalker_core.runtime import Runtime
from . import moving
from .schema import options_from
from .videos import moved_video, own_sound

if TYPE_CHECKING:
    from .host_models import HostModel
    from .media import SoundInput
    from .packing import Motion
    from .portraits import PortraitValue
    from .video_files import SavedVideo


def prepared_pictures(
    model: HostModel, image: Tensor, values: dict[str, Any], runtime: Runtime
) -> Iterator[PortraitValue]:
    """Each picture of an IMAGE made ready when its turn comes.

    All faces are looked for first: a picture without one is refused before any is rendered.
    """
    from .bridge import pictures_of
    from .portrait import faces_that_move, render_options
    from .portraits import prepare

    options, who = render_options(model, values), options_from(FaceOptions, values)
    pictures = pictures_of(image)
    frames = faces_that_move(model, image, pictures, None, who, options, runtime)
    for rgb, faces in zip(pictures, frames):
        yield prepare(model, rgb, faces, options, runtime)


def drive_portraits(
    model: HostModel,
    portrait: Any,
    driving: Any,
    sound: str,
    fps: float,
    values: dict[str, Any],
    hidden: Any,
    runtime: Runtime,
) -> list[SavedVideo]:
    """Portraits that a driver moves, as files of the output folder.

    Args:
        model: the engine.
        portrait: IMAGE (a video for each picture) or VIDEO.
        driving: VIDEO or IMAGE.
        sound: whose: "driving", "portrait" or "none".
        fps: frames per second of IMAGE frames.
        values: the node's widgets.
        hidden: its hidden inputs.
        runtime: as ``bridge.at_work`` gives it.
    """
    from .media import reference_of, video_sound

    video, images = _kinds(driving)
    reference = reference_of(video, images, fps)
    heard = video_sound(video, runtime) if sound == "driving" else None
    options = moving.driving_options(model, values)
    motion: Motion | None = None
    made: list[SavedVideo] = []
    for value in _portraits(model, portrait, fps, values, runtime):
        if motion is None or model.engine.driving is None:
            motion = _motion(model, value, reference, options, values, runtime)
        of_portrait: SoundInput | None = own_sound(value, runtime) if sound == "portrait" else None
        made.append(
            moved_video(
                model,
                value,
                [motion],
                heard or of_portrait,
                None,
                options,
                motion.fps,
                values,
                hidden,
                runtime,
                is_driven=True,
            )
        )
    return made


def _kinds(given: Any) -> tuple[Any | None, Tensor | None]:
    """A VIDEO, or an IMAGE."""
    return (None, given) if isinstance(given, Tensor) else (given, None)


def _portraits(
    model: HostModel, portrait: Any, fps: float, values: dict[str, Any], runtime: Runtime
) -> Iterator[PortraitValue]:
    from .media import reference_of
    from .portrait import render_options
    from .portraits import prepare_video

    video, images = _kinds(portrait)
    if images is not None:
        yield from prepared_pictures(model, images, values, runtime)
        return
    source: dict[str, Any] = {"video": video, "images": None, "fps": fps}
    options, who = render_options(model, values), options_from(FaceOptions, values)
    yield prepare_video(model, reference_of(**source), source, who, None, options, runtime)


def _motion(
    model: HostModel,
    value: PortraitValue,
    reference: ReferenceVideo,
    options: Any,
    values: dict[str, Any],
    runtime: Runtime,
) -> Motion:
    """The driver's motion, of the engine's kind."""
    driving = model.engine.driving
    if driving is None:
        count = moving.frames_in(reference, runtime)
        speech = options_from(model.engine.motion_options, values)
        return moving.motion_of_video(model, value, reference, count, speech, runtime)
    runtime.progress("read the driver", 0, 0)
    face = options_from(FaceOptions, {"detection_threshold": values["detection_threshold"]})
    motion = driving.read(model.networks, reference, face, options, runtime)
    if len(motion) == 1 and not driving.reads_pictures:
        raise OptionError(
            f"{model.engine.title} is driven by a video, not by one picture; connect a video, or "
            "load LivePortrait."
        )
    return motion

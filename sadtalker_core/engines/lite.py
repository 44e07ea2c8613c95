"""The built-in engine among the others. Its code is imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import OptionError
from ..expression_sliders import ExpressionSliders
from ..faces.face import Face
from ..faces.options import FaceOptions
from ..motion_request import MotionRequest, ReferenceVideo
from ..runtime import Runtime
from ..structures import FrameStream, LiteMotion
from ..systems.lite.config import LiteDriveOptions, LiteMotionOptions, LiteRenderOptions
from .engine import Cost, Driving, Engine, no_weights
from .speech import motion_of_speech


def _no_networks(files: Mapping[str, Path], options: Any, runtime: Runtime) -> None:
    return None


def _prepare(networks: None, rgb: Tensor, face: Face, options: Any, runtime: Runtime) -> Any:
    from ..systems.lite.pipeline import prepare

    return prepare(rgb, face, options)


def _motion(networks: None, prepared: Any, request: MotionRequest, runtime: Runtime) -> LiteMotion:
    return motion_of_speech(request, runtime)


def _animate(
    networks: None, prepared: Any, motion: Any, options: Any, runtime: Runtime
) -> FrameStream:
    from ..systems.lite.pipeline import animate

    return animate(prepared, motion, runtime)


def _region(prepared: Any, frames: int, fps: Fraction, runtime: Runtime) -> Tensor:
    from ..systems.lite.region import region

    return region(prepared, frames, fps, runtime)


def _cost(options: Any) -> Cost:
    return Cost(start_s=2.0, frame_s=0.010, frame_s_per_megapixel=0.010)


def _read_driver(
    networks: None, video: ReferenceVideo, face: FaceOptions, options: Any, runtime: Runtime
) -> LiteMotion:
    from ..systems.lite.driver import track_controls

    return track_controls(video.open(), video.fps, face, runtime, options)


def _prepare_driven(
    networks: None, rgb: Tensor, faces: Sequence[Face], options: Any, runtime: Runtime
) -> Any:
    from ..systems.lite.pipeline import prepare

    return prepare(rgb, faces[0], options)


def _drive(
    networks: None,
    prepared: Any,
    motions: Sequence[LiteMotion],
    options: Any,
    sliders: ExpressionSliders,
    frames: int,
    fps: Fraction,
    runtime: Runtime,
) -> FrameStream:
    from ..systems.lite.pipeline import drive
    from ..systems.lite.video import PreparedVideo, drive_video

    motion = motions[0] if motions else None
    if isinstance(prepared, PreparedVideo):
        if motion is not None and len(motion) > 1:
            frames = min(frames, len(motion))
            motion = motion[:frames]
        return drive_video(prepared, motion, options, sliders, frames, fps, runtime)
    length, rate = (frames, fps) if motion is None else (len(motion), motion.fps)
    return drive(prepared, motion, options, sliders, length, rate, runtime)


def _prepare_video(
    networks: None,
    video: ReferenceVideo,
    face: FaceOptions,
    who: tuple[int, ...] | None,
    options: Any,
    runtime: Runtime,
) -> Any:
    from ..systems.lite.video import prepare_video

    if who is not None and len(who) != 1:
        raise OptionError(
            "the built-in engine moves one face at a time; give one number, or leave who out."
        )
    if who is not None:
        face = replace(face, face_index=who[0])
    return prepare_video(video, face, options, runtime)


LITE = Engine(
    id="lite",
    title="Built-in engine",
    description=(
        "Moves the picture itself by a face mesh: works at once, on any machine, with nothing "
        "to download. It cannot show what the picture does not hold, such as a profile."
    ),
    licence="Apache-2.0; may be used commercially",
    motion_type=LiteMotion,
    motion_options=LiteMotionOptions,
    render_options=LiteRenderOptions,
    needs_download=False,
    borrows_motion=False,
    weights=no_weights,
    load=_no_networks,
    prepare=_prepare,
    motion=_motion,
    animate=_animate,
    cost=_cost,
    driving=Driving(
        options=LiteDriveOptions,
        most_faces=1,
        reads_pictures=False,
        read=_read_driver,
        prepare=_prepare_driven,
        animate=_drive,
        prepare_video=_prepare_video,
    ),
    region=_region,
)

"""LivePortrait among the engines. Its code is imported when it is used.

It has no networks for sound: speech is made by the built-in engine's, as its controls, and moves
the implicit keypoints through a map (``transfer.implicit_controls``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from ..expression_sliders import ExpressionSliders
from ..faces.face import Face
from ..faces.options import FaceOptions
from ..motion_request import MotionRequest, ReferenceVideo
from ..runtime import Runtime
from ..structures import FrameStream, ImplicitMotion, KeypointTrack
from ..systems.lite.config import LiteMotionOptions
from ..systems.liveportrait.config import LivePortraitDriveOptions, LivePortraitRenderOptions
from ..weights.catalog import WeightFile
from .engine import Cost, Driving, Engine, Layers
from .speech import motion_of_speech


def _weights(options: Any) -> tuple[WeightFile, ...]:
    from ..systems.liveportrait.files import needed_files

    return needed_files(options)


def _older(options: Any) -> tuple[WeightFile, ...]:
    from ..systems.liveportrait.files import older_files

    return older_files(options)


def _load(files: Mapping[str, Path], options: Any, runtime: Runtime) -> Any:
    from ..systems.liveportrait.weights import load_nets

    return load_nets(files, options, runtime)


def _prepare(networks: Any, rgb: Tensor, face: Face, options: Any, runtime: Runtime) -> Any:
    return _prepare_driven(networks, rgb, (face,), options, runtime)


def _prepare_driven(
    networks: Any, rgb: Tensor, faces: Sequence[Face], options: Any, runtime: Runtime
) -> Any:
    from ..systems.liveportrait.prepared import prepare

    return prepare(networks, rgb, faces, options, runtime)


def _prepare_video(
    networks: Any,
    video: ReferenceVideo,
    face: FaceOptions,
    who: tuple[int, ...] | None,
    options: Any,
    runtime: Runtime,
) -> Any:
    from ..systems.liveportrait.prepared import prepare_video

    return prepare_video(networks, video, face, options, runtime, who)


def _motion(
    networks: Any, prepared: Any, request: MotionRequest, runtime: Runtime
) -> ImplicitMotion:
    from ..transfer.implicit_controls import implicit_from_lite

    if request.whole is not None:
        options = LivePortraitDriveOptions()
        return _read_driver(networks, request.whole, FaceOptions(), options, runtime)
    rest = prepared.faces[0].points.motion(request.fps)
    spoken = motion_of_speech(request, runtime).to(rest.expression.device)
    return implicit_from_lite(spoken, rest)


def _animate(
    networks: Any, prepared: Any, motion: ImplicitMotion, options: Any, runtime: Runtime
) -> FrameStream:
    return _drive(
        networks,
        prepared,
        (motion,),
        LivePortraitDriveOptions(),
        ExpressionSliders(),
        len(motion),
        motion.fps,
        runtime,
    )


def _read_driver(
    networks: Any, video: ReferenceVideo, face: FaceOptions, options: Any, runtime: Runtime
) -> ImplicitMotion:
    from ..systems.liveportrait.pipeline import read_motion

    return read_motion(networks, video, face, options, runtime)


def _drive(
    networks: Any,
    prepared: Any,
    motions: Sequence[ImplicitMotion],
    options: Any,
    sliders: ExpressionSliders,
    frames: int,
    fps: Fraction,
    runtime: Runtime,
) -> FrameStream:
    from ..systems.liveportrait.pipeline import animate

    return animate(networks, prepared, motions, options, sliders, frames, fps, runtime)


def _region(prepared: Any, frames: int, fps: Fraction, runtime: Runtime) -> Tensor:
    from ..systems.liveportrait.layers import region

    return region(prepared, frames, runtime)


def _render(
    networks: Any, prepared: Any, number: int, track: KeypointTrack, runtime: Runtime
) -> FrameStream:
    from ..systems.liveportrait.layers import render_faces

    return render_faces(networks, prepared, number, track, runtime)


def _paste(
    prepared: Any,
    number: int,
    faces: Tensor,
    onto: Tensor | None,
    seam: str,
    fps: Fraction,
    runtime: Runtime,
) -> FrameStream:
    from ..systems.liveportrait.layers import paste_faces

    return paste_faces(prepared, number, faces, onto, seam, fps, runtime)


def _cost(options: Any) -> Cost:
    return Cost(start_s=8.0, frame_s=3.5, frame_s_per_megapixel=0.05)


LIVEPORTRAIT = Engine(
    id="liveportrait",
    title="LivePortrait",
    description=(
        "Moves a portrait by somebody's video, by sliders, or by speech, rendered by a neural "
        "network at 512 pixels. Needs 0.5 GB of weights and is slow without a GPU."
    ),
    licence="code and weights MIT; see models for what they learnt from",
    motion_type=ImplicitMotion,
    motion_options=LiteMotionOptions,
    render_options=LivePortraitRenderOptions,
    needs_download=True,
    borrows_motion=False,
    weights=_weights,
    load=_load,
    prepare=_prepare,
    motion=_motion,
    animate=_animate,
    cost=_cost,
    older_weights=_older,
    driving=Driving(
        options=LivePortraitDriveOptions,
        most_faces=None,
        reads_pictures=True,
        read=_read_driver,
        prepare=_prepare_driven,
        animate=_drive,
        prepare_video=_prepare_video,
    ),
    region=_region,
    layers=Layers(_render, _paste),
)

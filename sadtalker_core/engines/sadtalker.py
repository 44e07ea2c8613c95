"""SadTalker among the engines. Its code is imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from ..faces.face import Face
from ..motion_request import MotionRequest
from ..runtime import Runtime
from ..structures import Coeff3DMM, FrameStream, KeypointTrack
from ..systems.sadtalker.config import SadTalkerMotionOptions, SadTalkerRenderOptions
from ..weights.catalog import WeightFile
from .engine import Cost, Engine, Layers


def _weights(options: Any) -> tuple[WeightFile, ...]:
    from ..systems.sadtalker.files import needed_files

    return needed_files(options)


def _older(options: Any) -> tuple[WeightFile, ...]:
    from ..systems.sadtalker.files import older_files

    return older_files(options)


def _load(files: Mapping[str, Path], options: Any, runtime: Runtime) -> Any:
    from ..systems.sadtalker.weights import load_nets

    return load_nets(files, options, runtime)


def _prepare(networks: Any, rgb: Tensor, face: Face, options: Any, runtime: Runtime) -> Any:
    from ..faces.landmarks98 import mesh_to_68
    from ..systems.sadtalker.pipeline import prepare

    if networks.finder is None:
        return prepare(networks, rgb, mesh_to_68(face.mesh_px), options, runtime)
    (x, y), (height, width) = face.center_px, rgb.shape[1:]
    finder = networks.finder.meant((x / width, y / height), options.preprocess)
    return prepare(networks, rgb, finder, options, runtime)


def _motion(networks: Any, prepared: Any, request: MotionRequest, runtime: Runtime) -> Any:
    from ..systems.sadtalker.pipeline import make_motion

    return make_motion(networks, prepared, request, runtime)


def _animate(
    networks: Any, prepared: Any, motion: Any, options: Any, runtime: Runtime
) -> FrameStream:
    from ..systems.sadtalker.pipeline import animate

    return animate(networks, prepared, motion, options, runtime)


def _pose(prepared: Any) -> Coeff3DMM:
    return Coeff3DMM.from_rows(prepared.source.coeff, Fraction(25))


def _region(prepared: Any, frames: int, fps: Fraction, runtime: Runtime) -> Tensor:
    from ..systems.sadtalker.layers import region

    return region(prepared)


def _render(
    networks: Any, prepared: Any, number: int, track: KeypointTrack, runtime: Runtime
) -> FrameStream:
    from ..systems.sadtalker.layers import render_faces

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
    from ..systems.sadtalker.layers import paste_faces

    return paste_faces(prepared, number, faces, onto, seam, fps, runtime)


def _cost(options: Any) -> Cost:
    seconds = 15.0 if options.size == "512" else 3.8
    return Cost(start_s=15.0, frame_s=seconds, frame_s_per_megapixel=0.02)


SADTALKER = Engine(
    id="sadtalker",
    title="SadTalker",
    description=(
        "Expression and head motion learnt from speech, rendered by a neural network at 256 "
        "or 512 pixels. Needs 0.9 GB of weights for one size and mode (2.1 GB for all), and is "
        "slow without a GPU."
    ),
    licence="code Apache-2.0; the weights' terms are in doubt for commercial use: see models",
    motion_type=Coeff3DMM,
    motion_options=SadTalkerMotionOptions,
    render_options=SadTalkerRenderOptions,
    needs_download=True,
    borrows_motion=True,
    weights=_weights,
    load=_load,
    prepare=_prepare,
    motion=_motion,
    animate=_animate,
    cost=_cost,
    older_weights=_older,
    late_options=("yaw", "pitch", "roll"),
    source_pose=_pose,
    region=_region,
    layers=Layers(_render, _paste),
)

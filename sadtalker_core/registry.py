"""The one list of engines. Adding an engine is adding a line to ``ENGINES``.

An engine's code is imported when the engine is used, so listing engines and their options costs
nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from .errors import OptionError
from .faces.face import Face
from .motion_request import MotionRequest
from .runtime import Runtime
from .structures import Coeff3DMM, FrameStream, LiteMotion
from .systems.lite.config import LiteMotionOptions, LiteRenderOptions
from .systems.sadtalker.config import SadTalkerMotionOptions, SadTalkerRenderOptions
from .weights.catalog import WeightFile


@dataclass(frozen=True)
class Cost:
    """Seconds on two CPU cores, to announce the order of magnitude of a job.

    Attributes:
        start_s: before the first frame.
        frame_s: a frame.
        frame_s_per_megapixel: a megapixel of it.
    """

    start_s: float
    frame_s: float
    frame_s_per_megapixel: float


def _no_weights(options: Any) -> tuple[WeightFile, ...]:
    return ()


def _no_pose(prepared: Any) -> None:
    return None


@dataclass(frozen=True)
class Engine:
    """How one engine is called. Every engine has the same steps.

    Attributes:
        id: name on the command line.
        title: name for people.
        description: one sentence: what it does and what it does not.
        licence: terms of the code and of its weights.
        motion_type: what its motion is.
        motion_options: option dataclass of the motion.
        render_options: option dataclass of the pictures.
        needs_download: whether weights must be fetched before the first use.
        borrows_motion: whether it takes reference videos.
        weights: ``(render_options)``: the files that must be on disk for these options; none for
            an engine that needs no download.
        load: ``(files by name, render_options, runtime)``: its networks.
        prepare: ``(networks, rgb (3, H, W) uint8, face, render_options, runtime)``: what depends
            on the portrait alone; may be kept and used again.
        motion: ``(networks, prepared, request, runtime)``: the motion.
        animate: ``(networks, prepared, motion, motion_options, runtime)``: the frames.
        cost: ``(render_options)``.
        older_weights: ``(render_options)``: files that do in place of ``weights``; none for most.
        source_pose: ``(prepared)``: coefficients of the portrait, one frame, where it has some.
    """

    id: str
    title: str
    description: str
    licence: str
    motion_type: type[Coeff3DMM] | type[LiteMotion]
    motion_options: type[Any]
    render_options: type[Any]
    needs_download: bool
    borrows_motion: bool
    weights: Callable[[Any], tuple[WeightFile, ...]]
    load: Callable[[Mapping[str, Path], Any, Runtime], Any]
    prepare: Callable[[Any, Tensor, Face, Any, Runtime], Any]
    motion: Callable[[Any, Any, MotionRequest, Runtime], Any]
    animate: Callable[[Any, Any, Any, Any, Runtime], FrameStream]
    cost: Callable[[Any], Cost]
    older_weights: Callable[[Any], tuple[WeightFile, ...]] = _no_weights
    source_pose: Callable[[Any], Coeff3DMM | None] = _no_pose


def _no_networks(files: Mapping[str, Path], options: Any, runtime: Runtime) -> None:
    return None


def _lite_prepare(networks: None, rgb: Tensor, face: Face, options: Any, runtime: Runtime) -> Any:
    from .systems.lite.pipeline import prepare

    return prepare(rgb, face, options)


def _lite_motion(networks: None, prepared: Any, request: MotionRequest, runtime: Runtime) -> Any:
    from .systems.lite.motion import idle_motion, motion_from_audio

    if request.open_sound is None:
        return idle_motion(float(request.duration_s), request.fps, request.options, runtime)
    return motion_from_audio(
        request.open_sound, request.samples, request.fps, request.options, runtime
    )


def _lite_animate(
    networks: None, prepared: Any, motion: Any, options: Any, runtime: Runtime
) -> FrameStream:
    from .systems.lite.pipeline import animate

    return animate(prepared, motion, runtime)


def _lite_cost(options: Any) -> Cost:
    return Cost(start_s=2.0, frame_s=0.010, frame_s_per_megapixel=0.010)


def _sadtalker_weights(options: Any) -> tuple[WeightFile, ...]:
    from .systems.sadtalker.files import needed_files

    return needed_files(options)


def _sadtalker_older(options: Any) -> tuple[WeightFile, ...]:
    from .systems.sadtalker.files import older_files

    return older_files(options)


def _sadtalker_load(files: Mapping[str, Path], options: Any, runtime: Runtime) -> Any:
    from .systems.sadtalker.weights import load_nets

    return load_nets(files, options, runtime)


def _sadtalker_prepare(
    networks: Any, rgb: Tensor, face: Face, options: Any, runtime: Runtime
) -> Any:
    from .faces.landmarks98 import mesh_to_68
    from .systems.sadtalker.pipeline import prepare

    landmarks = networks.finder or mesh_to_68(face.mesh_px)
    return prepare(networks, rgb, landmarks, options, runtime)


def _sadtalker_motion(
    networks: Any, prepared: Any, request: MotionRequest, runtime: Runtime
) -> Any:
    from .systems.sadtalker.pipeline import make_motion

    return make_motion(networks, prepared, request, runtime)


def _sadtalker_animate(
    networks: Any, prepared: Any, motion: Any, options: Any, runtime: Runtime
) -> FrameStream:
    from .systems.sadtalker.pipeline import animate

    return animate(networks, prepared, motion, options, runtime)


def _sadtalker_pose(prepared: Any) -> Coeff3DMM:
    return Coeff3DMM.from_rows(prepared.source.coeff, Fraction(25))


def _sadtalker_cost(options: Any) -> Cost:
    seconds = 15.0 if options.size == "512" else 3.8
    return Cost(start_s=15.0, frame_s=seconds, frame_s_per_megapixel=0.02)


# In the order in which "auto" takes the first that can run.
ENGINES: tuple[Engine, ...] = (
    Engine(
        id="sadtalker",
        title="SadTalker",
        description=(
            "Expression and head motion learnt from speech, rendered by a neural network at 256 "
            "or 512 pixels. Needs 0.9 GB of weights and is slow without a GPU."
        ),
        licence="code Apache-2.0; the weights' terms are in doubt for commercial use: see models",
        motion_type=Coeff3DMM,
        motion_options=SadTalkerMotionOptions,
        render_options=SadTalkerRenderOptions,
        needs_download=True,
        borrows_motion=True,
        weights=_sadtalker_weights,
        load=_sadtalker_load,
        prepare=_sadtalker_prepare,
        motion=_sadtalker_motion,
        animate=_sadtalker_animate,
        cost=_sadtalker_cost,
        older_weights=_sadtalker_older,
        source_pose=_sadtalker_pose,
    ),
    Engine(
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
        weights=_no_weights,
        load=_no_networks,
        prepare=_lite_prepare,
        motion=_lite_motion,
        animate=_lite_animate,
        cost=_lite_cost,
    ),
)


# What --engine takes.
ENGINE_IDS: tuple[str, ...] = ("auto", *(engine.id for engine in ENGINES))


def find_engine(name: str) -> Engine:
    """The engine of a name; ``auto`` is the first that needs nothing to be fetched.

    Raises:
        OptionError: no engine has this name.
    """
    if name == "auto":
        return next(engine for engine in ENGINES if not engine.needs_download)
    for engine in ENGINES:
        if engine.id == name:
            return engine
    close = difflib.get_close_matches(name, ENGINE_IDS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise OptionError(f"engine is {name!r}, known values are: {', '.join(ENGINE_IDS)}.{hint}")

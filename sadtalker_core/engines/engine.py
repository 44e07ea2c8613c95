"""How any engine is called: the steps that all have, and those of engines that can be driven."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ..expression_sliders import ExpressionSliders
from ..faces.face import Face
from ..faces.options import FaceOptions
from ..motion_request import MotionRequest, ReferenceVideo
from ..runtime import Runtime
from ..structures import Coeff3DMM, FrameStream, ImplicitMotion, KeypointTrack, LiteMotion
from ..weights.catalog import WeightFile

Motion = Coeff3DMM | ImplicitMotion | LiteMotion


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


def no_weights(options: Any) -> tuple[WeightFile, ...]:
    """Of an engine that needs nothing to be fetched, whatever the options."""
    return ()


def _no_pose(prepared: Any) -> None:
    return None


def _whole_frame(prepared: Any, frames: int, fps: Fraction, runtime: Runtime) -> Tensor:
    """A region for engines that do not say where they paint."""
    return torch.ones((1, *prepared.size), device=runtime.device)


class Chosen(Protocol):
    """What any kind of engine says of itself, so that one of several can be chosen."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def needs_download(self) -> bool: ...
    @property
    def render_options(self) -> type[Any]: ...
    @property
    def weights(self) -> Callable[[Any], tuple[WeightFile, ...]]: ...
    @property
    def older_weights(self) -> Callable[[Any], tuple[WeightFile, ...]]: ...


PrepareVideo = Callable[
    [Any, ReferenceVideo, FaceOptions, "tuple[int, ...] | None", Any, Runtime], Any
]


@dataclass(frozen=True)
class Driving:
    """How an engine moves a portrait by a video of somebody, a motion file, or sliders alone.

    Attributes:
        options: option dataclass: how the driver is read, and what of its motion is taken over.
        most_faces: how many faces of one portrait it moves at once; None is any number.
        reads_pictures: whether one picture of a driver is enough.
        read: ``(networks, video, which face of it, options, runtime)``: the driver's motion.
        prepare: ``(networks, rgb (3, H, W) uint8, faces, render_options, runtime)``: what depends
            on the portrait alone.
        animate: ``(networks, prepared, motions, options, sliders, frames, fps, runtime)``: the
            frames. One motion moves all faces, several move one each, none leaves the portrait to
            the sliders.
        prepare_video: ``(networks, video, which face, numbers of several, render_options,
            runtime)``: the same of a video each of whose frames is moved; None where the engine
            cannot. The numbers are None for one face, and empty for all.
    """

    options: type[Any]
    most_faces: int | None
    reads_pictures: bool
    read: Callable[[Any, ReferenceVideo, FaceOptions, Any, Runtime], Any]
    prepare: Callable[[Any, Tensor, Sequence[Face], Any, Runtime], Any]
    animate: Callable[
        [Any, Any, Sequence[Any], Any, ExpressionSliders, int, Fraction, Runtime], FrameStream
    ]
    prepare_video: PrepareVideo | None = None


@dataclass(frozen=True)
class Layers:
    """An engine's last two steps by themselves, for hosts that put something between them.

    Attributes:
        render: ``(networks, prepared, number of the face, KeypointTrack, runtime)``: the renderer
            alone. A stream of (N, 3, S, S) faces in [0, 1].
        paste: ``(prepared, number of the face, faces (T, 3, h, w) in [0, 1], onto, seam, fps,
            runtime)``: faces of any size as the frames that are shown. ``onto`` are the frames that
            they are laid over, (1 or T, 3, H, W) uint8, or None for the portrait's own; ``seam``
            is one of ``SEAMS``. A stream of (N, 3, H, W) uint8.
    """

    render: Callable[[Any, Any, int, KeypointTrack, Runtime], FrameStream]
    paste: Callable[[Any, int, Tensor, Tensor | None, str, Fraction, Runtime], FrameStream]


SEAMS = ("as prepared", "soft", "matched")


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
        late_options: motion options that ``animate`` reads: they count for motion from a file too.
        source_pose: ``(prepared)``: coefficients of the portrait, one frame, where it has some.
        driving: how it is driven by videos and sliders, or None where it cannot be.
        region: ``(prepared, frames, fps, runtime)``: where frames may differ from the picture, (1,
            H, W) for all frames or (T, H, W), float32 in [0, 1].
        layers: its renderer and its paste-back by themselves, where it renders keypoints.
    """

    id: str
    title: str
    description: str
    licence: str
    motion_type: type[Coeff3DMM] | type[ImplicitMotion] | type[LiteMotion]
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
    older_weights: Callable[[Any], tuple[WeightFile, ...]] = no_weights
    late_options: tuple[str, ...] = ()
    source_pose: Callable[[Any], Coeff3DMM | None] = _no_pose
    driving: Driving | None = None
    region: Callable[[Any, int, Fraction, Runtime], Tensor] = _whole_frame
    layers: Layers | None = None

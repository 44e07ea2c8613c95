"""SadTalker in three calls: prepare a portrait once, make motion for it, animate it.

portrait --source--> picture, coefficients --render--> features
sound --motion--> Coeff3DMM --keypoints--> KeypointTrack --render--> faces --composite--> frames
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...faces.composite import CompositeOptions, composite
from ...faces.networks import load_face_nets
from ...motion_request import MotionRequest, ReferenceVideo
from ...runtime import Runtime
from ...structures import Coeff3DMM, FrameStream, KeypointTrack
from .camera import free_view
from .config import FPS, SadTalkerMotionOptions, SadTalkerRenderOptions
from .keypoints import keypoint_track
from .motion import idle_motion, motion_from_audio, motion_from_video
from .render import SourceFeatures, prepare_source, render
from .source import LandmarkFinder, SourceFace, VideoFinder, read_reference, read_source
from .weights import SadTalkerNets

_PASTED_BYTES = 96_000_000  # whole frames that are pasted at once: large pictures go one by one


@dataclass(frozen=True)
class PreparedPortrait:
    """What depends on the portrait alone.

    Attributes:
        still: (3, H, W) uint8, the picture, on the renderer's device.
        source: the face cut from it and its coefficients.
        features: what the renderer keeps of it.
        paste: how the face goes back, or None where the face is all that is shown.
        size: (H, W) of the frames.
    """

    still: Tensor
    source: SourceFace
    features: SourceFeatures
    paste: CompositeOptions | None
    size: tuple[int, int]


def prepare(
    nets: SadTalkerNets,
    rgb: Tensor,
    landmarks: Tensor | LandmarkFinder,
    options: SadTalkerRenderOptions,
    runtime: Runtime,
) -> PreparedPortrait:
    """Crop, coefficients and features of a portrait.

    Args:
        nets: the networks.
        rgb: (3, H, W) uint8.
        landmarks: (68, 2) x, y in its pixels, or a function that finds them in a picture.
        options: what is cut and shown.
        runtime: device and cancel.

    Raises:
        FaceError: the face lies outside of the picture.
    """
    source = read_source(nets.recon, rgb, landmarks, options.preprocess, int(options.size))
    features = prepare_source(nets.render, source.picture, runtime)
    plan = source.plan
    paste = CompositeOptions(paste=options.paste) if plan.is_pasted else None
    size = plan.frame_size if plan.is_pasted else _shown_size(plan.cut_size, plan.size)
    return PreparedPortrait(rgb.to(runtime.device), source, features, paste, size)


def _shown_size(cut: tuple[int, int], size: int) -> tuple[int, int]:
    """The cut's own aspect at the renderer's width. (The original squeezes ``extcrop``.)"""
    return max(1, int(size * cut[0] / cut[1])), size


def read_video(
    nets: SadTalkerNets, prepared: PreparedPortrait, video: ReferenceVideo, runtime: Runtime
) -> Coeff3DMM:
    """The coefficients of every frame of a video, cut as the portrait is, at the video's rate.

    Raises:
        NoFaceError: no frame shows a face.
    """
    finder = nets.finder or VideoFinder(load_face_nets(runtime.device))
    mode = prepared.source.plan.mode
    with torch.inference_mode():
        rows = read_reference(nets.recon, video.open(), finder, mode, runtime).coeff
        return Coeff3DMM.from_rows(rows.to(runtime.device), video.fps)


def make_motion(
    nets: SadTalkerNets, prepared: PreparedPortrait, request: MotionRequest, runtime: Runtime
) -> Coeff3DMM:
    """Motion at 25 frames per second from a sound, from a video, or for a while without either.

    Raises:
        NoFaceError: a reference video shows no face.
    """
    options: SadTalkerMotionOptions = request.options
    source = prepared.source.coeff

    def read(video: ReferenceVideo | None) -> Coeff3DMM | None:
        return None if video is None else read_video(nets, prepared, video, runtime)

    with torch.inference_mode():
        whole = read(request.whole)
        if whole is not None:
            frames = max(1, int(FPS * request.duration_s))
            return motion_from_video(whole, source, options, runtime, frames)
        # One video for both is read once.
        blink = read(request.blink)
        pose = blink if request.pose is request.blink else read(request.pose)
        if request.open_sound is None:
            return idle_motion(
                nets.motion, source, request.duration_s, options, runtime, blink, pose
            )
        return motion_from_audio(
            nets.motion,
            source,
            request.open_sound,
            request.samples,
            options,
            runtime,
            blink,
            pose,
        )


def track_of(
    nets: SadTalkerNets,
    prepared: PreparedPortrait,
    motion: Coeff3DMM,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
) -> KeypointTrack:
    """Keypoints of a whole clip: 45 numbers a frame."""
    view = free_view(options, len(motion), motion.fps, runtime.device)
    source = prepared.source.coeff
    return keypoint_track(nets.mapping, prepared.features.canonical, source, motion, runtime, view)


def animate(
    nets: SadTalkerNets,
    prepared: PreparedPortrait,
    motion: Coeff3DMM,
    options: SadTalkerMotionOptions,
    runtime: Runtime,
) -> FrameStream:
    """Frames of the portrait in motion: uint8 chunks (N, 3, H, W) made while they are read."""
    with torch.inference_mode():
        track = track_of(nets, prepared, motion, options, runtime)
    faces = render(nets.render, prepared.features, track, runtime)
    return FrameStream(_shown(prepared, faces), len(motion), prepared.size, motion.fps)


def _shown(prepared: PreparedPortrait, faces: FrameStream) -> Iterator[Tensor]:
    """Rendered faces as the frames that are shown."""
    height, width = prepared.size
    at_once = max(1, _PASTED_BYTES // (height * width * 3))
    for chunk in faces:
        for part in chunk.split(at_once if prepared.paste else len(chunk)):
            # Not held over a yield: the reader must not run in inference mode because of us.
            with torch.inference_mode():
                frames = shown_frames(prepared, part)
            yield frames


def shown_frames(prepared: PreparedPortrait, faces: Tensor) -> Tensor:
    """Faces (N, 3, S, S) in [0, 1] as the frames that are shown, (N, 3, H, W) uint8."""
    if prepared.paste is not None:
        return composite(prepared.still, faces, prepared.source.plan.box_px, prepared.paste)
    if prepared.size != tuple(faces.shape[2:]):
        faces = interpolate(faces, size=prepared.size, mode="bilinear", align_corners=False)
    return (faces * 255).round().clamp(0, 255).to(torch.uint8)

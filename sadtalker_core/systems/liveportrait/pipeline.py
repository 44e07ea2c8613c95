"""LivePortrait in three calls: prepare a portrait or video once, read a driver, drive.

portrait --source--> picture --F, M--> features, SourcePoints
driver --driver--> pictures --M--> ImplicitMotion
both --motion--> KeypointTrack --W, G--> faces --paste--> frames
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import OptionError
from ...expression_sliders import ExpressionSliders
from ...faces.composite import composite
from ...faces.networks import load_face_nets
from ...faces.options import FaceOptions
from ...motion_request import ReferenceVideo
from ...runtime import Runtime
from ...structures import FrameStream, ImplicitMotion, KeypointTrack
from ..blocks.memory import CPU_FRAMES, ChunkedRender
from .carried import closed_lips, compared_with, picture_as_change
from .config import LivePortraitDriveOptions
from .crop import CropShape
from .driver import read_driver
from .editor import apply_sliders, slid_motion, slider_values
from .faces import FaceFinder, OriginalFinder, VideoFinder, first_look
from .landmarks203 import OnnxLandmarkNet
from .motion import drive
from .paste import paste_exact, to_levels
from .points import SourcePoints, extract_stream
from .prepared import (
    FaceInVideo,
    PreparedFace,
    PreparedPortrait,
    PreparedVideo,
    frames_of,
    is_pasted,
    source_pictures,
)
from .render import SourceFeatures, chunked, prepare_features, render_frames
from .weights import LivePortraitNets

Prepared = PreparedPortrait | PreparedVideo
_FRAME_BYTES = 96_000_000  # whole frames that are held at once: large pictures go in small chunks


def read_motion(
    nets: LivePortraitNets,
    video: ReferenceVideo,
    face: FaceOptions,
    options: LivePortraitDriveOptions,
    runtime: Runtime,
) -> ImplicitMotion:
    """The motion of a driving video, or of a picture as a video of one frame.

    Two passes over it; half a kilobyte is kept of every frame. Where the face is not seen, what was
    seen last is held.

    Raises:
        NoFaceError: no frame shows a face and frames are not square, or are to be cut.
    """
    tracker = load_face_nets(runtime.device)
    find: FaceFinder = VideoFinder(tracker, face)
    if nets.landmarks is not None:
        look = first_look(tracker, face)
        find = OriginalFinder(OnnxLandmarkNet(nets.landmarks), look, follows=True)
    shape = CropShape(
        options.driving_crop_scale, options.driving_crop_x, options.driving_crop_y, rotate=False
    )
    track, pictures = read_driver(video.open, find, shape, options.driving_crop, runtime)

    def watched() -> Iterator[Tensor]:
        for part in pictures:
            runtime.check_cancelled()
            yield part.to(runtime.device)

    with torch.inference_mode():
        points = SourcePoints.joined(extract_stream(nets.motion, watched()))
        points = points[track.shown.to(runtime.device)]
    ratios = None if track.ratios is None else track.ratios.to(runtime.device)
    return points.motion(video.fps, ratios)


def animate(
    nets: LivePortraitNets,
    prepared: Prepared,
    motions: Sequence[ImplicitMotion],
    options: LivePortraitDriveOptions,
    sliders: ExpressionSliders,
    frames: int,
    fps: Fraction,
    runtime: Runtime,
) -> FrameStream:
    """Frames of the portrait in motion: uint8 chunks (N, 3, H, W) made while they are read.

    Args:
        nets: the networks.
        prepared: the portrait or video.
        motions: one for all faces, or one for each; none leaves the face to the sliders, and a
            video to its own motion.
        options: what is taken over of the driver.
        sliders: changes on top, numbers or keyframes.
        frames: their number where there is no motion and no source video.
        fps: the same for frames per second.
        runtime: device, chunk, progress, cancel.

    Raises:
        OptionError: an option needs what is not there, or motions do not fit the faces.
    """
    tracks = keypoint_tracks(nets, prepared, motions, options, sliders, frames, fps, runtime)
    length, rate = max(len(track) for track in tracks), tracks[0].fps
    if isinstance(prepared, PreparedVideo):
        # A face whose driver has ended is left as it is in the video.
        chunks, size = _video_frames(nets, prepared, tracks, length, runtime), shown_size(prepared)
    else:
        tracks = [_held(track, length) for track in tracks]
        chunks, size = _still_frames(nets, prepared, tracks, runtime), prepared.size
    return FrameStream(chunks, length, size, rate)


def keypoint_tracks(
    nets: LivePortraitNets,
    prepared: Prepared,
    motions: Sequence[ImplicitMotion],
    options: LivePortraitDriveOptions,
    sliders: ExpressionSliders,
    frames: int,
    fps: Fraction,
    runtime: Runtime,
) -> list[KeypointTrack]:
    """Where the keypoints of each face go, without a picture: ``animate`` renders these.

    See ``animate`` for arguments and errors.
    """
    video = prepared if isinstance(prepared, PreparedVideo) else None
    rate = video.fps if video is not None else motions[0].fps if motions else fps
    length = len(video) if video is not None else max(map(len, motions)) if motions else frames
    faces = prepared.faces
    if len(motions) not in (0, 1, len(faces)):
        raise OptionError(
            f"{len(motions)} drivers do not fit {len(faces)} faces: give one for all, or one each."
        )
    tracks: list[KeypointTrack] = []
    with torch.inference_mode():
        for index, source in enumerate(faces):
            motion = motions[index % len(motions)].to(runtime.device) if motions else None
            tracks.append(_track(nets, prepared, source, motion, options, sliders, length, rate))
    return tracks


def _track(
    nets: LivePortraitNets,
    prepared: Prepared,
    source: PreparedFace | FaceInVideo,
    motion: ImplicitMotion | None,
    options: LivePortraitDriveOptions,
    sliders: ExpressionSliders,
    length: int,
    fps: Fraction,
) -> KeypointTrack:
    """Keypoints of one face through the whole clip: 63 numbers a frame."""
    render = prepared.options
    is_animal = render.species == "animal"

    def seconds(count: int) -> Tensor:
        return torch.arange(count, dtype=torch.float64) / float(fps)

    count = length if motion is None else len(motion)
    values = slider_values(sliders, seconds(count), source.points.kp.device)
    if motion is None:
        points = apply_sliders(
            source.points, values, source.ratios, nets.retarget, render.stitching
        )
        return KeypointTrack(source.points.x, points.expand(length, -1, -1), fps)
    is_video = isinstance(source, FaceInVideo)
    is_picture = len(motion) == 1 and not motion.is_relative
    if is_picture and values and options.relative and not is_animal:
        # In relative motion a picture says nothing of the head, and would silence its sliders.
        like = motion.expression
        since = closed_lips(like) if is_video else compared_with(options.region, like)
        motion, is_picture = picture_as_change(motion, since, length if is_video else 1), False
        options = replace(options, smooth=0.0)  # nor is it smoothed
        values = slider_values(sliders, seconds(len(motion)), like.device)
    # Sliders that never move must not be taken for the driver's rest.
    return drive(
        source.points,
        slid_motion(motion, values),
        options,
        nets.retarget,
        ratios=source.ratios,
        stitching=render.stitching,
        animal=is_animal,
        source_is_video=is_video,
        driving_is_picture=is_picture,
        first=None if is_picture or motion.is_relative else motion[:1],
        fps=fps,
    )


def _held(track: KeypointTrack, length: int) -> KeypointTrack:
    """The track with its last frame held until ``length``."""
    missing = length - len(track)
    if missing <= 0:
        return track
    last = track.driving[-1:].expand(missing, -1, -1)
    return replace(track, driving=torch.cat([track.driving, last]))


def shown_size(prepared: Prepared) -> tuple[int, int]:
    """(H, W) of the frames."""
    if isinstance(prepared, PreparedPortrait):
        return prepared.size
    return prepared.frame_size if is_pasted(prepared.options) else (512, 512)


def _at_once(size: tuple[int, int], runtime: Runtime) -> int:
    most = CPU_FRAMES if runtime.device.type == "cpu" else runtime.chunk
    return max(1, min(runtime.chunk, most, _FRAME_BYTES // (size[0] * size[1] * 3)))


def rendered(
    nets: LivePortraitNets,
    features: SourceFeatures,
    track: KeypointTrack,
    runtime: Runtime,
    fitting: ChunkedRender | None = None,
) -> Tensor:
    """(N, 3, 512, 512) in [0, 1]: all faces of a short track; ``fitting`` knows how many fit."""
    parts = render_frames(nets.render, [(features, track)], runtime, at_once=fitting)
    return torch.cat(list(parts))


def part_of(track: KeypointTrack, part: slice) -> KeypointTrack:
    """A range of its frames."""
    source = track.source if len(track.source) == 1 else track.source[part]
    return KeypointTrack(source, track.driving[part], track.fps)


def _laid_over(frames: Tensor, crops: Tensor, places: Tensor, prepared: Prepared) -> Tensor:
    if prepared.options.seam == "matched":
        return composite(frames, crops, places)
    return paste_exact(frames, crops, places)


def _still_frames(
    nets: LivePortraitNets,
    prepared: PreparedPortrait,
    tracks: Sequence[KeypointTrack],
    runtime: Runtime,
) -> Iterator[Tensor]:
    length, at_once = len(tracks[0]), _at_once(prepared.size, runtime)
    quiet = replace(runtime, progress=lambda stage, done, total: None)
    fitting = chunked(quiet, prepared.size)
    for start in range(0, length, at_once):
        runtime.check_cancelled()
        part = slice(start, min(start + at_once, length))
        parts = [part_of(track, part) for track in tracks]
        yield shown_faces(nets, prepared, parts, quiet, fitting)
        runtime.progress("render", part.stop, length)


def shown_faces(
    nets: LivePortraitNets,
    prepared: PreparedPortrait,
    tracks: Sequence[KeypointTrack],
    runtime: Runtime,
    fitting: ChunkedRender | None = None,
) -> Tensor:
    """(N, 3, H, W) uint8: frames of a still portrait, a track of N frames for each face that moves.

    Faces are laid over the picture one after another; ``fitting`` knows how many frames fit.
    """
    # Not held over a yield: the reader must not run in inference mode because of us.
    with torch.inference_mode():
        shown = prepared.still[None].expand(len(tracks[0]), -1, -1, -1)
        for face, track in zip(prepared.faces, tracks):
            crops = rendered(nets, face.features, track, runtime, fitting)
            if not is_pasted(prepared.options):
                return to_levels(crops)
            shown = _laid_over(shown, crops, face.image_from_crop, prepared)
    return shown


def _video_frames(
    nets: LivePortraitNets,
    prepared: PreparedVideo,
    tracks: Sequence[KeypointTrack],
    length: int,
    runtime: Runtime,
) -> Iterator[Tensor]:
    quiet = replace(runtime, progress=lambda stage, done, total: None)
    fitting = chunked(quiet, prepared.frame_size)
    for start, frames in frames_of(prepared, _at_once(prepared.frame_size, runtime)):
        if start >= length:
            return
        runtime.check_cancelled()
        own = frames[: length - start].to(runtime.device)
        with torch.inference_mode():
            shown = own
            for face, track in zip(prepared.faces, tracks):
                shown = _face_in_frames(
                    nets, prepared, face, track, own, shown, start, quiet, fitting
                )
        yield shown
        runtime.progress("render", start + len(own), length)


def _face_in_frames(
    nets: LivePortraitNets,
    prepared: PreparedVideo,
    face: FaceInVideo,
    track: KeypointTrack,
    own: Tensor,
    shown: Tensor,
    start: int,
    runtime: Runtime,
    fitting: ChunkedRender,
) -> Tensor:
    """``shown`` with one face moved; ``own`` are the source's frames, of which one is ``start``."""
    count = min(len(own), len(track) - start)
    if count <= 0:
        return shown
    part = slice(start, start + count)
    moving = part_of(track, part)
    crops = crops_of_video(nets, prepared, face, moving, own[:count], start, runtime, fitting)
    if not is_pasted(prepared.options):
        return to_levels(crops)
    moved = _laid_over(shown[:count], crops, face.image_from_crop[part], prepared)
    seen = face.valid[part].to(own.device)[:, None, None, None]
    return torch.cat([torch.where(seen, moved, shown[:count]), shown[count:]])


def crops_of_video(
    nets: LivePortraitNets,
    prepared: PreparedVideo,
    face: FaceInVideo,
    track: KeypointTrack,
    own: Tensor,
    start: int,
    runtime: Runtime,
    fitting: ChunkedRender | None = None,
) -> Tensor:
    """(N, 3, 512, 512) in [0, 1]: one face of N frames of a video, of which one is ``start``."""
    pictures = source_pictures(face, own, start, not prepared.options.do_crop).to(runtime.device)
    features = prepare_features(nets.render, pictures, runtime)
    return rendered(nets, features, track, runtime, fitting)

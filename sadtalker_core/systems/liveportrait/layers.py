"""LivePortrait's renderer and its paste-back by themselves, for hosts that put something between
them: an upscaler, an enhancer, another network's faces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...errors import FaceIndexError, OptionError
from ...faces.composite import composite
from ...faces.composite_options import CompositeOptions
from ...geometry import affine
from ...runtime import Runtime
from ...structures import FrameStream, KeypointTrack
from .crop import CROP_SIZE
from .paste import paste_exact, paste_weight, to_levels
from .pipeline import Prepared, crops_of_video, part_of, rendered, shown_size
from .prepared import FaceInVideo, PreparedFace, PreparedVideo, frames_of, is_pasted
from .render import chunked
from .weights import LivePortraitNets

_AT_ONCE_BYTES = 96_000_000


def render_faces(
    nets: LivePortraitNets,
    prepared: Prepared,
    number: int,
    track: KeypointTrack,
    runtime: Runtime,
) -> FrameStream:
    """Faces (N, 3, 512, 512) in [0, 1] of a track, made while they are read.

    Args:
        nets: the networks.
        prepared: the portrait or video.
        number: of the face.
        track: its keypoints; of a video at most as many frames as it has.
        runtime: chunk, progress, cancel.

    Raises:
        FaceIndexError: there is no face of this number.
    """
    face = face_of(prepared, number)
    quiet = replace(runtime, progress=lambda stage, done, total: None)
    length = len(track) if isinstance(face, PreparedFace) else min(len(track), len(face))

    fitting = chunked(quiet, (CROP_SIZE, CROP_SIZE))

    def of_picture(face: PreparedFace) -> Iterator[Tensor]:
        for start in range(0, length, runtime.chunk):
            runtime.check_cancelled()
            part = slice(start, min(start + runtime.chunk, length))
            with torch.inference_mode():
                faces = rendered(nets, face.features, part_of(track, part), quiet, fitting)
            yield faces
            runtime.progress("render", part.stop, length)

    def of_video(prepared: PreparedVideo, face: FaceInVideo) -> Iterator[Tensor]:
        for start, frames in frames_of(prepared, runtime.chunk):
            if start >= length:
                return
            runtime.check_cancelled()
            own = frames[: length - start].to(runtime.device)
            part = slice(start, start + len(own))
            with torch.inference_mode():
                faces = crops_of_video(
                    nets, prepared, face, part_of(track, part), own, start, quiet
                )
            yield faces
            runtime.progress("render", part.stop, length)

    if isinstance(face, PreparedFace):
        return FrameStream(of_picture(face), length, face.features.size, track.fps)
    assert isinstance(prepared, PreparedVideo)
    return FrameStream(of_video(prepared, face), length, (CROP_SIZE, CROP_SIZE), prepared.fps)


def paste_faces(
    prepared: Prepared,
    number: int,
    faces: Tensor,
    onto: Tensor | None,
    seam: str,
    fps: Fraction,
    runtime: Runtime,
) -> FrameStream:
    """Faces of any size as the frames that are shown.

    Args:
        prepared: the portrait or video.
        number: of the face.
        faces: (T, 3, s, s) in [0, 1]; of a video those of its first T frames.
        onto: (1 or T, 3, H, W) uint8 frames to lay them over; the portrait's own by default.
        seam: "as prepared", "soft" (the original's edge) or "matched" (outlines and colours agree).
        fps: of the result; a video keeps its own.
        runtime: where to; progress and cancel.

    Raises:
        FaceIndexError: there is no face of this number.
        OptionError: the faces are not square, or ``onto`` has another size or length.
    """
    face = face_of(prepared, number)
    size = shown_size(prepared)
    if faces.shape[2] != faces.shape[3]:
        raise OptionError(
            f"the faces are {faces.shape[3]}x{faces.shape[2]}, but the renderer's are square; "
            "change their size without changing their shape."
        )
    if not is_pasted(prepared.options):
        return FrameStream(_alone(faces, size, runtime), len(faces), size, fps)
    if onto is not None and (tuple(onto.shape[2:]) != size or len(onto) not in (1, len(faces))):
        raise OptionError(
            f"{len(onto)} frames of {onto.shape[3]}x{onto.shape[2]} do not fit {len(faces)} faces "
            f"of a portrait of {size[1]}x{size[0]}."
        )
    length, rate = len(faces), fps
    if isinstance(prepared, PreparedVideo):
        length, rate = min(len(faces), len(prepared)), prepared.fps
    is_matched = seam == "matched" or (seam == "as prepared" and prepared.options.seam == "matched")
    at_once = max(1, min(runtime.chunk, _AT_ONCE_BYTES // (size[0] * size[1] * 3)))

    def chunks() -> Iterator[Tensor]:
        for start, frames in _grounds(prepared, onto, length, at_once):
            runtime.check_cancelled()
            base = frames[: length - start].to(runtime.device)
            part = slice(start, start + len(base))
            with torch.inference_mode():
                crops = faces[part].to(runtime.device, torch.float32)
                shown = _laid_over(base, crops, _places(face, part), is_matched)
                if isinstance(face, FaceInVideo):
                    seen = face.valid[part].to(base.device)[:, None, None, None]
                    shown = torch.where(seen, shown, base)
            yield shown
            if part.stop >= length:
                return

    return FrameStream(chunks(), length, size, rate)


def region(prepared: Prepared, frames: int, runtime: Runtime) -> Tensor:
    """(1 or T, H, W) in [0, 1]: how much of the rendered faces counts at each pixel.

    One for a portrait, T for a video, whose faces move.
    """
    size = shown_size(prepared)
    if not is_pasted(prepared.options):
        return torch.ones((1, *size), device=runtime.device)
    length = min(frames, len(prepared)) if isinstance(prepared, PreparedVideo) else 1
    rest = torch.ones((length, *size), device=runtime.device)
    for face in prepared.faces:
        for i, place in enumerate(_places(face, slice(0, length)).reshape(-1, 3, 3)):
            weight = paste_weight(place, size, device=runtime.device)
            if isinstance(face, PreparedFace) or bool(face.valid[i]):
                rest[i] *= 1 - weight
    return 1 - rest


def face_of(prepared: Prepared, number: int) -> PreparedFace | FaceInVideo:
    """A face by its number, in the order in which they are laid over the picture.

    Raises:
        FaceIndexError: there is none.
    """
    count = len(prepared.faces)
    if not 0 <= number < count:
        raise FaceIndexError(
            f"face {number} was asked for, the portrait was prepared with {count} "
            f"face{'s' if count > 1 else ''}: 0 to {count - 1}."
        )
    return prepared.faces[number]


def _places(face: PreparedFace | FaceInVideo, part: slice) -> Tensor:
    """(3, 3) of a picture, (N, 3, 3) of a part of a video, on the CPU."""
    maps = face.image_from_crop.cpu()
    return maps if isinstance(face, PreparedFace) else maps[part]


def _grounds(
    prepared: Prepared, onto: Tensor | None, length: int, at_once: int
) -> Iterator[tuple[int, Tensor]]:
    """What the faces are laid over: index of the first frame, and frames."""
    if onto is None and isinstance(prepared, PreparedVideo):
        yield from frames_of(prepared, at_once)
        return
    frames = onto
    if frames is None:
        assert not isinstance(prepared, PreparedVideo)
        frames = prepared.still[None]
    if len(frames) == 1:
        frames = frames.expand(length, -1, -1, -1)
    for start in range(0, length, at_once):
        yield start, frames[start : start + at_once]


def _laid_over(frames: Tensor, crops: Tensor, places: Tensor, is_matched: bool) -> Tensor:
    side = crops.shape[-1]
    at_512 = places.reshape(-1, 3, 3)
    # no finer than the picture, or reading them at its pixels would alias
    wanted = max(CROP_SIZE, round(float(affine.scale_of(at_512.double()).max()) * CROP_SIZE))
    if side > wanted:
        crops, side = _resized(crops, (wanted, wanted)), wanted
    if side != CROP_SIZE:
        ratio = CROP_SIZE / side
        shift = (ratio - 1) / 2
        resized = torch.tensor([[ratio, 0, shift], [0, ratio, shift], [0, 0, 1]]).to(places)
        places = places @ resized
    if is_matched:
        return composite(frames, crops, places, CompositeOptions())
    return paste_exact(frames, crops, places)


def _alone(faces: Tensor, size: tuple[int, int], runtime: Runtime) -> Iterator[Tensor]:
    for part in faces.split(runtime.chunk):
        runtime.check_cancelled()
        crops = part.to(runtime.device, torch.float32)
        if tuple(crops.shape[2:]) != size:
            crops = _resized(crops, size)
        yield to_levels(crops)


def _resized(crops: Tensor, size: tuple[int, int]) -> Tensor:
    made = interpolate(crops, size=size, mode="bilinear", align_corners=False, antialias=True)
    return made.clamp(0, 1)

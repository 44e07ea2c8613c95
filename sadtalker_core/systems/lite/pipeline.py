"""The built-in engine in two calls: prepare a portrait once, animate it as often as you like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ...errors import FaceError
from ...expression_sliders import ExpressionSliders
from ...faces.crop import framed
from ...faces.face import Face
from ...faces.mesh import EYE_OUTER, INNER_LIPS, MOUTH_CORNERS
from ...geometry.warp import Image
from ...runtime import Runtime
from ...structures import FrameStream, LiteMotion
from .config import LiteDriveOptions, LiteRenderOptions
from .driver import taken_over
from .render import PreparedPortrait, prepare_portrait, render_frame
from .sliders import slider_motion

LARGEST_PX = 4096
MOST_LEAN_DEG = 60.0  # mouth and lids are drawn for faces that are about upright
_CHUNK_BYTES = 48_000_000  # large pictures travel in smaller chunks


def prepare(
    rgb: Tensor, face: Face, options: LiteRenderOptions, like: PreparedPortrait | None = None
) -> PreparedPortrait:
    """Everything that depends on the portrait alone.

    Args:
        rgb: (3, H, W) uint8.
        face: the face that speaks.
        options: what of the picture is shown, and how. Full pictures larger than ``LARGEST_PX``
            are resized to it: few players decode more.
        like: the same head a moment before, where the picture is one of a video.

    Raises:
        FaceError: the face lies on its side or is upside down, or an eye or the mouth lies outside
            of the picture.
    """
    picture, face = framed(rgb, face, *shown_mode(options, rgb))
    _check_upright(face)
    _check_inside(face, (int(picture.shape[1]), int(picture.shape[2])))
    return prepare_portrait(as_image(picture), face, options, like)


def shown_mode(options: LiteRenderOptions, rgb: Tensor) -> tuple[str, int]:
    """What of a picture (3, H, W) is shown, and its longer side, as ``faces.crop.framed`` asks."""
    if options.frame == "full" and max(rgb.shape[1:]) > LARGEST_PX:
        return "resize", LARGEST_PX
    return options.frame, options.frame_size


def as_image(rgb: Tensor) -> Image:
    """(3, H, W) uint8 as an array (H, W, 3)."""
    return np.ascontiguousarray(rgb.permute(1, 2, 0).cpu().numpy())


def _check_upright(face: Face) -> None:
    left, right = face.mesh_px[list(EYE_OUTER), :2]
    lean = math.degrees(math.atan2(float(right[1] - left[1]), float(right[0] - left[0])))
    if abs(lean) > MOST_LEAN_DEG:
        raise FaceError(
            f"the face leans by {abs(lean):.0f} degrees, at most {MOST_LEAN_DEG:.0f} can be "
            "animated; turn the picture until the face is upright."
        )


def _check_inside(face: Face, size: tuple[int, int]) -> None:
    """Beyond its border a picture is mirrored: there is nothing that could speak or look."""
    parts = {
        "left eye": face.iris_px[0, :1],
        "right eye": face.iris_px[1, :1],
        "mouth": face.mesh_px[[*MOUTH_CORNERS, *INNER_LIPS], :2],
    }
    last = torch.tensor([size[1] - 1, size[0] - 1])
    cut = [name for name, at in parts.items() if bool(((at < 0) | (at > last)).any())]
    if cut:
        raise FaceError(
            f"the picture's border cuts the {' and the '.join(cut)} off; "
            "give a picture with both eyes and the whole mouth in it."
        )


def animate(prepared: PreparedPortrait, motion: LiteMotion, runtime: Runtime) -> FrameStream:
    """Frames of the portrait in motion, (N, 3, H, W) uint8 chunks made while they are read."""
    motion = motion.to("cpu")  # where this engine renders, whatever made the motion
    height, width = prepared.size
    chunk = max(1, min(runtime.chunk, _CHUNK_BYTES // (height * width * 3)))

    def chunks() -> Iterator[Tensor]:
        for start in range(0, len(motion), chunk):
            runtime.check_cancelled()
            frames = [
                render_frame(prepared, motion, index)
                for index in range(start, min(start + chunk, len(motion)))
            ]
            yield torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)

    return FrameStream(chunks(), len(motion), (height, width), motion.fps)


def drive(
    prepared: PreparedPortrait,
    motion: LiteMotion | None,
    options: LiteDriveOptions,
    sliders: ExpressionSliders,
    frames: int,
    fps: Fraction,
    runtime: Runtime,
) -> FrameStream:
    """Frames of a portrait that a driver moves, or sliders, or both.

    Args:
        prepared: the portrait.
        motion: the driver's, ``frames`` long; None leaves the portrait to the sliders, its mouth
            as open as it is in the picture.
        options: what of the motion is taken over.
        sliders: changes on top of it.
        frames: how many; 1 for a still picture.
        fps: frames per second.
        runtime: cancelling and chunk size.
    """
    portrait = still_mouth(prepared) if motion is None else prepared
    base = None if motion is None else taken_over(motion, options)
    moved = slider_motion(sliders, frames, fps, portrait, base)
    return animate(portrait, moved, runtime)


def still_mouth(prepared: PreparedPortrait) -> PreparedPortrait:
    """The portrait with its mouth as open as in the picture while nothing moves it."""
    return replace(prepared, closes_mouth=False)

"""The built-in engine in two calls: prepare a portrait once, animate it as often as you like."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ...errors import FaceError
from ...faces.crop import framed
from ...faces.face import Face
from ...faces.mesh import EYE_OUTER, INNER_LIPS, MOUTH_CORNERS
from ...runtime import Runtime
from ...structures import FrameStream, LiteMotion
from .config import LiteRenderOptions
from .render import PreparedPortrait, prepare_portrait, render_frame

LARGEST_PX = 4096
MOST_LEAN_DEG = 60.0  # mouth and lids are drawn for faces that are about upright
_CHUNK_BYTES = 48_000_000  # large pictures travel in smaller chunks


def prepare(rgb: Tensor, face: Face, options: LiteRenderOptions) -> PreparedPortrait:
    """Everything that depends on the portrait alone.

    Args:
        rgb: (3, H, W) uint8.
        face: the face that speaks.
        options: what of the picture is shown, and how. Full pictures larger than ``LARGEST_PX``
            are resized to it: few players decode more.

    Raises:
        FaceError: the face lies on its side or is upside down, or an eye or the mouth lies outside
            of the picture.
    """
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    mode, longest = options.frame, options.frame_size
    if mode == "full" and max(height, width) > LARGEST_PX:
        mode, longest = "resize", LARGEST_PX
    picture, face = framed(rgb, face, mode, longest)
    _check_upright(face)
    _check_inside(face, (int(picture.shape[1]), int(picture.shape[2])))
    return prepare_portrait(
        np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy()),
        face.mesh_px.cpu().numpy(),
        face.eyes_px.cpu().numpy(),
        face.iris_px.cpu().numpy(),
        options,
    )


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

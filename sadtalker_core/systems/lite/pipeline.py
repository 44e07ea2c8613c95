"""The built-in engine in two calls: prepare a portrait once, animate it as often as you like."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ...faces.crop import framed
from ...faces.face import Face
from ...runtime import Runtime
from ...structures import FrameStream, LiteMotion
from .config import LiteRenderOptions
from .render import PreparedPortrait, prepare_portrait, render_frame

LARGEST_PX = 4096
_CHUNK_BYTES = 48_000_000  # large pictures travel in smaller chunks


def prepare(rgb: Tensor, face: Face, options: LiteRenderOptions) -> PreparedPortrait:
    """Everything that depends on the portrait alone.

    Args:
        rgb: (3, H, W) uint8.
        face: the face that speaks.
        options: what of the picture is shown, and how. Full pictures larger than ``LARGEST_PX``
            are resized to it: few players decode more.
    """
    height, width = int(rgb.shape[1]), int(rgb.shape[2])
    mode, longest = options.frame, options.frame_size
    if mode == "full" and max(height, width) > LARGEST_PX:
        mode, longest = "resize", LARGEST_PX
    picture, face = framed(rgb, face, mode, longest)
    return prepare_portrait(
        np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy()),
        face.mesh_px.cpu().numpy(),
        face.eyes_px.cpu().numpy(),
        face.iris_px.cpu().numpy(),
        options,
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

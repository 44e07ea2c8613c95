"""The built-in engine in two calls: prepare a portrait once, animate it as often as you like."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ...faces.face import Face
from ...runtime import Runtime
from ...structures import FrameStream, LiteMotion
from .config import LiteRenderOptions
from .render import PreparedPortrait, prepare_portrait, render_frame

_CHUNK_BYTES = 48_000_000  # large pictures travel in smaller chunks


def prepare(rgb: Tensor, face: Face, options: LiteRenderOptions) -> PreparedPortrait:
    """Everything that depends on the portrait alone.

    Args:
        rgb: (3, H, W) uint8.
        face: the face that speaks.
    """
    return prepare_portrait(
        np.ascontiguousarray(rgb.permute(1, 2, 0).cpu().numpy()),
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

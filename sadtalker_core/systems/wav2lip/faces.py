"""From frames to what the generator sees, and from its pictures back to frames.

Pictures are RGB here; the generator's are BGR, which is turned at its door alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...faces.steady_boxes import Box
from ...geometry.resize import resize_linear
from .nets.generator import FACE_SIZE


def cut_faces(frames: Sequence[Tensor], boxes: Sequence[Box]) -> Tensor:
    """(N, 3, 96, 96) uint8 RGB on the CPU: the box x0, y0, x1, y1 of each frame (3, H, W) uint8,
    stretched to a square."""
    size = (FACE_SIZE, FACE_SIZE)
    return torch.stack(
        [resize_linear(rgb[:, y0:y1, x0:x1], size) for rgb, (x0, y0, x1, y1) in zip(frames, boxes)]
    )


def generator_input(faces: Tensor) -> Tensor:
    """(N, 3, 96, 96) uint8 RGB -> (N, 6, 96, 96) BGR in [0, 1]: lower half black, whole."""
    whole = faces.flip(1).float() / 255
    masked = whole.clone()
    masked[:, :, FACE_SIZE // 2 :] = 0
    return torch.cat((masked, whole), 1)


def generator_output(image: Tensor) -> Tensor:
    """(N, 3, 96, 96) BGR in [0, 1] -> uint8 RGB, cut off, not rounded, as the original does."""
    return (image.flip(1) * 255.0).to(torch.uint8)


def paste_hard(rgb: Tensor, face: Tensor, box: Box) -> None:
    """Write ``face`` (3, 96, 96) uint8 into the box of ``rgb`` (3, H, W) uint8, in place: the
    whole box is replaced, as in the original."""
    x0, y0, x1, y1 = box
    rgb[:, y0:y1, x0:x1] = resize_linear(face, (y1 - y0, x1 - x0)).to(rgb.device)

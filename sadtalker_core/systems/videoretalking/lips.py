"""What LNet and ENet are given and how their faces become pictures.

Pictures here are RGB; the networks were trained with blue first, so the order is turned round at
their doors and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...geometry.resize import resize_linear
from .nets.enet import SIZE
from .nets.ganimation import SIZE as SMALL
from .nets.ganimation import UNITS, GANimation

# What is asked of the action units, by their numbers; sad asks for none, as in the reference.
_ASKED: dict[str, dict[int, float]] = {"sad": {}, "angry": {4: 0.3}, "surprise": {5: 0.2}}


def face_batch(originals: Sequence[Tensor], references: Sequence[Tensor]) -> Tensor:
    """(B, 6, 384, 384) in [0, 1] for ENet: the faces with their lower half black, the references.

    Args:
        originals: B pictures (3, h, w) uint8 RGB, the face boxes of the frames.
        references: the same boxes of the frames with the expression taken away.
    """
    faces, styles = (
        torch.stack([resize_linear(face, (SIZE, SIZE)).flip(0) for face in pictures])
        for pictures in (originals, references)
    )
    faces[:, :, SIZE // 2 :] = 0
    # in double precision and then single, as numpy divides bytes
    return (torch.cat([faces, styles], 1).double() / 255).float()


def to_bytes(faces: Tensor) -> Tensor:
    """ENet's faces (B, 3, 384, 384), blue first, as uint8 RGB, cut off to whole levels."""
    return (faces.clamp(0, 1) * 255).to(torch.uint8).flip(1)


def at_box(face: Tensor, size: tuple[int, int]) -> Tensor:
    """A face (3, 384, 384) uint8 in its box of ``size`` (H, W), on the CPU."""
    return resize_linear(face, size)


def keep_upper(made: Tensor, masked: Tensor, upper: Tensor) -> Tensor:
    """``made`` where ``masked`` is exactly 0 and ``upper`` elsewhere; all (B, 3, 384, 384).

    ``masked`` is the face that ENet was given: hidden below, and black pixels above count too.
    """
    hidden = (masked == 0).to(made.dtype)
    return made * hidden + upper * (1 - hidden)


def express_upper(net: GANimation, faces: Tensor, emotion: str) -> Tensor:
    """Faces (B, 3, 384, 384) in [0, 1], blue first, with an emotion of ``UPPER_FACES``.

    GANimation works on 128 pixels; the result is enlarged.
    """
    asked = _ASKED[emotion]
    units = faces.new_tensor([asked.get(unit, 0.0) for unit in UNITS])
    small = _resized(faces * 2 - 1, SMALL)
    shown = net(small, units.expand(faces.shape[0], -1)).over(small)
    return _resized(shown / 2 + 0.5, SIZE)


def _resized(pictures: Tensor, side: int) -> Tensor:
    return F.interpolate(pictures, (side, side), mode="bilinear", align_corners=False)

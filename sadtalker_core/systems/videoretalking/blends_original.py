"""The original's last two steps, with the whole frame at 512 x 512 pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...enhance.fast.parsenet import FastParseNet
from ...enhance.gpen_process import GpenFace, gpen_process
from ...enhance.nets.parsenet import ParseNet, is_class
from ...enhance.restore import restore_picture, to_network
from ...faces.steady_boxes import Box
from ...geometry.pyramid import blend_pyramids
from ...geometry.resize import resize_linear
from .blends import MOUTH_CLASSES

_SIDE = 512
_LEVELS = 10


def restore_mouth(
    painted: Tensor,
    box: Box,
    points: Tensor | None,
    restore: Callable[[Tensor], Tensor] | None,
    parsenet: ParseNet | FastParseNet,
    size: int = _SIDE,
) -> Tensor:
    """The frame with mouth and lips of a restored face.

    Args:
        painted: (3, H, W) uint8, the frame with the drawn face in its box.
        box: x0, y0, x1, y1.
        points: (5, 2) of the face; None restores nothing, where none was found.
        restore: faces (1, 3, S, S) in [-1, 1] to restored ones; None likewise.
        parsenet: says where the mouth is.
        size: S.
    """
    restored = painted
    if points is not None and restore is not None:
        restored = restore_picture(painted, [points], restore, size=size)
    x0, y0, x1, y1 = box
    like = next(parsenet.parameters())
    seen = resize_linear(restored[:, y0:y1, x0:x1], (_SIDE, _SIDE))
    scores = parsenet(to_network(seen)[None].to(like))
    levels = is_class(scores, MOUTH_CLASSES).to(torch.uint8).cpu() * 255
    at_box = resize_linear(levels.expand(3, -1, -1), (y1 - y0, x1 - x0))[0]
    mask = torch.zeros(painted.shape[1:])
    # kept as bytes over 255 by the original: a hard mask
    mask[y0:y1, x0:x1] = (at_box == 255).float()
    small = F.interpolate(mask[None, None], (_SIDE, _SIDE), mode="bilinear", align_corners=False)
    above, below = (resize_linear(x, (_SIDE, _SIDE)) for x in (restored, painted))
    mixed = blend_pyramids(above, below, small[0, 0], _LEVELS).clamp(0, 255)
    whole = F.interpolate(
        mixed[None], tuple(painted.shape[1:]), mode="bilinear", align_corners=False
    )
    return whole[0].to(torch.uint8)


def blend_face(
    picture: Tensor,
    original: Tensor,
    box: Box,
    faces: Sequence[GpenFace],
    mask: Callable[[Tensor], Tensor],
    size: int = _SIDE,
) -> Tensor:
    """The face of ``picture`` blended into ``original``, both (3, H, W) uint8; the picture itself
    where it shows no face."""
    if not faces:
        return picture
    x0, y0, x1, y1 = box
    result = gpen_process(
        picture, original, faces, mask, box=(y0, y1, x0, x1), pyramid=True, size=size
    )
    return result.picture

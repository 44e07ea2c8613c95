"""GPEN's face enhancement as VideoReTalking calls it: on its references and on its last blend.

Pictures are (3, H, W) uint8 RGB. What the networks say is passed in as functions, so that a face is
looked for and parsed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import FaceError
from ..geometry.filters import blur, to_levels, warp
from ..geometry.pyramid import blend_pyramids
from ..geometry.resize import resize_linear
from .align import SIZE, gpen_points, similarity
from .restore import emptied, softened

# ParseNet's classes of the face alone: no ears, no hair, no neck.
FACE_CLASSES = (1, 2, 3, 4, 5, 6, 7, 10, 11, 12)
LEAST_SCORE = 0.9
_SMALL_FACE_PX = 100
_LEVELS = 6  # of the pyramid
_BORDER = 20  # of the mask, pixels of 512


@dataclass(frozen=True)
class GpenFace:
    """A face that RetinaFace found.

    Attributes:
        points_px: (5, 2).
        box_px: x0, y0, x1, y1.
    """

    points_px: Tensor
    box_px: tuple[float, float, float, float]

    @property
    def is_small(self) -> bool:
        """Small faces are smoothed after they are restored."""
        x0, y0, x1, y1 = self.box_px
        return min(y1 - y0, x1 - x0) < _SMALL_FACE_PX


@dataclass(frozen=True)
class GpenResult:
    """What the faces left: ``picture`` (3, H, W) uint8, and each face before and after."""

    picture: Tensor
    crops: list[Tensor]
    restored: list[Tensor]


def gpen_crop(picture: Tensor, points_px: Tensor, size: int = SIZE) -> tuple[Tensor, Tensor]:
    """The face (3, S, S) uint8 by its five points, and (2, 3) image_from_crop.

    The way back is a fit of its own with the inverse scale, as in the original.
    """
    source, target = points_px.float(), gpen_points(size).float()
    forward, scale = similarity(source, target)
    back, _ = similarity(target, source, 1 / scale)
    crop = warp(picture.float()[None], forward, (size, size))[0]
    return to_levels(crop), back


def gpen_process(
    picture: Tensor,
    original: Tensor,
    faces: Sequence[GpenFace],
    face_mask: Callable[[Tensor], Tensor],
    restore: Callable[[Tensor], Tensor] | None = None,
    *,
    box: tuple[int, int, int, int] | None = None,
    pyramid: bool = False,
    size: int = SIZE,
) -> GpenResult:
    """Faces of ``picture`` laid over ``original``.

    Args:
        picture: (3, H, W) uint8 that the faces are taken from.
        original: (3, H, W) uint8 that they are laid over.
        faces: the surest first; those below ``LEAST_SCORE`` are left out by the caller.
        face_mask: a face (3, S, S) uint8 to (S, S) float, 1 on ``FACE_CLASSES`` and 0 elsewhere.
        restore: a face (3, S, S) uint8 to a restored one; None lays the face itself over.
        box: y0, y1, x0, x1 of the part that may change; with ``pyramid`` only.
        pyramid: blend by pyramids of the whole frame at 512 pixels, else by the masks.
        size: side of the face pictures.

    Raises:
        FaceError: there are no faces; the original breaks off there too.
    """
    if not faces:
        raise FaceError(
            "No face was found in a frame that should have one. Pass such frames through."
        )
    height, width = picture.shape[1:]
    full = torch.zeros_like(original)
    reach = torch.zeros((height, width), device=picture.device)
    sharp = reach
    crops: list[Tensor] = []
    restored: list[Tensor] = []
    for face in faces:
        crop, back = gpen_crop(picture, face.points_px, size)
        shown = crop if restore is None else restore(crop)
        crops.append(crop)
        restored.append(shown)
        mask = face_mask(shown).to(reach)
        soft = softened(mask, _BORDER, before=True)
        # the original empties the border of the very mask that it keeps
        edge = emptied(mask, max(1, _BORDER * size // SIZE))
        soft, sharp = warp(torch.stack((soft, edge))[None], back, (height, width))[0]
        # without a network the original lays the face itself over, never the smoothed one
        if restore is not None and face.is_small:
            shown = smoothed(shown)
        full, reach = laid_over(full, reach, shown, soft, back)
    sharp = blur(sharp, 9, 1.0)
    if pyramid:
        picture = _by_pyramids(full, original, sharp if box is not None else reach, box)
    else:
        whole = to_levels(original * (1 - reach) + full * reach)
        picture = to_levels(original * (1 - sharp) + whole * sharp)
    return GpenResult(picture, crops, restored)


def laid_over(
    full: Tensor, reach: Tensor, face: Tensor, soft: Tensor, image_from_crop: Tensor
) -> tuple[Tensor, Tensor]:
    """One more face among those that are laid down: where they overlap the stronger mask wins.

    Args:
        full: (3, H, W) uint8 with the faces so far.
        reach: (H, W) the strongest mask so far.
        face: (3, S, S) uint8.
        soft: (H, W) its mask.
        image_from_crop: (2, 3).

    Returns:
        the new ``full`` and ``reach``.
    """
    size = (reach.shape[0], reach.shape[1])
    laid = to_levels(warp(face.float()[None], image_from_crop, size)[0])
    wins = soft > reach
    return torch.where(wins, laid, full), torch.where(wins, soft, reach)


def smoothed(picture: Tensor) -> Tensor:
    """A restored face (3, S, S) as it is laid over a small one."""
    return to_levels(blur(picture.float(), 3))


def _by_pyramids(
    full: Tensor, original: Tensor, mask: Tensor, box: tuple[int, int, int, int] | None
) -> Tensor:
    if box is not None:
        y0, y1, x0, x1 = box
        inside = torch.zeros_like(mask)
        inside[y0 : y1 - 5, x0:x1] = 1
        mask = mask * inside
    small = F.interpolate(mask[None, None], (SIZE, SIZE), mode="bilinear", align_corners=False)
    above, below = (resize_linear(x, (SIZE, SIZE)) for x in (full, original))
    blended = blend_pyramids(above, below, small[0, 0], _LEVELS).clamp(0, 255)
    whole = F.interpolate(
        blended[None], tuple(original.shape[1:]), mode="bilinear", align_corners=False
    )
    return whole[0].to(torch.uint8)

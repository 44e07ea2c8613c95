"""The painted lips laid over the frame: the lower face alone, softly, in the frame's own light."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...faces.border_match import smoothstep
from ...faces.mesh import FACE_OVAL
from ...faces.steady_boxes import Box
from ...geometry.opencv import cv2
from .nets.generator import FACE_SIZE

_TOP = (0.48, 0.62)  # of the box's height: from here the new face is seen, from there alone
_EDGE = 0.10  # of the box's side: width of the soft edges
_GROWTH = 0.08  # of the box's height: how far the painted chin may reach below the old one
_SOFT = 0.06  # of the box's height: softness of the face's outline
_MOST_LIGHT = 24.0  # levels: a generator that is farther off is not to be trusted in this
_KNOWN = 40  # rows of the 96 that the generator sees and gives back, well above the hidden half


def paste_soft(
    rgb: Tensor,
    face: Tensor,
    seen: Tensor,
    box: Box,
    oval: Tensor | None,
    strength: float = 1.0,
) -> None:
    """Lay the lower half of ``face`` over the box of ``rgb``, in place.

    What the mask leaves out stays as it was, to the bit.

    Args:
        rgb: (3, H, W) uint8 on the CPU.
        face: (3, 96, 96) uint8, painted.
        seen: (3, 96, 96) uint8, what the generator was given: tells how it changed the light.
        box: x0, y0, x1, y1 of the face.
        oval: (K, 2) outline of the face in pixels of the frame; the box alone without it.
        strength: how much of it is shown, 0 to 1.
    """
    x0, y0, x1, y1 = box
    height, width = y1 - y0, x1 - x0
    mask = soft_mask(box, oval) * strength
    rows = torch.nonzero(mask.amax(1)).flatten()
    if not rows.numel():
        return
    first, last = int(rows[0]), int(rows[-1]) + 1
    painted = face.float() + _light(face, seen)[:, None, None]
    painted = F.interpolate(
        painted[None], size=(height, width), mode="bicubic", align_corners=False
    )[0]
    place = rgb[:, y0 + first : y0 + last, x0:x1]
    old = place.float()
    mixed = old + mask[first:last] * (painted[:, first:last].clamp(0, 255) - old)
    place.copy_(mixed.round_().to(torch.uint8))


def soft_mask(box: Box, oval: Tensor | None) -> Tensor:
    """(h, w) float32 in [0, 1]: how much of the painted face counts in the box."""
    x0, y0, x1, y1 = box
    height, width = y1 - y0, x1 - x0
    down = (torch.arange(height) + 0.5) / height
    across = (torch.arange(width) + 0.5) / width
    begin, end = _TOP
    top = smoothstep((down - begin) / (end - begin))
    bottom = smoothstep((1 - down) / _EDGE)
    sides = smoothstep(torch.minimum(across, 1 - across) / _EDGE)
    mask = (top * bottom)[:, None] * sides[None]
    return mask if oval is None else mask * _face_shape(oval, box)


def _face_shape(oval: Tensor, box: Box) -> Tensor:
    """(h, w) in [0, 1]: 1 on the face, which may open its mouth, softly 0 outside."""
    x0, y0, x1, y1 = box
    height, width = y1 - y0, x1 - x0
    points = oval.double() - torch.tensor([x0, y0], dtype=torch.float64)
    middle = float(points[:, 1].mean())
    grown = points.clone()
    grown[:, 1] += _GROWTH * height * (points[:, 1] > middle)
    shape = np.zeros((height, width), np.float32)
    polygon = (grown * 16).round().to(torch.int32).numpy()
    cv2.fillPoly(shape, [polygon], 1.0, cv2.LINE_AA, shift=4)
    blurred = cv2.GaussianBlur(shape, (0, 0), max(0.5, _SOFT * height / 2))
    return torch.from_numpy(np.asarray(blurred))


def _light(face: Tensor, seen: Tensor) -> Tensor:
    """(3,) to be added to the painted face: what the part that was not hidden lost."""
    middle = slice(FACE_SIZE // 6, FACE_SIZE - FACE_SIZE // 6)
    was = seen[:, :_KNOWN, middle].float()
    became = face[:, :_KNOWN, middle].float()
    return (was - became).mean((1, 2)).clamp(-_MOST_LIGHT, _MOST_LIGHT)


def oval_of(mesh_px: Tensor) -> Tensor:
    """(K, 2) outline of a face's mesh (468, 2 or 3), in its pixels."""
    return mesh_px[list(FACE_OVAL), :2]

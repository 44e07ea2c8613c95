"""Putting one changed crop back into its picture, wherever and however turned it was cut.

Sequences whose upright crop belongs to a still picture are pasted by ``composite``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..geometry import affine
from ..geometry.opencv import cv2
from .border_match import smoothstep
from .crop import to_image
from .face import Face
from .mesh import FACE_OVAL


def square_mask(size: int, feather: float = 0.12) -> Tensor:
    """(size, size) float32 in [0, 1]: 1 inside, falling smoothly to 0 at the edges.

    ``feather`` is the width of the fall as a part of the side, up to 0.5.
    """
    steps = torch.arange(size, dtype=torch.float32) + 0.5
    ramp = smoothstep(torch.minimum(steps, size - steps) / max(feather * size, 1e-3))
    return ramp[:, None] * ramp[None, :]


def face_mask(face: Face, image_from_crop: Tensor, size: int, feather: float = 0.06) -> Tensor:
    """(size, size) float32 in [0, 1]: 1 on the face's oval, soft outside of it.

    ``feather`` is the softness as a part of the side. The border of the crop is always 0.
    """
    crop_from_image = affine.inverse(image_from_crop)
    oval = affine.apply(crop_from_image, face.mesh_px[list(FACE_OVAL), :2].double())
    mask = np.zeros((size, size), np.float32)
    polygon = (oval * 16).round().to(torch.int32).numpy()
    cv2.fillPoly(mask, [polygon], 1.0, cv2.LINE_AA, shift=4)
    width = max(1, round(feather * size))
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width + 1, width + 1)))
    mask = cv2.GaussianBlur(mask, (0, 0), width / 2)
    return torch.from_numpy(np.asarray(mask)) * square_mask(size, 2 * feather)


def paste_back(
    rgb: Tensor, crop: Tensor, image_from_crop: Tensor, mask: Tensor | None = None
) -> Tensor:
    """``rgb`` (3, H, W) with ``crop`` (3, S, S) laid over it, as uint8 (3, H, W).

    Args:
        rgb: the picture, uint8 or float in [0, 1].
        crop: the changed crop, uint8 or float in [0, 1].
        image_from_crop: (3, 3) map that the crop was cut with.
        mask: (S, S) in [0, 1], how much of the crop counts; ``square_mask`` by default. Where it
            is 0 the picture stays as it is, to the bit.
    """
    size = crop.shape[-1]
    image = to_image(rgb).copy()
    height, width = image.shape[:2]
    corners = torch.tensor([[-0.5, -0.5], [size - 0.5, -0.5], [-0.5, size - 0.5], [size - 0.5] * 2])
    reach = affine.apply(image_from_crop, corners.double())
    x0, y0 = reach.amin(0).floor().long().tolist()
    x1, y1 = (reach.amax(0).ceil().long() + 1).tolist()
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if x0 >= x1 or y0 >= y1:
        return torch.from_numpy(image).permute(2, 0, 1)
    box_from_image = torch.tensor([[1.0, 0, -x0], [0, 1, -y0], [0, 0, 1]], dtype=torch.float64)
    box_from_crop = (box_from_image @ image_from_crop)[:2].numpy()
    area = (x1 - x0, y1 - y0)
    alpha = square_mask(size) if mask is None else mask.float().cpu()
    moved = cv2.warpAffine(
        to_image(crop), box_from_crop, area, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    weight = cv2.warpAffine(alpha.numpy(), box_from_crop, area, flags=cv2.INTER_LINEAR)[..., None]
    box = image[y0:y1, x0:x1]
    mixed = box + weight * (moved.astype(np.float32) - box)
    box[...] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return torch.from_numpy(image).permute(2, 0, 1)

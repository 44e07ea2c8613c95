"""Where a tracked face is, for the enhancers: five points, masks, how far it is turned away."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..faces.face import Face
from ..faces.mesh import (
    EYE_CORNERS,
    FACE_OVAL,
    LIPS_OUTER_LOWER,
    LIPS_OUTER_UPPER,
    MOUTH_CORNERS,
    NOSE_TIP,
    canonical_points,
    head_pose,
)
from ..geometry.filters import blur
from ..geometry.warp import polygon_mask

_LIPS = (*LIPS_OUTER_UPPER, *LIPS_OUTER_LOWER[-2:0:-1])
# How much larger than the outline the mask is, and how soft, in parts of its size.
_LARGER = {"face": 1.04, "mouth": 1.35}
_SOFT = {"face": 0.05, "mouth": 0.15}
_BORDER = 0.03  # of the crop, where nothing is changed
# The networks know faces from the front: beyond these turns they are trusted less and less.
_TRUSTED_DEG, _LOST_DEG = 50.0, 75.0
_DRAWN = 256  # side of the mask as it is drawn; it is soft


def outline_of(face: Face, region: str) -> Tensor:
    """(K, 2) points around what is restored, pixels of the frame."""
    indices = list(FACE_OVAL if region == "face" else _LIPS)
    return face.mesh_px[indices, :2]


def five_points_of(face: Face) -> Tensor:
    """(5, 2) eyes, nose tip, mouth corners, viewer's left first, pixels of the frame.

    They are those of a face at rest with this pose, so that speech and blinks do not shake them.
    Eyes are the middles of their corners.
    """
    mesh = head_pose(face.mesh_px).apply(canonical_points().to(face.mesh_px))[:, :2]
    eyes = [mesh[list(corners)].mean(0) for corners in EYE_CORNERS]
    return torch.stack((*eyes, mesh[NOSE_TIP], *(mesh[i] for i in MOUTH_CORNERS)))


def trust_in(face: Face) -> float:
    """1 for a face that looks this way, falling to 0 for one in profile."""
    angles = head_pose(face.mesh_px).angles_rad[:2].abs()
    turned = math.degrees(float(angles.norm()))
    part = (_LOST_DEG - turned) / (_LOST_DEG - _TRUSTED_DEG)
    return min(1.0, max(0.0, part))


def region_mask(outline_px: Tensor, size: int, region: str) -> Tensor:
    """(S, S) float in [0, 1]: what is restored, with a soft edge, nothing at the crop's border.

    Args:
        outline_px: (K, 2) points around it, pixels of the crop.
        size: S.
        region: ``face`` or ``mouth``.
    """
    scale = _DRAWN / size
    middle = outline_px.mean(0)
    around = (outline_px - middle) * _LARGER[region] + middle
    points = ((around + 0.5) * scale - 0.5).numpy().astype(np.float32)
    extent = float((outline_px.amax(0) - outline_px.amin(0)).mean()) * scale
    # Points far outside of the crop would overflow the pixels that drawing counts.
    mask = torch.from_numpy(polygon_mask(points.clip(-4 * _DRAWN, 4 * _DRAWN), _DRAWN, _DRAWN))
    sigma = max(0.5, _SOFT[region] * extent)
    reach = min(2 * math.ceil(3 * sigma) + 1, 2 * _DRAWN - 1)
    mask = blur(mask, reach, sigma) * _window(_DRAWN)
    shown = F.interpolate(mask[None, None], (size, size), mode="bilinear", align_corners=False)
    return shown[0, 0]


def _window(size: int) -> Tensor:
    """(S, S) 1, falling to 0 at the border."""
    places = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    edge = torch.minimum(places, 1 - places) / _BORDER
    slope = ((edge - 1) / 2).clamp(0, 1)
    slope = slope * slope * (3 - 2 * slope)
    return slope[:, None] * slope[None]

"""Lip measures of tracked faces, free of head pose: what the mouth network learns to predict."""

from __future__ import annotations

import torch
from torch import Tensor

from ..faces.mesh import (
    CHIN,
    EYE_OUTER,
    INNER_MOUTH_CORNERS,
    LIPS_INNER_LOWER,
    LIPS_INNER_UPPER,
    LIPS_OUTER_LOWER,
    LIPS_OUTER_UPPER,
    MOUTH_CORNERS,
    RIGID,
    canonical_points,
)

MEASURES = ("open", "width", "corners", "pucker", "jaw")


def frontal_meshes(meshes_px: Tensor) -> Tensor:
    """(T, 468, 3) meshes turned to the front and scaled so that the outer-eye distance is 1.

    A similarity transform (Umeyama 1991) lays the points that do not move in the skull over a
    neutral face; what remains is facial expression and identity.
    """
    shape = canonical_points().double()
    shape = shape / (shape[EYE_OUTER[0]] - shape[EYE_OUTER[1]]).norm()
    rigid = list(RIGID)
    target = shape[rigid]
    target_mean = target.mean(0)
    points = meshes_px.double()
    source = points[:, rigid]
    mean = source.mean(1, keepdim=True)
    covariance = torch.einsum("kc,tkd->tcd", target - target_mean, source - mean) / len(rigid)
    u, spread, vt = torch.linalg.svd(covariance)
    sign = torch.ones(len(points), 3, dtype=torch.float64)
    sign[:, 2] = torch.sign(torch.det(u) * torch.det(vt))
    rotation = u @ torch.diag_embed(sign) @ vt
    scale = (spread * sign).sum(1) / (source - mean).square().sum((1, 2)) * len(rigid)
    return scale[:, None, None] * (points - mean) @ rotation.transpose(1, 2) + target_mean


def lip_measures(meshes_px: Tensor) -> Tensor:
    """(T, 5) ``MEASURES`` of meshes (T, 468, 3), in outer-eye distances, not relative to rest.

    Opening is averaged over five pairs of inner lip points and width over both pairs of corners,
    because single points jitter.
    """
    face = frontal_meshes(meshes_px)
    upper, lower = list(LIPS_INNER_UPPER[3:8]), list(LIPS_INNER_LOWER[3:8])
    gap = (face[:, lower] - face[:, upper])[..., :2].norm(dim=2).mean(1)
    outer, inner = (
        (face[:, right] - face[:, left]).norm(dim=1)
        for left, right in (MOUTH_CORNERS, INNER_MOUTH_CORNERS)
    )
    width = (outer + inner) / 2
    corners = face[:, list(MOUTH_CORNERS)].mean(1)
    middle = face[:, [*LIPS_OUTER_UPPER[4:7], *LIPS_OUTER_LOWER[4:7]]].mean(1)
    raised = middle[:, 1] - corners[:, 1]
    forward = corners[:, 2] - middle[:, 2]
    chin = face[:, CHIN, 1] - face[:, 168, 1]
    return torch.stack([gap, width, raised, forward - 0.5 * width, chin], dim=1).float()

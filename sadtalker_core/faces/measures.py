"""What a face does, as numbers free of head pose: opening of mouth and eyes, brows, gaze.

Measured on the mesh turned to the front, in E, the outer-eye distance. Nothing here is relative
to a face's rest: who compares frames takes that off.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .mesh import (
    BROW_LOWER,
    BROW_UPPER,
    CHIN,
    EYE_CORNERS,
    EYE_LOWER,
    EYE_OUTER,
    EYE_UPPER,
    INNER_MOUTH_CORNERS,
    LIPS_INNER_LOWER,
    LIPS_INNER_UPPER,
    LIPS_OUTER_LOWER,
    LIPS_OUTER_UPPER,
    MOUTH_CORNERS,
    NOSE_BASE,
    NOSE_BRIDGE,
    canonical_points,
    head_pose,
)

_CAVITY = 0.5  # of the brightness of the lips: what is darker is the inside of the mouth
LIP_MEASURES = ("open", "width", "corners", "pucker", "jaw")
FACE_MEASURES = (*LIP_MEASURES, "lid_left", "lid_right", "brow_left", "brow_right")


def canonical_unit() -> float:
    """E of the neutral face, in its centimetres."""
    shape = canonical_points()
    return float((shape[EYE_OUTER[0]] - shape[EYE_OUTER[1]]).norm())


def frontal_meshes(meshes_px: Tensor) -> Tensor:
    """(T, 468, 3) float64 meshes turned to the front, scaled to the neutral face with E = 1.

    Points that do not move in the skull are laid over the neutral face; what remains is facial
    expression and identity. x right, y down, z away from the viewer.
    """
    points = meshes_px.double()
    return head_pose(points).undo(points) / canonical_unit()


def lip_measures(meshes_px: Tensor) -> Tensor:
    """(T, 5) ``LIP_MEASURES`` of meshes (T, 468, 3), in E.

    Opening is averaged over five pairs of inner lip points and width over both pairs of corners,
    because single points jitter.
    """
    return _lips(frontal_meshes(meshes_px)).float()


def face_measures(meshes_px: Tensor) -> Tensor:
    """(T, 9) ``FACE_MEASURES`` of meshes (T, 468, 3), in E.

    Gap of the lips, width, raise of the corners, protrusion, chin, gaps of the two eyes, heights
    of the two brows above their eyes. Meshes of ``mesh.mesh_with_eyes`` follow blinks best.
    """
    face = frontal_meshes(meshes_px)
    columns = [_lips(face)]
    for upper, lower in zip(EYE_UPPER, EYE_LOWER):
        lids = face[:, list(lower), 1].mean(1) - face[:, list(upper), 1].mean(1)
        columns.append(lids[:, None])
    for upper, lower, corners in zip(BROW_UPPER, BROW_LOWER, EYE_CORNERS):
        eye = face[:, list(corners), 1].mean(1)
        columns.append((eye - face[:, [*upper, *lower], 1].mean(1))[:, None])
    return torch.cat(columns, 1).float()


def lip_heights(meshes_px: Tensor) -> Tensor:
    """(T, 2) how high the mouth's corners and the middle of the upper lip are, in E.

    Against the base of the nose, which is near and still: opening the mouth does not change them,
    unlike the ``corners`` of ``LIP_MEASURES``.
    """
    face = frontal_meshes(meshes_px)
    nose = face[:, list(NOSE_BASE[1:4]), 1].mean(1)
    corners = face[:, list(MOUTH_CORNERS), 1].mean(1)
    upper = face[:, list(LIPS_INNER_UPPER[4:7]), 1].mean(1)
    return torch.stack((nose - corners, nose - upper), 1).float()


def dark_opening(rgb: Tensor, mesh_px: Tensor, unit_px: float) -> float:
    """Height of the dark between the lips in E: 0 where they touch, or where teeth fill the gap.

    The mesh cannot tell pursed lips from lips around a round opening; the picture can.

    Args:
        rgb: (3, H, W) uint8.
        mesh_px: (468, 3).
        unit_px: E in pixels.
    """
    top, bottom = mesh_px[LIPS_OUTER_UPPER[5], :2], mesh_px[LIPS_OUTER_LOWER[5], :2]
    left, right = mesh_px[list(MOUTH_CORNERS), :2]
    across = (right - left) / (right - left).norm().clamp(min=1e-6)
    steps = torch.linspace(0, 1, 33)[:, None]
    aside = torch.tensor([-0.04, 0.0, 0.04])[:, None, None] * unit_px
    spots = (top + (bottom - top) * steps + aside * across).round().long()
    x = spots[..., 0].clamp(0, rgb.shape[2] - 1)
    y = spots[..., 1].clamp(0, rgb.shape[1] - 1)
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    luma = (rgb[:, y, x].float().cpu() * weights).sum(0)
    lips = torch.quantile(luma, 0.75)
    dark = (luma < _CAVITY * lips).float().mean(1).median()
    return float(dark * (bottom - top).norm() / unit_px)


def _lips(face: Tensor) -> Tensor:
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
    chin = face[:, CHIN, 1] - face[:, NOSE_BRIDGE[0], 1]
    return torch.stack([gap, width, raised, forward - 0.5 * width, chin], dim=1)


def iris_places(eyes_px: Tensor, iris_px: Tensor, unit_px: Tensor) -> Tensor:
    """(T, 2, 2) where each iris is between the corners of its eye: x right, y down, in E.

    Measured along the line of the corners, so that leaning the head changes nothing.

    Args:
        eyes_px: (T, 2, 71, 2), viewer's left eye first.
        iris_px: (T, 2, 5, 2).
        unit_px: (T,) E in pixels.
    """
    outer, inner = eyes_px[:, :, 0], eyes_px[:, :, 8]
    # from the viewer's left to right for both eyes
    sign = eyes_px.new_tensor([1.0, -1.0])[None, :, None]
    along = (inner - outer) * sign
    along = along / along.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    down = torch.stack((-along[..., 1], along[..., 0]), -1)
    offset = iris_px[:, :, 0] - (outer + inner) / 2
    place = torch.stack(((offset * along).sum(-1), (offset * down).sum(-1)), -1)
    return place / unit_px[:, None, None]

"""Faces from MediaPipe's 478 landmarks, which other programs find: mesh, eyes and irises at once.

The first 468 are the mesh's points, then come five of each iris: the middle and four of the rim,
the eye that the viewer sees on the left first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import StructureError
from .face import Face
from .mesh import EYE_TO_MESH, POINTS

COUNT = POINTS + 10


def face_of_478(
    points_px: Tensor, points_3d: Tensor | None = None, score: float = 1.0, presence: float = 1.0
) -> Face:
    """A face whose landmarks are known.

    Args:
        points_px: (478, 2) x and y in pixels of the picture, 0 the centre of the first one.
        points_3d: (478, 3) the same landmarks in any scale, turned in the picture's plane in any
            way, for their depth; None takes a face that is as flat as its mesh is far.
        score: how sure the detector was, 0 to 1.
        presence: how sure the landmark net was, 0 to 1.

    Raises:
        StructureError: there are not 478 finite landmarks.
    """
    fits = points_px.shape == (COUNT, 2) and (points_3d is None or points_3d.shape == (COUNT, 3))
    if not fits or not bool(torch.isfinite(points_px).all()):
        raise StructureError(
            f"{COUNT} finite landmarks (x, y) are expected, got shape {tuple(points_px.shape)}; "
            "use a landmarker that finds irises too."
        )
    points = points_px.detach().to("cpu", torch.float32)
    depth = torch.zeros(POINTS, 1)
    if points_3d is not None:
        solid = points_3d.detach().to("cpu", torch.float32)
        size = _spread(points[:POINTS]) / _spread(solid[:POINTS, :2]).clamp(min=1e-6)
        depth = solid[:POINTS, 2:] * size
    mesh = torch.cat((points[:POINTS], depth), dim=1)
    return Face(
        box_px=torch.cat((mesh[:, :2].amin(0), mesh[:, :2].amax(0))),
        score=score,
        mesh_px=mesh,
        eyes_px=points[torch.tensor(EYE_TO_MESH)],
        iris_px=points[POINTS:].reshape(2, 5, 2).clone(),
        presence=presence,
    )


def landmarks_478(face: Face) -> Tensor:
    """(478, 2) landmarks of a face of ours, the inverse of ``face_of_478``.

    Lids and brows are those of the iris net, which sees blinks.
    """
    points = torch.cat((face.mesh_px[:, :2], face.iris_px.reshape(10, 2)))
    for side in (0, 1):
        points[list(EYE_TO_MESH[side])] = face.eyes_px[side]
    return points


def _spread(points: Tensor) -> Tensor:
    """Mean distance from the middle: the same however points are turned."""
    return (points - points.mean(0)).norm(dim=1).mean()

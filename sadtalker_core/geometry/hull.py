"""Volume of the convex hull of a few points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Points = npt.NDArray[np.float64]
Face = tuple[int, int, int]  # numbers of three points, anticlockwise as seen from outside
_FLAT = 1e-10  # of the points' extent: nearer to a plane than that counts as lying in it


def hull_volume(points: Tensor) -> Tensor:
    """Volume of the convex hull of points in space.

    Args:
        points: (K, 3) or (B, K, 3), finite; meant for tens of points.

    Returns:
        () or (B,) float64 volumes on the processor; 0 where all points lie in one plane.
    """
    clouds = points.detach().to("cpu", torch.float64)
    if clouds.ndim == 2:
        return torch.tensor(_volume(clouds.numpy()), dtype=torch.float64)
    return torch.tensor([_volume(cloud.numpy()) for cloud in clouds], dtype=torch.float64)


def _volume(points: Points) -> float:
    """Grows a hull point by point: the faces that a new point sees give way to a cone to it."""
    points = points - points.mean(0)
    points = points / max(float(extent := np.abs(points).max()), 1e-300)
    corners = _tetrahedron(points)
    if corners is None:
        return 0.0
    a, b, c, d = corners
    faces: list[Face] = [(a, b, c), (a, c, d), (a, d, b), (b, d, c)]
    if _height(points, faces[0], d) > 0:
        faces = [(i, k, j) for i, j, k in faces]
    for new in range(len(points)):
        seen = [face for face in faces if _height(points, face, new) > _FLAT]
        edges = {edge for i, j, k in seen for edge in ((i, j), (j, k), (k, i))}
        rim = [(i, j) for i, j in edges if (j, i) not in edges]
        faces = [face for face in faces if face not in seen] + [(i, j, new) for i, j in rim]
    inner = points[list(corners)].mean(0)
    pyramids = np.linalg.det(points[np.asarray(faces)] - inner)
    return float(np.abs(pyramids).sum() / 6 * extent**3)


def _tetrahedron(points: Points) -> tuple[int, int, int, int] | None:
    """Four points that are well apart, or None where all lie in one plane."""
    a = int(points[:, 0].argmin())
    away = points - points[a]
    b = int((away**2).sum(1).argmax())
    c = int((np.cross(away, away[b]) ** 2).sum(1).argmax())
    normal = np.cross(away[b], away[c])
    length = float(np.linalg.norm(normal))
    if length <= _FLAT:
        return None
    heights = np.abs(away @ (normal / length))
    d = int(heights.argmax())
    return (a, b, c, d) if heights[d] > _FLAT else None


def _height(points: Points, face: Face, point: int) -> float:
    """How far a point lies outside of a face's plane."""
    i, j, k = (points[number] for number in face)
    normal = np.cross(j - i, k - i)
    length = float(np.linalg.norm(normal))
    return float((points[point] - i) @ normal) / length if length else 0.0

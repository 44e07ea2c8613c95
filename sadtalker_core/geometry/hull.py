"""Volume of the convex hull of a few points, in whole numbers: no rounding can turn a face over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

Point = tuple[int, int, int]
Face = tuple[int, int, int]  # numbers of three points, anticlockwise as seen from outside


def hull_volume(points: Tensor) -> Tensor:
    """Volume of the convex hull of points in space.

    Args:
        points: (K, 3) or (B, K, 3); meant for tens of points.

    Returns:
        () or (B,) float64 volumes on the processor; 0 where all points lie in one plane, NaN where
        one is not finite.
    """
    clouds = points.detach().to("cpu", torch.float64)
    if clouds.ndim == 2:
        return torch.tensor(_volume(clouds.tolist()), dtype=torch.float64)
    return torch.tensor([_volume(cloud.tolist()) for cloud in clouds], dtype=torch.float64)


def _volume(numbers: Sequence[Sequence[float]]) -> float:
    """Grows a hull point by point: the faces that a new point sees give way to a cone to it."""
    if not all(math.isfinite(x) for row in numbers for x in row):
        return math.nan
    # Floating point numbers are fractions of a power of two.
    unit = max((x.as_integer_ratio()[1] for row in numbers for x in row), default=1)
    points: list[Point] = []
    for x, y, z in numbers:
        points.append((_whole(x, unit), _whole(y, unit), _whole(z, unit)))
    faces = _tetrahedron(points)
    if not faces:
        return 0.0
    for new in range(len(points)):
        seen = {face for face in faces if _six_volumes(points, face, new) > 0}
        edges = {edge for i, j, k in seen for edge in ((i, j), (j, k), (k, i))}
        rim = [(i, j) for i, j in edges if (j, i) not in edges]
        faces = [face for face in faces if face not in seen] + [(i, j, new) for i, j in rim]
    total = sum(-_six_volumes(points, face, 0) for face in faces)
    return float(Fraction(total, 6 * unit**3))


def _whole(number: float, unit: int) -> int:
    numerator, denominator = number.as_integer_ratio()
    return numerator * (unit // denominator)


def _tetrahedron(points: Sequence[Point]) -> list[Face]:
    """The faces of four points that do not lie in one plane; none where all do."""
    a, count = 0, len(points)
    b = next((i for i in range(count) if points[i] != points[a]), None)
    if b is None:
        return []
    c = next((i for i in range(count) if any(_normal(points, (a, b, i)))), None)
    if c is None:
        return []
    d = next((i for i in range(count) if _six_volumes(points, (a, b, c), i)), None)
    if d is None:
        return []
    if _six_volumes(points, (a, b, c), d) > 0:
        b, c = c, b
    return [(a, b, c), (a, c, d), (a, d, b), (b, d, c)]


def _normal(points: Sequence[Point], face: Face) -> Point:
    """Twice the area of a face, pointing out of it."""
    i, j, k = (points[number] for number in face)
    ux, uy, uz = j[0] - i[0], j[1] - i[1], j[2] - i[2]
    vx, vy, vz = k[0] - i[0], k[1] - i[1], k[2] - i[2]
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


def _six_volumes(points: Sequence[Point], face: Face, number: int) -> int:
    """Six times the volume between a face and a point: positive if the point sees its outside."""
    x, y, z = _normal(points, face)
    corner, point = points[face[0]], points[number]
    return x * (point[0] - corner[0]) + y * (point[1] - corner[1]) + z * (point[2] - corner[2])

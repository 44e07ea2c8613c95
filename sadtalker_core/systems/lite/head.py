"""The head as a soft solid: depth and weight of every source pixel, and how far it may turn.

Depth is the mesh's in the face and recedes outside it. The weight is 1 on the face and the hair
next to it and fades to 0 over the neck and the background, so that the picture stays in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from ...geometry.pose import rotation_from_angles
from ...geometry.warp import Array, Lattice, blur, polygon_mask, sample_field
from .basis import FACE_OVAL, ControlBasis
from .frame import LEFT_EAR, RIGHT_EAR, FaceFrame

# Distances from the face oval in E where the weight starts to fall and where it is 0.
_SIDE = (0.30, 1.15)
_UP = (0.55, 1.35)
_DOWN = (0.02, 1.30)
_MOST_STRETCH = 2.1  # local stretch or squeeze of the face above which a turn looks torn
_REACH = 0.3  # E
_REACH_NEARER = 2.0  # times as far toward the viewer: growing tears nothing
_CUT_FREEDOM = 0.35  # of all movement for a face that the border of the picture cuts
_LEAST_SQUEEZE = 0.22  # of neck and background; below it they crease
_LIMIT_SCAN_RAD = np.arange(0.02, 0.27, 0.02)


@dataclass(frozen=True)
class HeadPose:
    """Rotation and translation of one frame, in the renderer's units (radians, E)."""

    rotation_rad: Array  # pitch, yaw, roll
    translation: Array

    @cached_property
    def turn(self) -> Array:
        """(3, 3) rotation by pitch and yaw; roll has a pivot of its own."""
        pitch, yaw = (float(angle) for angle in self.rotation_rad[:2])
        return rotation_from_angles(torch.tensor([pitch, yaw, 0.0])).numpy()


@dataclass(frozen=True)
class HeadField:
    """What turning the head needs, on the nodes of one lattice.

    Attributes:
        points_px: (rows, columns, 3) position of each node with depth.
        weight: (rows, columns, 1) in [0, 1].
        pivot_px: (3,) the point the head turns about.
        roll_pivot_px: (3,) the point it leans about, lower in the neck.
        unit_px: E in pixels.
        limits_rad: (3, 2) most negative and most positive pitch, yaw and roll.
        reach: most translation along each axis, in E.
    """

    points_px: Array
    weight: Array
    pivot_px: Array
    roll_pivot_px: Array
    unit_px: float
    limits_rad: Array
    reach: float = _REACH

    def resampled(self, lattice: Lattice, finer: Lattice) -> HeadField:
        """The same head on the nodes of another lattice inside ``lattice``, its own."""
        nodes = finer.nodes()
        depth = sample_field(np.ascontiguousarray(self.points_px[..., 2:]), lattice, nodes)
        return replace(
            self,
            points_px=np.concatenate([nodes, depth], axis=2),
            weight=sample_field(self.weight, lattice, nodes),
        )

    def displacement(self, face_px: Array, pose: HeadPose) -> Array:
        """Forward displacement of the nodes: first the face's own, then the head's.

        Args:
            face_px: (rows, columns, 2) displacement by the face controls.
            pose: already limited, see ``limit``.
        """
        moved = self.points_px.copy()
        moved[..., :2] += face_px
        return face_px + self.weight * (self.rigid(moved, pose) - moved[..., :2])

    def rigid(self, points_px: Array, pose: HeadPose) -> Array:
        """(..., 3) points turned with the head, (..., 2)."""
        roll = float(pose.rotation_rad[2])
        shift = pose.translation.astype(np.float32) * np.float32(self.unit_px)
        turned = (points_px - self.pivot_px) @ pose.turn.T + self.pivot_px
        flat = turned[..., :2] - self.roll_pivot_px[:2]
        cos, sin = np.cos(roll), np.sin(roll)
        leaned = flat @ np.array([[cos, sin], [-sin, cos]], np.float32)
        grow = np.float32(1 + 0.35 * pose.translation[2])
        return (leaned * grow + self.roll_pivot_px[:2] + shift[:2]).astype(np.float32)

    def limit(self, pose: HeadPose) -> HeadPose:
        """The pose softly kept within what this picture can show without tearing."""
        rotation = pose.rotation_rad.astype(np.float32).copy()
        for axis, (low, high) in enumerate(self.limits_rad):
            rotation[axis] = _soft_limit(float(rotation[axis]), float(low), float(high))
        most = self.reach * np.array([1.0, 1.0, _REACH_NEARER], np.float32)
        translation = np.clip(pose.translation, -self.reach, most).astype(np.float32)
        return HeadPose(rotation, translation)


def _soft_limit(value: float, low: float, high: float) -> float:
    """Identity up to 60 % of the limit, then a smooth approach to it."""
    bound = high if value > 0 else -low
    if bound <= 1e-6:
        return 0.0
    knee = 0.6 * bound
    size = abs(value)
    if size > knee:
        size = knee + (bound - knee) * float(np.tanh((size - knee) / (bound - knee)))
    return float(np.copysign(size, value))


def _smootherstep(value: Array) -> Array:
    t = np.clip(value, 0.0, 1.0)
    return t * t * t * (t * (6 * t - 15) + 10)


def head_weight(lattice: Lattice, frame: FaceFrame, oval_px: Array, reach: float) -> Array:
    """(rows, columns, 1) weight of the head at the nodes, from the distance to the face oval.

    ``reach`` scales how far beyond the oval the picture moves along.
    """
    nodes = lattice.nodes()
    inside = polygon_mask(lattice.to_cells(oval_px), lattice.columns, lattice.rows) > 0.5
    dense = np.concatenate(
        [oval_px + (np.roll(oval_px, -1, 0) - oval_px) * part for part in (0, 0.25, 0.5, 0.75)]
    )
    offset = nodes[:, :, None] - dense[None, None]
    nearest = np.argmin((offset**2).sum(-1), axis=2)
    away = np.take_along_axis(offset, nearest[:, :, None, None], axis=2)[:, :, 0]
    across = frame.axes[0, :2] / np.linalg.norm(frame.axes[0, :2])
    down = np.array([-across[1], across[0]])
    x, y = away @ across / frame.unit_px, away @ down / frame.unit_px
    # elliptical distance whose radii depend on the direction
    start = np.where(y > 0, _DOWN[0], _UP[0])
    end = np.where(y > 0, _DOWN[1], _UP[1])
    angle = np.abs(y) / (np.abs(x) + np.abs(y) + 1e-6)
    start = start * angle + _SIDE[0] * (1 - angle)
    end = end * angle + _SIDE[1] * (1 - angle)
    distance = np.hypot(x, y) / reach
    weight = 1 - _smootherstep((distance - start) / (end - start))
    weight = np.where(inside, 1.0, weight).astype(np.float32)
    return blur(weight, 0.06 * frame.unit_px / lattice.step)[..., None]


def border_window(lattice: Lattice, size: tuple[int, int], margin_px: float) -> Array:
    """(rows, columns, 1): 0 on the edges of the box that lie inside the picture, 1 within.

    On the picture's own edges nothing has to be held: what moves in is mirrored.
    """
    nodes = lattice.nodes()
    x, y = nodes[..., 0], nodes[..., 1]
    height, width = size
    window = np.ones(x.shape, np.float32)
    edges = (
        (lattice.x0 > 0, x - lattice.x0),
        (lattice.y0 > 0, y - lattice.y0),
        (lattice.x0 + lattice.width < width, lattice.x0 + lattice.width - 1 - x),
        (lattice.y0 + lattice.height < height, lattice.y0 + lattice.height - 1 - y),
    )
    for held, distance in edges:
        if held:
            window *= _smootherstep((distance - lattice.step) / margin_px)
    return window[..., None].astype(np.float32)


def build_head(
    lattice: Lattice,
    frame: FaceFrame,
    mesh_px: Array,
    basis: ControlBasis,
    size: tuple[int, int],
    reach: float,
    like: HeadField | None = None,
) -> HeadField:
    """Depth, weight, pivot and limits of one head on a lattice; ``like`` lends its limits, such
    as the same head a moment before."""
    unit = frame.unit_px
    nodes = lattice.nodes()
    keep, skin = basis.skin
    depth = skin.at(nodes, basis.centres_px[keep, 2:3])
    weight = head_weight(lattice, frame, mesh_px[FACE_OVAL, :2], reach)
    weight = weight * border_window(lattice, size, 0.5 * unit)
    ears = mesh_px[[LEFT_EAR, RIGHT_EAR]].mean(0)
    down = frame.axes[1] * np.float32(unit)
    pivot = (ears + 0.25 * down).astype(np.float32)
    depth = np.clip(depth[..., 0], mesh_px[:, 2].min(), pivot[2] + 0.15 * unit)
    # the net's depth wavers from vertex to vertex; the head turns as one smooth solid
    depth = blur(depth, 0.09 * unit / lattice.step)[..., None]
    points = np.concatenate([nodes, depth], axis=2)
    head = HeadField(
        points.astype(np.float32),
        weight.astype(np.float32),
        pivot,
        (ears + 1.1 * down).astype(np.float32),
        unit,
        np.full((3, 2), 0.35, np.float32) * np.array([-1, 1], np.float32),
    )
    if like is not None:
        return replace(head, limits_rad=like.limits_rad, reach=like.reach)
    inside = polygon_mask(
        lattice.to_cells(mesh_px[FACE_OVAL, :2].astype(np.float32)), lattice.columns, lattice.rows
    )
    limits = _find_limits(head, lattice, inside > 0.5)
    if _is_cut(mesh_px[FACE_OVAL, :2], size):
        # beyond the border there is only a mirror image: let little of it in
        return replace(head, limits_rad=limits * _CUT_FREEDOM, reach=_REACH * _CUT_FREEDOM)
    return replace(head, limits_rad=limits)


def _is_cut(oval_px: Array, size: tuple[int, int]) -> bool:
    """Whether the outline of the face crosses the border of the picture."""
    return bool((oval_px < 0).any() or (oval_px > [size[1] - 1, size[0] - 1]).any())


def _find_limits(head: HeadField, lattice: Lattice, inside: NDArray[np.bool_]) -> Array:
    """Scan pitch, yaw and roll both ways for the largest turn that stretches the face bearably."""
    still = np.zeros_like(head.points_px[..., :2])
    limits = np.zeros((3, 2), np.float32)
    for axis, side in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)):
        sign = -1.0 if side == 0 else 1.0
        for angle in _LIMIT_SCAN_RAD:
            rotation = np.zeros(3, np.float32)
            rotation[axis] = sign * angle
            moved = head.displacement(still, HeadPose(rotation, np.zeros(3, np.float32)))
            low, high = _stretch(moved, lattice.step)
            torn = (
                np.percentile(high[inside], 98) > _MOST_STRETCH
                or np.percentile(low[inside], 2) < 1 / _MOST_STRETCH
            )
            if torn or low.min() < _LEAST_SQUEEZE:
                break
            limits[axis, side] = rotation[axis]
    return limits


def _stretch(displacement: Array, step: int) -> tuple[Array, Array]:
    """Smallest and largest singular value of the forward map's Jacobian at the nodes."""
    dy, dx = (np.gradient(displacement, step, axis=axis) for axis in (0, 1))
    a, b = 1 + dx[..., 0], dy[..., 0]
    c, d = dx[..., 1], 1 + dy[..., 1]
    mean, half = (a * a + b * b + c * c + d * d) / 2, a * d - b * c
    spread = np.sqrt(np.maximum(mean * mean - half * half, 0))
    largest = np.sqrt(mean + spread)
    return (half / np.maximum(largest, 1e-6)).astype(np.float32), largest.astype(np.float32)

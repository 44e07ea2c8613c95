"""The lower face of one frame as the renderer of new lips needs it: fields and the lips' line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ...faces.measures import canonical_unit
from ...faces.mesh import CHIN, EYE_OUTER, MOUTH_CORNERS, NOSE_BASE, canonical_points, head_pose
from ...geometry.warp import Array, Lattice, smoothstep
from .basis import CONTROLS, FACE_OVAL, LOWER_LIP, UPPER_LIP, ControlBasis, author_controls
from .frame import FaceFrame
from .relip_controls import LipChange

_ABOVE_NOSE = 0.30  # E above the base of the nose, from where on points of the mesh take part
_RINGS = 2  # of border points around the face that take part
_TOP, _SIDE, _BELOW_CHIN = (-0.25, 0.05), (0.52, 0.85), (0.12, 0.55)  # E, where changes fade out
_OPEN_BLEND = (0.010, 0.028)  # E of gap: below, lips touch; above, they are apart
_INTO_LIP = 0.007  # E: the cut lies in the lip, so that no rim of teeth stays on it


def pose_frame(mesh_px: Array) -> FaceFrame:
    """The frontal frame of a (468, 3) mesh by its rigid points, which no speech moves."""
    pose = head_pose(torch.from_numpy(np.asarray(mesh_px, np.float64)))
    shape = canonical_points().double()
    origin = pose.apply(shape[list(EYE_OUTER)]).mean(0)
    return FaceFrame(
        origin.numpy().astype(np.float32),
        float(pose.scale) * canonical_unit(),
        pose.rotation.mT.numpy().astype(np.float32),
    )


def openness(gap_e: float) -> float:
    """0 where a gap between the lips, in E, is none, 1 where they are surely apart."""
    low, high = _OPEN_BLEND
    return float(smoothstep(np.asarray((gap_e - low) / (high - low))))


@dataclass(frozen=True)
class LowerFace:
    """One frame's mouth and chin.

    Attributes:
        frame: the frontal frame.
        mesh_px: (468, 3) steadied landmarks.
        is_open: 0 where the lips touch, 1 where they are surely apart.
        outer_px: (P, 2) outline of the lips.
    """

    frame: FaceFrame
    mesh_px: Array
    is_open: float
    outer_px: Array

    @classmethod
    def of(cls, mesh_px: Array, own_open: float) -> LowerFace:
        """Of steadied landmarks (468, 3); ``own_open`` is how far the lips are apart, E."""
        outer = np.concatenate([mesh_px[UPPER_LIP[0]], mesh_px[LOWER_LIP[0][::-1]]])[:, :2]
        return cls(pose_frame(mesh_px), mesh_px, openness(own_open), outer)

    @property
    def cut_e(self) -> float:
        """E by which the two cuts lie in the lips, where the mouth is open."""
        return _INTO_LIP * self.is_open

    @property
    def width_e(self) -> float:
        """E from corner to corner of the mouth."""
        corners = self.mesh_px[list(MOUTH_CORNERS)]
        return float(np.linalg.norm(corners[1] - corners[0])) / self.frame.unit_px

    def moved(self, change: LipChange, curves_px: Array) -> FaceMove:
        """How all of it moves; ``curves_px`` (2, 11, 2) is where the two lips are cut."""
        upper, lower = curves_px
        gap_e = np.maximum((lower - upper) @ self.down, 0) / self.frame.unit_px
        basis = author_controls(self.frame, self._with_lips(curves_px), gap_e)
        height = self.frame.frontal(basis.centres_px)[:, 1]
        nose = float(self.frame.frontal(self.mesh_px[list(NOSE_BASE)])[:, 1].mean())
        near = height > nose - _ABOVE_NOSE
        near[len(self.mesh_px) + _RINGS * len(FACE_OVAL) :] = False
        return FaceMove(self, basis, near, _weights(change))

    def _with_lips(self, curves_px: Array) -> Array:
        """(468, 3) the mesh with the lips' inner rows where the lips are cut."""
        mesh = self.mesh_px.copy()
        for rows, curve in zip((UPPER_LIP, LOWER_LIP), curves_px):
            outer = mesh[rows[0], :2]
            for row, share in ((1, 1 / 3), (2, 2 / 3), (3, 1.0)):
                inside = rows[row, 1:-1]
                mesh[inside, :2] = (outer + np.float32(share) * (curve - outer))[1:-1]
        return mesh

    def window(self, nodes: Array) -> Array:
        """(rows, columns, 1) 1 around the mouth, 0 where the frame stays as it is."""
        here = self._frontal_2d(nodes)
        mouth, nose, chin = (
            self._frontal_2d(self.mesh_px[list(points), :2]).mean(0)
            for points in ((61, 291), NOSE_BASE, (CHIN,))
        )
        x, y = np.abs(here[..., 0] - mouth[0]), here[..., 1]
        down = smoothstep((y - nose[1] - _TOP[0]) / (_TOP[1] - _TOP[0]))
        across = 1 - smoothstep((x - _SIDE[0]) / (_SIDE[1] - _SIDE[0]))
        up = 1 - smoothstep((y - chin[1] - _BELOW_CHIN[0]) / (_BELOW_CHIN[1] - _BELOW_CHIN[0]))
        return (down * across * up)[..., None].astype(np.float32)

    def lattice(self, size: tuple[int, int]) -> Lattice:
        """The box that ``window`` leaves, within a picture (H, W)."""
        mouth, nose, chin = (
            self._frontal_2d(self.mesh_px[list(points), :2]).mean(0)
            for points in ((61, 291), NOSE_BASE, (CHIN,))
        )
        x = mouth[0] + np.array([-_SIDE[1], _SIDE[1], -_SIDE[1], _SIDE[1]])
        y = np.array([nose[1] + _TOP[0], nose[1] + _TOP[0], *[chin[1] + _BELOW_CHIN[1]] * 2])
        corners = np.stack([x, y], 1) @ self._axes_px + self.frame.origin_px[:2]
        low = np.maximum(corners.min(0), 0)
        high = np.minimum(corners.max(0), [size[1], size[0]])
        return Lattice.covering(
            low[0], low[1], high[0], high[1], max(1, round(self.frame.unit_px / 22))
        )

    @property
    def _axes_px(self) -> Array:
        """(2, 2) rows: frontal x and y in picture pixels, never flatter than a turned head is."""
        return self.frame.axes[:2, :2] * np.float32(self.frame.unit_px)

    def _frontal_2d(self, points_px: Array) -> Array:
        """(..., 2) picture pixels to frontal units, of points about in the plane of the face."""
        inverse = np.linalg.inv(self._axes_px.astype(np.float64))
        return ((points_px - self.frame.origin_px[:2]) @ inverse).astype(np.float32)

    @property
    def down(self) -> Array:
        """(2,) the face's own down in the picture, one pixel long."""
        axis = self.frame.axes[1, :2]
        return axis / max(float(np.linalg.norm(axis)), 1e-6)


@dataclass(frozen=True)
class FaceMove:
    """A change of the lips as displacements of the picture.

    Attributes:
        face: what moves.
        basis: how controls move its mesh.
        near: (M,) bool, which centres of the basis take part.
        weights: (controls,) in the order of ``CONTROLS``.
    """

    face: LowerFace
    basis: ControlBasis
    near: Array
    weights: Array

    def skin(self, nodes: Array) -> Array:
        """(rows, columns, 2) displacement of the skin at the nodes, pixels."""
        return self._field(nodes, self.basis.skin_centres)

    def lips(self, nodes: Array) -> tuple[Array, Array]:
        """The same of the upper and of the lower lip: neither knows what the other does."""
        upper = self._field(nodes, self.basis.without(LOWER_LIP[:, 1:-1]))
        return upper, self._field(nodes, self.basis.without(UPPER_LIP[:, 1:-1]))

    def _field(self, nodes: Array, keep: Array) -> Array:
        keep = keep & self.near
        moves = self.basis.moves(keep).reshape(int(keep.sum()), len(CONTROLS), 2)
        moved = (moves * self.weights[:, None]).sum(1)
        return self.basis.interpolator(keep).once(nodes, moved) * self.face.window(nodes)


def _weights(change: LipChange) -> Array:
    values = {
        "rest": change.closing,
        "open": change.opening,
        "lift": change.lift,
        "width": change.width,
        "pucker": change.pucker,
        "corners": change.corners,
        "jaw": change.jaw,
        "press": change.press,
        "brow_left": 0.0,
        "brow_right": 0.0,
    }
    return np.array([values[name] for name in CONTROLS], np.float32)

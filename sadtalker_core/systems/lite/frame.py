"""Pose-normalised face coordinates: where on the face a point lies, whatever the head's pose.

The frontal frame has its origin between the outer eye corners, x to the viewer's right along the
eye line, y down toward the chin, z away from the viewer; its unit is E, the outer-eye distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...faces.mesh import CHEEK_SIDES, CHIN, EYE_OUTER, NOSE_BRIDGE
from ...geometry.warp import Array

LEFT_EYE_OUTER, RIGHT_EYE_OUTER = EYE_OUTER
NASION = NOSE_BRIDGE[0]
LEFT_EAR, RIGHT_EAR = CHEEK_SIDES


@dataclass(frozen=True)
class FaceFrame:
    """Rigid frame of one face.

    Attributes:
        origin_px: (3,) in picture pixels.
        unit_px: E in pixels.
        axes: (3, 3), rows are the frontal axes seen in the picture; ``axes @ (p - origin)``
            is the frontal position in pixels.
    """

    origin_px: Array
    unit_px: float
    axes: Array

    @classmethod
    def of(cls, mesh_px: Array) -> FaceFrame:
        """The frame of a (468, 3) mesh in picture pixels."""
        left, right = mesh_px[LEFT_EYE_OUTER], mesh_px[RIGHT_EYE_OUTER]
        across = right - left
        unit = float(np.linalg.norm(across))
        x = across / unit
        down = mesh_px[CHIN] - mesh_px[NASION]
        y = down - x * (down @ x)
        y = y / np.linalg.norm(y)
        axes = np.stack([x, y, np.cross(x, y)]).astype(np.float32)
        return cls(((left + right) / 2).astype(np.float32), unit, axes)

    def frontal(self, points_px: Array) -> Array:
        """(..., 3) picture pixels to frontal units."""
        return (points_px - self.origin_px) @ self.axes.T / np.float32(self.unit_px)

    def picture_vector(self, frontal: Array) -> Array:
        """(..., 3) displacement in frontal units to (..., 2) pixels of the picture."""
        return (frontal @ self.axes)[..., :2] * np.float32(self.unit_px)

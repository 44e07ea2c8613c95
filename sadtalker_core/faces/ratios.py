"""How far eyes and lips are open over their width, on the scale of LivePortrait's 203 landmarks.

Our tracker finds other points, so its openings are brought to that scale: straight lines, fitted
by ``training/fit_ratios.py`` to the ratios in LivePortrait's own motion templates, whose clips are
published beside them. Numbers of narrow mouths were chosen on one of these clips (d5).
``docs/liveportrait.md`` tells the error.
"""

from __future__ import annotations

from torch import Tensor

from .face import Face
from .measures import dark_opening
from .mesh import EYE_OUTER, MOUTH_CORNERS

# Iris net: middle of both lids and the corners. Mesh: inner lips and the outer corners.
_EYE = (4, 12, 0, 8)
_LIPS = (13, 14, 61, 291)
# ratio = slope * (opening - rest), at least 0
_EYE_SLOPE, _EYE_REST = 1.528, 0.126
_LIP_SLOPE, _LIP_REST = 1.415, 0.060
# mouths narrower than this, in E, are pursed or round: over how much they become so wholly, by how
# much pursed lips seem open, and the ratio of the dark between them over the width
_NARROW_E, _NARROWING_E = 0.55, 0.06
_PURSED, _DARK_SLOPE = 0.10, 1.6
_TINY = 1e-6


def eye_openings(eyes_px: Tensor) -> Tensor:
    """(..., 2) opening over width as our iris net sees it, of eyes (..., 2, 71, 2)."""
    return _ratio(eyes_px, _EYE)[..., 0]


def lip_opening(mesh_px: Tensor) -> Tensor:
    """(..., 1) opening over width as our mesh sees it, of meshes (..., 468, 2 or 3)."""
    return _ratio(mesh_px[..., :2], _LIPS)


def opening_ratios(face: Face, rgb: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(2,) of the viewer's left and right eye and (1,) of the lips, on LivePortrait's scale.

    Closed is about 0; open eyes are 0.25 to 0.45.

    Args:
        face: from our tracker.
        rgb: (3, H, W) uint8, the picture it was found in. The mesh sees a gap between pursed lips
            and too small a one in a round mouth; the picture tells them apart.
    """
    eyes = _EYE_SLOPE * (eye_openings(face.eyes_px) - _EYE_REST)
    gap = lip_opening(face.mesh_px)
    if rgb is None:
        return eyes.clamp(min=0), (_LIP_SLOPE * (gap - _LIP_REST)).clamp(min=0)
    left, right = (face.mesh_px[i, :2] for i in EYE_OUTER)
    unit_px = float((right - left).norm().clamp(min=_TINY))
    left, right = (face.mesh_px[i, :2] for i in MOUTH_CORNERS)
    width = float((right - left).norm()) / unit_px
    narrow = min(max((_NARROW_E - width) / _NARROWING_E, 0.0), 1.0)
    lips = _LIP_SLOPE * (gap - _LIP_REST - _PURSED * narrow)
    if narrow > 0:
        dark = dark_opening(rgb, face.mesh_px, unit_px)
        lips = lips.clamp(min=narrow * _DARK_SLOPE * dark / width)
    return eyes.clamp(min=0), lips.clamp(min=0)


def _ratio(points: Tensor, which: tuple[int, int, int, int]) -> Tensor:
    a, b, c, d = (points[..., i, :] for i in which)
    return ((a - b).norm(dim=-1) / ((c - d).norm(dim=-1) + _TINY))[..., None]

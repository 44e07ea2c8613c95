"""How far eyes and lips are open over their width, on the scale of LivePortrait's 203 landmarks.

Our tracker finds other points, so its openings are brought to that scale: straight lines, fitted
by ``training/fit_ratios.py`` to the ratios in LivePortrait's own motion templates, whose clips are
published beside them.
``docs/liveportrait.md`` tells the error.
"""

from __future__ import annotations

from torch import Tensor

from .face import Face

# Iris net: middle of both lids and the corners. Mesh: inner lips and the outer corners.
_EYE = (4, 12, 0, 8)
_LIPS = (13, 14, 61, 291)
# ratio = slope * (opening - rest), at least 0
_EYE_SLOPE, _EYE_REST = 1.528, 0.126
_LIP_SLOPE, _LIP_REST = 1.415, 0.060
_TINY = 1e-6


def eye_openings(eyes_px: Tensor) -> Tensor:
    """(..., 2) opening over width as our iris net sees it, of eyes (..., 2, 71, 2)."""
    return _ratio(eyes_px, _EYE)[..., 0]


def lip_opening(mesh_px: Tensor) -> Tensor:
    """(..., 1) opening over width as our mesh sees it, of meshes (..., 468, 2 or 3)."""
    return _ratio(mesh_px[..., :2], _LIPS)


def opening_ratios(face: Face) -> tuple[Tensor, Tensor]:
    """(2,) of the viewer's left and right eye and (1,) of the lips, on LivePortrait's scale.

    Closed is about 0; open eyes are 0.25 to 0.45.
    """
    eyes = _EYE_SLOPE * (eye_openings(face.eyes_px) - _EYE_REST)
    lips = _LIP_SLOPE * (lip_opening(face.mesh_px) - _LIP_REST)
    return eyes.clamp(min=0), lips.clamp(min=0)


def _ratio(points: Tensor, which: tuple[int, int, int, int]) -> Tensor:
    a, b, c, d = (points[..., i, :] for i in which)
    return ((a - b).norm(dim=-1) / ((c - d).norm(dim=-1) + _TINY))[..., None]

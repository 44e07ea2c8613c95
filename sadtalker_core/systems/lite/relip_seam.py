"""Lips that were filmed apart and are closed now: what showed between them shows no more."""

from __future__ import annotations

import numpy as np

from ...geometry.warp import Array, Image, blur, polygon_mask, smoothstep
from .basis import mouth_profile
from .relip_controls import LipChange
from .relip_face import LowerFace

_CLOSED = (0.012, 0.045)  # E of opening: below, lips are closed; above, they are apart
_RIM = 0.012  # E along the cut where a lip's own colour is not trusted
_REACH = 0.035  # E from which the colours of a lip are taken
_THIN = 0.035  # E of a lip that is there in every face: farther out may be skin
_OTHER = (0.05, 0.13)  # difference of colour, in [0, 1], from which a spot is no lip
_SEAM = 0.007  # E of half the line where lips meet
_SEAM_DARK = np.array([0.4, 0.6, 0.55], np.float32)  # how dark it is: red goes through lips


def closedness(face: LowerFace, change: LipChange) -> float:
    """1 where lips that were filmed apart are closed, 0 where they are apart or never were."""
    low, high = _CLOSED
    opened = float(smoothstep(np.asarray((change.opening - low) / (high - low))))
    return face.is_open * change.closing * (1 - opened)


def lips_alone(
    picture: Image, face: LowerFace, curves_px: Array, low: Array, closed: float
) -> list[Array]:
    """The upper and the lower lip without teeth and dark at their rims, as closed lips show none.

    Args:
        picture: (h, w, 3) the box of the mouth.
        face: in the picture that the box is of.
        curves_px: (2, N, 2) where its lips are cut.
        low: (2,) first pixel of the box.
        closed: of ``closedness``; 0 keeps the picture.
    """
    patch = picture.astype(np.float32)
    if closed <= 0:  # most frames
        return [patch, patch]
    rows, columns = picture.shape[:2]
    unit = face.frame.unit_px
    rims = [
        curve + np.float32(_RIM * unit) * outward - low
        for curve, outward in zip(curves_px, (-face.down, face.down))
    ]
    rimmed = polygon_mask(np.concatenate([rims[0], rims[1][::-1]]), columns, rows)
    opening = polygon_mask(np.concatenate([curves_px[0], curves_px[1][::-1]]) - low, columns, rows)
    made: list[Array] = []
    for outward, rim in zip((-face.down, face.down), rims):
        outline = np.concatenate([rim + np.float32(_THIN * unit) * outward, rim[::-1]])
        sure = polygon_mask(outline, columns, rows)
        near = blur(sure, _REACH * unit)[..., None]
        colour = blur(patch * sure[..., None], _REACH * unit) / np.maximum(near, 1e-4)
        far = np.abs(patch - colour).mean(2) / 255
        other = smoothstep((far - _OTHER[0]) / (_OTHER[1] - _OTHER[0])) * rimmed
        other = np.maximum(other, opening)
        share = blur(other, 0.004 * unit)[..., None] * smoothstep(near * 40)
        made.append(patch + np.float32(closed) * share * (colour - patch))
    return made


def draw_seam(mouth: Array, line: Array, face: LowerFace, closed: float) -> None:
    """Darken the line (N, 2) where closed lips meet in ``mouth`` (h, w, 3), ending before the
    corners do."""
    unit = face.frame.unit_px
    half = (_SEAM * unit * mouth_profile(len(line)))[:, None] * face.down
    outline = np.concatenate([line - half, (line + half)[::-1]])
    strip = polygon_mask(outline, mouth.shape[1], mouth.shape[0])
    dark = np.float32(closed) * _SEAM_DARK
    mouth *= 1 - dark * blur(strip, max(0.6, 0.008 * unit))[..., None]

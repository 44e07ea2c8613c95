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
_DARK, _PALE = 0.6, 0.5  # of the light of lips and the red of skin: below, it is neither
_SURELY_LIPS = 0.85  # of the outline that is tracked: farther out may be skin
_CORNER = 0.12  # E beyond the cut in which that is looked for
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
        colour, trust = _colour_near(patch, sure, unit)
        far = np.abs(patch - colour).mean(2) / 255
        other = smoothstep((far - _OTHER[0]) / (_OTHER[1] - _OTHER[0])) * rimmed
        other = np.maximum(other, opening)
        share = blur(other, 0.004 * unit)[..., None] * trust
        made.append(patch + np.float32(closed) * share * (colour - patch))
    lips_px = face.outer_px - low
    inner_px = lips_px.mean(0) + np.float32(_SURELY_LIPS) * (lips_px - lips_px.mean(0))
    outlines = [polygon_mask(points, columns, rows) > 0.5 for points in (lips_px, inner_px)]
    left, is_lip = _left_over(patch, (outlines[0], outlines[1]), rimmed > 0.5, unit)
    if not left.any():
        return made
    share = blur(left.astype(np.float32), max(0.6, 0.005 * unit))[..., None] * np.float32(closed)
    colour, trust = _colour_near(patch, (is_lip & ~left).astype(np.float32), unit)
    share = share * trust
    return [lip + share * (colour - lip) for lip in made]


def _colour_near(patch: Array, known: Array, unit: float) -> tuple[Array, Array]:
    """(h, w, 3) the colours of what is known, smooth, and (h, w, 1) 1 where any of it is near."""
    near = blur(known, _REACH * unit)[..., None]
    colour = blur(patch * known[..., None], _REACH * unit) / np.maximum(near, 1e-4)
    return colour, smoothstep(near * 40)


def _left_over(
    patch: Array, outlines: tuple[Array, Array], opening: Array, unit: float
) -> tuple[Array, Array]:
    """(h, w) bool twice: dark and teeth that reach from the opening into corners farther than lips
    are cut, as corners of a wide laugh are tracked least well; and what surely is a lip.

    ``outlines`` are the lips as they are tracked, and what of that is surely no skin beside them.
    """
    outline, within = outlines
    light, red = patch.mean(2), (patch[..., 0] - patch[..., 1]) / (patch.sum(2) + 60)
    ring = outline & ~opening
    is_lip = ring & (red > _PALE * np.quantile(red[ring], 0.75)) if ring.any() else ring
    if not is_lip.any():  # a film without colours
        return np.zeros_like(ring), ring
    least, most = np.quantile(light[is_lip], (0.1, 0.9))
    skin = float(np.median(red[~outline])) if not outline.all() else 0.0
    tooth = (red < _PALE * skin) & (light > most) & within
    other = (light < _DARK * least) | tooth
    grown = opening
    for _ in range(max(1, round(_CORNER * unit))):
        grown = grown | (other & _wider(grown))
    return _wider(grown & other), is_lip


def _wider(mask: Array) -> Array:
    """(h, w) bool: with all that touches it."""
    wide = np.pad(mask, 1)
    return wide[1:-1, 1:-1] | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]


def draw_seam(mouth: Array, line: Array, face: LowerFace, closed: float) -> None:
    """Darken the line (N, 2) where closed lips meet in ``mouth`` (h, w, 3), ending before the
    corners do."""
    unit = face.frame.unit_px
    half = (_SEAM * unit * mouth_profile(len(line)))[:, None] * face.down
    outline = np.concatenate([line - half, (line + half)[::-1]])
    strip = polygon_mask(outline, mouth.shape[1], mouth.shape[0])
    dark = np.float32(closed) * _SEAM_DARK
    mouth *= 1 - dark * blur(strip, max(0.6, 0.008 * unit))[..., None]

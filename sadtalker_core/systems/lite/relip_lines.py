"""Where the lips of one frame really end, found in the picture near where the landmarks say.

Landmarks are off by a few pixels, most where a mouth stands wide open, and a cut that is off leaves
a rim of teeth on a lip. Closed lips meet where the picture is darkest. Open lips end where their
colour ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.warp import Array, Image, blur, smoothstep
from .basis import LOWER_LIP, UPPER_LIP, mouth_profile
from .relip_face import LowerFace

_SEARCH = 0.05  # E: how far the line of closed lips may lie from the tracked one
_OUTWARD, _INWARD = 0.65, 0.03  # of the lip's thickness, and E, in which an open lip's end lies
# E: an end that far from the landmarks' must be clearly better; more with the gap, as they lag
# behind lips that are far apart, the lower one most.
_PRIOR, _UPPER_PRIOR_OF_GAP, _LOWER_PRIOR_OF_GAP = 0.014, 0.04, 0.3
_SHADED, _DARK_IS_LIP = (0.45, 0.70), 0.0  # of a lip's brightness; how far dark speaks for a lip
_LIP_SPREAD = 0.12  # difference of colour, in [0, 1], that still is the lip
_STEPS = 28
_INTO_CORNER = 0.8  # of the way from the inner to the outer corners, where it is dark there
_DARK = (0.40, 0.65)  # of the brightness of the lips
_FOLLOW_CLOSED, _FOLLOW_OPEN = 0.35, 0.75  # how fast lines follow what a frame shows


@dataclass(frozen=True)
class LipLines:
    """Offsets from the landmarks' lines, E down the face, steady over time.

    Attributes:
        touching: (11,) from the middle of the two tracked lines to where closed lips meet.
        upper: (11,) from the tracked line of the open upper lip outward to its end.
        lower: (11,) the same of the lower lip.
        corners: (2,) how much of the way to the outer corners the opening reaches.
    """

    touching: Array
    upper: Array
    lower: Array
    corners: Array

    def curves(self, face: LowerFace) -> Array:
        """(2, 11, 2) pixels: where the upper and the lower lip are cut; one line if they touch."""
        unit, down = face.frame.unit_px, face.down
        upper, lower = face.mesh_px[UPPER_LIP[3], :2], face.mesh_px[LOWER_LIP[3], :2]
        touching = (upper + lower) / 2 + (self.touching * unit)[:, None] * down
        cut = face.cut_e * mouth_profile(len(upper))
        apart = np.stack(
            [
                upper - ((self.upper + cut) * unit)[:, None] * down,
                lower + ((self.lower + cut) * unit)[:, None] * down,
            ]
        )
        ends = face.mesh_px[[UPPER_LIP[0, 0], UPPER_LIP[0, -1]], :2]
        middle = apart[:, [0, -1]].mean(0)
        apart[:, [0, -1]] = middle + self.corners[:, None] * (ends - middle)
        return touching[None] + (apart - touching[None]) * np.float32(face.is_open)

    def gap_e(self, face: LowerFace) -> Array:
        """(11,) E between the two cuts."""
        upper, lower = self.curves(face)
        return np.maximum((lower - upper) @ face.down, 0) / face.frame.unit_px


def find_lines(picture: Image, face: LowerFace, before: LipLines | None) -> LipLines:
    """The lines of a frame.

    Args:
        picture: (H, W, 3) uint8.
        face: in it.
        before: lines of the frame before, if the face was seen there.
    """
    upper, lower, corners = _open_ends(picture, face)
    found = LipLines(_dark_offset(picture, face), upper, lower, corners)
    if before is None:
        return found
    # what is not seen now is as it was: closed lips have no ends, open ones do not meet
    closed, opened = _FOLLOW_CLOSED * (1 - face.is_open), _FOLLOW_OPEN * face.is_open
    return LipLines(
        before.touching + closed * (found.touching - before.touching),
        before.upper + opened * (found.upper - before.upper),
        before.lower + opened * (found.lower - before.lower),
        before.corners + opened * (found.corners - before.corners),
    )


def _dark_offset(picture: Image, face: LowerFace) -> Array:
    unit = face.frame.unit_px
    line = (face.mesh_px[UPPER_LIP[3], :2] + face.mesh_px[LOWER_LIP[3], :2]) / 2
    offsets = np.linspace(-_SEARCH, _SEARCH, 31)
    spots = line[:, None] + (offsets * unit)[None, :, None] * face.down
    seen = _sampled(picture, spots, 0.010 * unit).mean(2)
    contrast = np.maximum(seen.max(1) - seen.min(1), 4.0)
    dark = (seen - seen.min(1, keepdims=True)) / contrast[:, None]
    likely = np.exp(-((dark / 0.18) ** 2) - (offsets[None] / 0.03) ** 2)
    offset = (likely * offsets).sum(1) / likely.sum(1)
    return np.clip(_arch(offset, np.sqrt(contrast), 3), -_SEARCH, _SEARCH)


def _open_ends(picture: Image, face: LowerFace) -> tuple[Array, Array, Array]:
    """(11,), (11,), (2,) as in ``LipLines``."""
    unit, down = face.frame.unit_px, face.down
    found: list[Array] = []
    lips: list[Array] = []
    gap = face.mesh_px[LOWER_LIP[3, 5], :2] - face.mesh_px[UPPER_LIP[3, 5], :2]
    wide = max(float(gap @ down) / unit, 0.0)
    for rows, outward, loose in (
        (UPPER_LIP, -down, _UPPER_PRIOR_OF_GAP),
        (LOWER_LIP, down, _LOWER_PRIOR_OF_GAP),
    ):
        prior = _PRIOR + loose * wide
        inner, outer = face.mesh_px[rows[3], :2], face.mesh_px[rows[0], :2]
        thick = np.maximum((outer - inner) @ outward, 0.02 * unit)
        # colour of this lip: where it surely is lip
        core = inner + (0.55 + 0.25 * np.linspace(0, 1, 4))[:, None, None] * (outer - inner)
        colours = _sampled(picture, core[:, 3:8], 0.008 * unit)
        lip = np.median(colours.reshape(-1, 3), axis=0)
        lips.append(lip)
        share = np.linspace(0, 1, _STEPS)[None]
        steps = -_INWARD * unit + share * (_OUTWARD * thick + _INWARD * unit)[:, None]
        seen = _sampled(picture, inner[:, None] + steps[..., None] * outward, 0.006 * unit)
        far = np.abs(seen - lip).sum(2) / 255
        is_lip = 2 * np.exp(-((far / (3 * _LIP_SPREAD)) ** 2)) - 1
        # dark may be the mouth, or the lip's own shaded rim
        dark = seen.mean(2) / max(float(lip.mean()), 1.0)
        dark = 1 - smoothstep((dark - _SHADED[0]) / (_SHADED[1] - _SHADED[0]))
        is_lip = is_lip + (_DARK_IS_LIP - is_lip) * dark
        # the end: what is farther out is lip, what is farther in is not
        score = is_lip[:, ::-1].cumsum(1)[:, ::-1] - is_lip.cumsum(1)
        score = score / _STEPS - (steps / (2 * prior * unit)) ** 2
        end = np.take_along_axis(steps, score.argmax(1)[:, None], 1)[:, 0] / unit
        trust = np.maximum(score.max(1) - np.median(score, axis=1), 0.02)
        arch = _arch(end, trust, 4) * mouth_profile(len(end)) ** np.float32(0.2)
        found.append(np.clip(arch, -_INWARD, (_OUTWARD * thick / unit).max()))
    return found[0], found[1], _dark_corners(picture, face, float(np.mean(lips)))


def _dark_corners(picture: Image, face: LowerFace, lips: float) -> Array:
    inner = face.mesh_px[[UPPER_LIP[3, 0], UPPER_LIP[3, -1]], :2]
    outer = face.mesh_px[[UPPER_LIP[0, 0], UPPER_LIP[0, -1]], :2]
    spots = inner[:, None] + np.linspace(0.15, 0.7, 4)[None, :, None] * (outer - inner)[:, None]
    seen = _sampled(picture, spots, 0.008 * face.frame.unit_px).mean((1, 2)) / max(lips, 1.0)
    return _INTO_CORNER * (1 - smoothstep((seen - _DARK[0]) / (_DARK[1] - _DARK[0])))


def _arch(offset: Array, weight: Array, degree: int) -> Array:
    """(11,) a smooth arch through what was found; the corners, where nothing shows, follow."""
    along = np.linspace(-1, 1, len(offset))
    inside = slice(1, -1)
    fit = np.polynomial.Polynomial.fit(
        along[inside], offset[inside], degree, domain=[-1, 1], w=weight[inside]
    )
    return fit(along).astype(np.float32)


def _sampled(picture: Image, spots: Array, softness_px: float) -> Array:
    """(..., 3) float colours at (..., 2) places, each the mean of what is around it."""
    last = [picture.shape[1] - 1, picture.shape[0] - 1]
    at = np.clip(spots, 0, last).round().astype(int)
    margin = 2 + int(3 * softness_px)
    flat = at.reshape(-1, 2)
    low, high = np.maximum(flat.min(0) - margin, 0), flat.max(0) + margin + 1
    near = blur(picture[low[1] : high[1], low[0] : high[0]].astype(np.float32), softness_px)
    return near[at[..., 1] - low[1], at[..., 0] - low[0]]

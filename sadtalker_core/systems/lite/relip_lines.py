"""Where the lips of one frame really end, found in the picture near where the landmarks say.

Landmarks are off by a few pixels, most where a mouth stands wide open, and a cut that is off leaves
a rim of teeth on a lip. They still say open where a mouth just closed, and a cut there costs it its
upper lip. Closed lips meet where the picture is darkest. Open lips end where their colour ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...geometry.warp import Array, Image, blur, smoothstep
from .basis import LOWER_LIP, UPPER_LIP, mouth_profile
from .relip_face import LowerFace, openness

_SEARCH = 0.05  # E: how far the line of closed lips may lie from the tracked one
_NEAR, _NEAR_ENDS = 0.03, 0.012  # E: how near it usually is to that, and to where open lips end
# Where an open lip's end is looked for: outward, of the lip's thickness; inward, E, and of the
# tracked gap for the upper lip.
_OUTWARD, _INWARD_OF_GAP, _INWARD = 0.65, 0.9, 0.03
# E: an end that far from the landmarks' must be clearly better; more with the gap, as they lag
# behind lips that are far apart, the lower one most.
_PRIOR, _UPPER_PRIOR_OF_GAP, _LOWER_PRIOR_OF_GAP = 0.014, 0.04, 0.3
_SHADED = (0.45, 0.70)  # of a lip's brightness
_DARK_IS_LIP = 0.0  # how far dark speaks for a lip: it may be its shade
_LEAST_THICK = (0.02, 0.5)  # E, and of the middle
_INWARD_PRIOR = 0.07  # E: the same of the upper one inward, where only its own colour leads
_UPPER_ABOUT = (-0.03, 0.07)  # E from the tracked row, where colour of the upper lip is looked for
_NO_COLOUR = 60  # of 765 in good light: at which dark counts as half as red
_GOOD_LIGHT = 110  # of 255: skin from there on
_LIP_SPREAD = (0.15, 0.36)  # differences of colour, of three in [0, 1], that still may be the lip
_STEPS = 28
_INTO_CORNER = 0.8  # of the way from the inner to the outer corners, where it is dark there
_DARK = (0.40, 0.65)  # of the brightness of the lips
_FOLLOW_CLOSED, _FOLLOW_OPEN = 0.35, 0.75  # how fast lines follow what a frame shows
_AT_ONCE = (0.015, 0.04)  # E of change of a line: noise below, above it lips that moved


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
        apart = self._ends(face) + np.stack([-cut, cut])[..., None] * unit * down
        ends = face.mesh_px[[UPPER_LIP[0, 0], UPPER_LIP[0, -1]], :2]
        middle = apart[:, [0, -1]].mean(0)
        apart[:, [0, -1]] = middle + self.corners[:, None] * (ends - middle)
        return touching[None] + (apart - touching[None]) * np.float32(face.is_open)

    def _ends(self, face: LowerFace) -> Array:
        """(2, 11, 2) pixels where the two lips end; where both would be lip they meet half-way."""
        upper = (
            face.mesh_px[UPPER_LIP[3], :2] - (self.upper * face.frame.unit_px)[:, None] * face.down
        )
        lower = (
            face.mesh_px[LOWER_LIP[3], :2] + (self.lower * face.frame.unit_px)[:, None] * face.down
        )
        crossed = np.minimum((lower - upper) @ face.down, 0)[:, None] / 2 * face.down
        return np.stack([upper + crossed, lower - crossed])

    def as_seen(self, face: LowerFace) -> LowerFace:
        """The face, whose lips are open no farther than they show it: landmarks open late and close
        late."""
        upper, lower = self._ends(face)
        gap_e = float(((lower - upper) @ face.down).max()) / face.frame.unit_px
        return replace(face, is_open=min(face.is_open, openness(gap_e)))

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
    # landmarks that say open are of no use for where closed lips meet: that is where both end
    middle = (lower - upper) / 2 * np.float32(face.is_open)
    found = LipLines(_dark_offset(picture, face, middle), upper, lower, corners)
    if before is None:
        return found
    # what is not seen now is as it was: closed lips have no ends, open ones do not meet
    were_open = before.as_seen(face).is_open
    closed = max(_FOLLOW_CLOSED, were_open) * (1 - found.as_seen(face).is_open)
    return LipLines(
        before.touching + closed * (found.touching - before.touching),
        _followed(before.upper, found.upper, face.is_open),
        _followed(before.lower, found.lower, face.is_open),
        before.corners + _FOLLOW_OPEN * face.is_open * (found.corners - before.corners),
    )


def _followed(before: Array, found: Array, is_open: float) -> Array:
    """An end steadied; lips that part or close at once are followed at once."""
    low, high = _AT_ONCE
    jump = float(smoothstep(np.asarray((np.abs(found - before).mean() - low) / (high - low))))
    return before + is_open * (_FOLLOW_OPEN + (1 - _FOLLOW_OPEN) * jump) * (found - before)


def _dark_offset(picture: Image, face: LowerFace, middle: Array) -> Array:
    """(11,) of the darkest line about ``middle``, both E from the middle of the tracked lines."""
    unit = face.frame.unit_px
    line = (face.mesh_px[UPPER_LIP[3], :2] + face.mesh_px[LOWER_LIP[3], :2]) / 2
    line = line + (middle * unit)[:, None] * face.down
    offsets = np.linspace(-_SEARCH, _SEARCH, 31)
    spots = line[:, None] + (offsets * unit)[None, :, None] * face.down
    seen = _sampled(picture, spots, 0.010 * unit).mean(2)
    contrast = np.maximum(seen.max(1) - seen.min(1), 4.0)
    dark = (seen - seen.min(1, keepdims=True)) / contrast[:, None]
    near = _NEAR + (_NEAR_ENDS - _NEAR) * face.is_open
    likely = np.exp(-((dark / 0.18) ** 2) - (offsets[None] / near) ** 2)
    offset = (likely * offsets).sum(1) / likely.sum(1)
    return np.clip(_arch(offset, np.sqrt(contrast), 3), -_SEARCH, _SEARCH) + middle


def _open_ends(picture: Image, face: LowerFace) -> tuple[Array, Array, Array]:
    """(11,), (11,), (2,) as in ``LipLines``."""
    unit, down = face.frame.unit_px, face.down
    found: list[Array] = []
    gaps = np.maximum((face.mesh_px[LOWER_LIP[3], :2] - face.mesh_px[UPPER_LIP[3], :2]) @ down, 0)
    wide = float(gaps[5]) / unit
    prior_upper = _PRIOR + _UPPER_PRIOR_OF_GAP * wide
    prior_lower = _PRIOR + _LOWER_PRIOR_OF_GAP * wide
    upper, lower = face.mesh_px[UPPER_LIP][..., :2], face.mesh_px[LOWER_LIP][..., :2]
    light = _light(picture, upper[0, 3:8], lower[0, 3:8], 0.05 * unit * down)
    lips = (
        _upper_colour(picture, upper[3, 3:8], -down, unit, light),
        _lower_colour(picture, lower[3, 3:8], lower[0, 3:8], unit),
    )
    # the upper lip's row stays within a lip that just closed; the lower one goes along with it
    inward_upper = np.maximum(_INWARD * unit, _INWARD_OF_GAP * gaps)
    inward_lower = np.full_like(gaps, _INWARD * unit)
    for rows, outward, lip, priors, inward, degree in (
        (upper, -down, lips[0], (prior_upper, _INWARD_PRIOR), inward_upper, 2),
        (lower, down, lips[1], (prior_lower, prior_lower), inward_lower, 4),
    ):
        inner, outer = rows[3], rows[0]
        thick = (outer - inner) @ outward
        thick = np.maximum(thick, max(_LEAST_THICK[0] * unit, _LEAST_THICK[1] * thick[5]))
        share = np.linspace(0, 1, _STEPS)[None]
        steps = -inward[:, None] + share * (_OUTWARD * thick + inward)[:, None]
        seen = _sampled(picture, inner[:, None] + steps[..., None] * outward, 0.006 * unit)
        far = np.abs(seen - lip).sum(2) / (255 * light)
        # pale lips differ little from all else
        spread = np.clip(np.quantile(far, 0.9) / 2, *_LIP_SPREAD)
        is_lip = 2 * np.exp(-((far / spread) ** 2)) - 1
        # dark may be the mouth, or the lip's own shaded rim
        dark = seen.mean(2) / max(float(lip.mean()), 1.0)
        dark = 1 - smoothstep((dark - _SHADED[0]) / (_SHADED[1] - _SHADED[0]))
        is_lip = is_lip + (_DARK_IS_LIP - is_lip) * dark
        # the end: what is farther out is lip, what is farther in is not
        score = is_lip[:, ::-1].cumsum(1)[:, ::-1] - is_lip.cumsum(1)
        score = score / _STEPS - (steps / (2 * np.where(steps > 0, *priors) * unit)) ** 2
        end = np.take_along_axis(steps, score.argmax(1)[:, None], 1)[:, 0] / unit
        trust = np.maximum(score.max(1) - np.median(score, axis=1), 0.02)
        arch = _arch(end, trust, degree) * mouth_profile(len(end)) ** np.float32(0.2)
        found.append(np.clip(arch, -inward / unit, (_OUTWARD * thick / unit).max()))
    return found[0], found[1], _dark_corners(picture, face, float(np.mean(lips)))


def _light(picture: Image, above: Array, below: Array, away: Array) -> float:
    """How light the skin beyond the lips is, 1 in good light: differences shrink in the dark."""
    skin = _sampled(picture, np.concatenate([above - away, below + away]), 1.0)
    return float(np.clip(np.median(skin) / _GOOD_LIGHT, 0.05, 1.0))


def _upper_colour(picture: Image, inner: Array, up: Array, unit: float, light: float) -> Array:
    """(3,) of the upper lip: the reddest of what is about its tracked inner row (N, 2), as that may
    lie in the opening or in the lip, and skin, teeth and shadow are less red."""
    across = np.linspace(*_UPPER_ABOUT, 10)[:, None, None] * unit * up
    seen = _sampled(picture, inner + across, 0.008 * unit).reshape(-1, 3)
    red = (seen[:, 0] - seen[:, 1]) / (seen.sum(1) + _NO_COLOUR * light)
    return np.median(seen[red >= np.quantile(red, 0.7)], axis=0)


def _lower_colour(picture: Image, inner: Array, outer: Array, unit: float) -> Array:
    """(3,) of the lower lip between its two tracked rows (N, 2), where it surely is lip."""
    core = inner + (0.55 + 0.25 * np.linspace(0, 1, 4))[:, None, None] * (outer - inner)
    return np.median(_sampled(picture, core, 0.008 * unit).reshape(-1, 3), axis=0)


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

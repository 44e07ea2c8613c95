"""Eyelids and gaze.

Each eye is redrawn in a small box. Below the moving lid edge the eyeball shows, its iris shifted
by the gaze; above it the lid: the band of lashes keeps its size and rides on the edge, the skin
between the lashes and the brow stretches behind it, smoothed the more it stretches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.warp import Array, Image, blur, polygon_mask, sample_picture, smoothstep
from .frame import FaceFrame

_SAMPLES = 33
_LASH_BAND = 0.020  # E: lashes and lid margin that move as one piece
_LASH_REACH = 0.040  # E above that band: skin crossed by upward lashes, no skin to stretch
_LID_MARGIN = 0.008  # E: the dark margin below the tracked contour belongs to the lid
_OVERLAP = 0.010  # E: how far a closed lid covers the lower lid's edge
_BELOW = 0.075  # E under the covered eye: clear of lashes, the tone of skin in this light
_LID_SHADE = 0.94  # of that tone on a lid
_GRAIN, _GRAIN_REACH = 0.7, 0.10  # how much of the skin's detail, from how far below, E
_RIM = 0.012  # E: softness of the border between iris and lid
_STILL = 1e-3  # lid or gaze movement that nobody can see
_WIDEN_MOST = 0.09  # E
_COVER_MOST = 0.06  # E
_LOWER_RISE, _SMILE_RISE = 0.10, 0.8  # part of the way that the lower lid comes up


@dataclass(frozen=True)
class EyeRig:
    """One eye of the source in its own axes: s along the corners in [0, 1], v down, both in E.

    Attributes:
        corner_px: (2,) the corner at the viewer's left.
        axes: (2, 2) rows: unit vectors along the eye and down, in the picture.
        length: distance of the corners in E.
        upper, lower: (samples,) v of the lid edges over s from -0.25 to 1.25 of the length.
        cover: (samples,) v that a closed lid reaches: below it the picture shows skin.
        crease: (samples,) v of the line above the lid that stays where it is.
        iris: (2,) centre along, down; radius.
        box: x0, y0, x1, y1 in pixels around everything that can move.
        unit_px: E.
        smooth: the source by ``smoothed``, for skin that is stretched a lot.
    """

    corner_px: Array
    axes: Array
    length: float
    upper: Array
    lower: Array
    cover: Array
    crease: Array
    iris: Array
    iris_radius: float
    box: tuple[int, int, int, int]
    unit_px: float
    smooth: Image


def smoothed(picture: Image, contours_px: Array, unit_px: float) -> Image:
    """The source near the eyes without detail and without the eyes: the tone of the skin there.

    Args:
        contours_px: (2, 16, 2) lid contours; what is inside and the lashes around take no part.
        unit_px: E.
    """
    result = picture.copy()
    height, width = picture.shape[:2]
    reach = 0.55 * unit_px
    low = np.maximum((contours_px.min((0, 1)) - reach).astype(int), 0)
    high = np.minimum((contours_px.max((0, 1)) + reach).astype(int) + 1, [width, height])
    columns, rows = (high - low).tolist()
    if columns <= 0 or rows <= 0:
        return result
    near = picture[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    inside = np.zeros((rows, columns), np.float32)
    for contour in contours_px:
        ring = np.concatenate([contour[:9], contour[15:8:-1]]) - low
        inside = np.maximum(inside, polygon_mask(ring.astype(np.float32), columns, rows))
    is_skin = np.clip(1 - 6 * blur(inside, 0.03 * unit_px), 0, 1) + np.float32(1e-3)
    spread = 0.045 * unit_px
    tone = blur(near * is_skin[..., None], spread) / blur(is_skin, spread)[..., None]
    result[low[1] : high[1], low[0] : high[0]] = np.clip(tone + 0.5, 0, 255).astype(np.uint8)
    return result


def build_eye(
    frame: FaceFrame,
    contour_px: Array,
    mesh_contour_px: Array,
    iris_px: Array,
    brow_px: Array,
    skin_px: Array,
    picture: Image,
    smooth: Image,
) -> EyeRig:
    """
    Args:
        contour_px: (16, 2) lid contour of the iris net: 9 points of the lower lid from corner to
            corner, then 7 of the upper lid without corners.
        mesh_contour_px: (16, 2) the same points of the mesh net; the wider of both is taken.
        iris_px: (5, 2) centre and four points of the rim.
        brow_px: (10, 2) points of the brow above.
        skin_px: (N, 2) points on the skin below.
        picture: the source.
        smooth: the source by ``smoothed``, shared by both eyes.
    """
    unit = frame.unit_px
    lower, upper = _lid_points(contour_px)
    mesh_lower, mesh_upper = _lid_points(mesh_contour_px)
    skin = _colour_at(picture, skin_px)
    corner, far = _outermost(lower, mesh_lower)
    corner, far = _widened(picture, corner, far, contour_px.mean(0), skin, unit)
    along = far - corner
    length_px = float(np.linalg.norm(along))
    u = along / length_px
    axes = np.stack([u, np.array([-u[1], u[0]])]).astype(np.float32)

    def local(points: Array) -> Array:
        return (points - corner) @ axes.T / np.float32(unit)

    length = length_px / unit
    s = np.linspace(-0.25, 1.25, _SAMPLES) * length
    up = np.minimum(*(_lid_curve(local(p), s, length) for p in (upper, mesh_upper)))
    low = np.maximum(*(_lid_curve(local(p), s, length) for p in (lower, mesh_lower)))
    low = np.maximum(low, up)
    below = _eye_below(picture, (corner, axes, unit), s, low, skin)
    cover = low + below * np.clip((low - up) / 0.03, 0, 1)
    brow = float(np.median(local(brow_px)[:, 1]))
    room = np.maximum(up - brow, 0.06)
    crease = up - np.clip(0.62 * room, 0.05, 0.20)
    reach = np.array([[-0.25 * length, float(crease.min()) - 0.03], [1.25 * length, 0.12]])
    corners = np.array([[reach[i, 0], reach[j, 1]] for i in (0, 1) for j in (0, 1)])
    spots = corners @ axes * unit + corner
    margin = 0.30 * unit  # the head moves the eye about
    height, width = picture.shape[:2]
    box = (
        max(0, int(spots[:, 0].min() - margin)),
        max(0, int(spots[:, 1].min() - margin)),
        min(width, int(spots[:, 0].max() + margin) + 1),
        min(height, int(spots[:, 1].max() + margin) + 1),
    )
    centre = local(iris_px[:1])[0]
    radius = float(np.linalg.norm(iris_px[1:] - iris_px[0], axis=1).mean() / unit)
    return EyeRig(
        corner.astype(np.float32),
        axes,
        length,
        up.astype(np.float32),
        low.astype(np.float32),
        cover.astype(np.float32),
        crease.astype(np.float32),
        centre.astype(np.float32),
        radius,
        box,
        unit,
        smooth,
    )


def _colour_at(picture: Image, points: Array) -> Array:
    height, width = picture.shape[:2]
    x = np.clip(points[:, 0].round().astype(int), 0, width - 1)
    y = np.clip(points[:, 1].round().astype(int), 0, height - 1)
    return np.median(picture[y, x].astype(np.float32), axis=0)


def _lid_points(contour: Array) -> tuple[Array, Array]:
    """(9, 2) points of the lower and of the upper lid, both from the viewer's left to right."""
    lower = contour[:9]
    upper = np.concatenate([contour[:1], contour[9:16], contour[8:9]])
    return (lower, upper) if lower[0, 0] < lower[-1, 0] else (lower[::-1], upper[::-1])


def _outermost(first: Array, second: Array) -> tuple[Array, Array]:
    """The corners of an eye: of two contours, the one that reaches farther on each side."""
    across = first[-1] - first[0]
    left = first[0] if (first[0] - second[0]) @ across < 0 else second[0]
    right = first[-1] if (first[-1] - second[-1]) @ across > 0 else second[-1]
    return left, right


def _widened(
    picture: Image, left: Array, right: Array, middle: Array, skin: Array, unit: float
) -> tuple[Array, Array]:
    """The corners moved outward as long as the picture there is more like eye white than skin."""
    across = (right - left) / np.linalg.norm(right - left)
    near = middle + across * np.linspace(-0.13, 0.13, 27)[:, None] * unit
    seen = sample_picture(picture, near[None].astype(np.float32), smooth=False)[0].astype(float)
    white = np.median(seen[np.argsort(seen.sum(1))[-9:]], axis=0)
    if np.linalg.norm(white - skin) < 30:
        return left, right  # no white to go by
    steps = np.linspace(0, _WIDEN_MOST, 15)
    found: list[Array] = []
    for corner, way in ((left, -across), (right, across)):
        spots = (corner + way * steps[:, None] * unit).astype(np.float32)[None]
        path = sample_picture(picture, spots, smooth=False)[0].astype(float)
        like_white = np.linalg.norm(path - white, axis=1) < np.linalg.norm(path - skin, axis=1)
        reach = 0.0 if like_white.all() or not like_white.any() else steps[like_white].max()
        found.append(corner + way * reach * unit)
    return found[0].astype(np.float32), found[1].astype(np.float32)


def _eye_below(
    picture: Image, place: tuple[Array, Array, float], s: Array, lower: Array, skin: Array
) -> Array:
    """(samples,) how far below the tracked lower lid the picture still is not skin, in E.

    Large drawn eyes reach beyond the contour that the net finds; a lid that closes only as far
    as the contour would leave a rim of eye white.
    """
    corner, axes, unit = place
    steps = np.linspace(0, _COVER_MOST, 12)
    spots = np.stack(np.broadcast_arrays(s[:, None], lower[:, None] + steps[None]), axis=-1)
    where = (spots @ axes * unit + corner).astype(np.float32)
    seen = sample_picture(picture, where, smooth=False).astype(np.float32)
    unlike = np.linalg.norm(seen - skin, axis=-1)
    is_eye = unlike > np.maximum(0.5 * unlike[:, :3].max(1, keepdims=True), 40.0)
    reach = np.where(is_eye.any(1), steps[is_eye.shape[1] - 1 - np.argmax(is_eye[:, ::-1], 1)], 0.0)
    fit = np.polynomial.Polynomial.fit(s, np.where(reach < _COVER_MOST, reach, 0.0), 4)
    return np.clip(fit(s), 0, _COVER_MOST)


def _lid_curve(points: Array, s: Array, length: float) -> Array:
    """A smooth lid edge through tracked points between the corners, level beyond them."""
    corners = np.array([[0.0, 0.0], [length, 0.0]])
    points = np.concatenate([corners[:1], points[1:-1], corners[1:]])
    order = np.argsort(points[:, 0])
    inside = np.clip(s, 0, length)
    fit = np.polynomial.Polynomial.fit(points[order, 0], points[order, 1], 4)
    curve = fit(inside)
    # the fit need not pass through the corners, where both lids must meet
    t = inside / length
    start, end = points[order[0], 1] - fit(0.0), points[order[-1], 1] - fit(length)
    return curve + start * (1 - t) ** 6 + end * t**6


def draw_eye(
    rig: EyeRig,
    picture: Image,
    result: Image,
    backward: Array,
    close: float,
    gaze: Array,
    smile: float = 0.0,
) -> None:
    """Redraw the box of one eye in place.

    Args:
        picture: the source.
        result: the frame so far (H, W, 3).
        backward: (h, w, 2) backward map of the box: where the face without lids looks.
        close: 0 as in the source, 1 closed, negative wider.
        gaze: (2,) shift of the iris in E.
        smile: 0 to 1, how far cheeks push the lower lid up instead of the upper one coming down.
    """
    x0, y0, x1, y1 = rig.box
    if abs(close) <= _STILL and float(np.abs(gaze).max()) <= _STILL:
        return
    local = (backward - rig.corner_px) @ rig.axes.T / np.float32(rig.unit_px)
    s, v = local[..., 0], local[..., 1]
    position = (s / rig.length + 0.25) / 1.5 * (_SAMPLES - 1)
    upper, lower, cover, crease = (
        _along(curve, position) for curve in (rig.upper, rig.lower, rig.cover, rig.crease)
    )
    # full strength between the corners, nothing beyond the skin beside them
    beside = np.clip(np.minimum(s / rig.length + 0.22, 1.22 - s / rig.length) / 0.22, 0, 1)
    aperture = lower - upper
    share = _LOWER_RISE + (_SMILE_RISE - _LOWER_RISE) * smile * max(1 - close, 0.0)
    rise = share * max(close, 0.0) * aperture
    shut = max(close, 0.0) ** 2 * (cover - lower + _OVERLAP + 0.05 * aperture) * beside
    travel = close * (aperture - rise) + shut
    edge = upper + travel
    v_ball = np.where(v > edge, v + rise * _falloff(v, lower), v)
    ball = np.stack([s, v_ball], axis=-1)
    seen_ball = sample_picture(picture, _to_picture(rig, ball)).astype(np.float32)
    if float(np.abs(gaze).max()) > _STILL:
        looking = ball - _gaze_shift(rig, s, v, gaze)
        seen_iris = sample_picture(picture, _to_picture(rig, looking)).astype(np.float32)
        # what moves between the lids moves; lids and lashes stay
        within = np.clip((v - np.minimum(edge, upper)) / _RIM + 0.5, 0, 1)
        within *= np.clip((lower - v) / _RIM + 0.5, 0, 1)
        seen_ball += (seen_iris - seen_ball) * within[..., None]
    eye = seen_ball
    if abs(close) > _STILL:
        soft = max(0.006, 0.75 / rig.unit_px)
        is_lid = np.clip((edge + _LID_MARGIN - v) / soft + 0.5, 0, 1)
        source = _lid_source(v, upper, edge, crease, close)
        lid = _draw_lid(rig, picture, (s, crease, cover), source)
        eye = seen_ball + (lid - seen_ball) * is_lid[..., None]
    # only the eye itself: the box of a leaning head holds part of the other eye too
    level = np.clip(np.minimum(v - crease, cover + _BELOW + 0.05 - v) / 0.02 + 1, 0, 1)
    fade = (beside * level)[..., None]
    area = result[y0:y1, x0:x1]
    area[:] = np.clip(area + (eye - area) * fade + 0.5, 0, 255).astype(np.uint8)


def _draw_lid(
    rig: EyeRig,
    picture: Image,
    place: tuple[Array, Array, Array],
    source: tuple[Array, Array, Array, Array, Array],
) -> Array:
    """(h, w, 3) float: skin that unfolds as it is stretched, and the band of lashes on its edge.

    What unfolds was hidden in the picture. Its tone goes from that above the crease to that below
    the eye, so that it takes part in the light on both sides.

    Args:
        place: along the eye, crease and cover line, at each pixel.
        source: see ``_lid_source``.
    """
    s, crease, cover = place
    v_skin, v_band, band, stretch, down = source

    def seen(where: Image, v: Array, smooth: bool) -> Array:
        spots = _to_picture(rig, np.stack([s, v], axis=-1))
        return sample_picture(where, spots, smooth).astype(np.float32)

    lid = seen(picture, v_skin, True)
    under = cover + _BELOW
    above, below = seen(rig.smooth, crease, False), seen(rig.smooth, under, False)
    fold = above + (_LID_SHADE * below - above) * (0.85 * down[..., None])
    # grain of the skin below the eye: without it a closed lid looks painted
    grain = under + _GRAIN_REACH * (1 - down)
    fold += _GRAIN * (seen(picture, grain, True) - seen(rig.smooth, grain, False))
    lid += (fold - lid) * (0.92 * np.clip((stretch - 1.1) / 1.2, 0, 1))[..., None]
    lashes = seen(picture, v_band, True)
    return lid + (lashes - lid) * band[..., None]


def _lid_source(
    v: Array, upper: Array, edge: Array, crease: Array, close: float
) -> tuple[Array, Array, Array, Array, Array]:
    """Where the lid's skin and its band of lashes come from, how much of the band, the stretch.

    The last is 0 at the crease and 1 at the lashes.
    """
    skipped = _LASH_REACH * np.clip(2 * close, 0, 1) * np.clip((edge - upper) / 0.04, 0, 1)
    band_top = edge - _LASH_BAND
    source_top = np.maximum(upper - _LASH_BAND - skipped, crease + 0.005)
    span = np.maximum(band_top - crease, 0.01)
    t = np.clip((v - crease) / span, 0, 1)
    ratio = span / np.maximum(source_top - crease, 0.01)
    skin = np.where(v < crease, v, crease + t * (source_top - crease))
    blend = 0.012
    band = np.clip((v - band_top) / blend + 0.5, 0, 1)
    if close <= 0:
        return skin, v - (edge - upper), np.ones_like(v) * (v > band_top), np.ones_like(v), t
    down = smoothstep(t)
    return skin, v - (edge - upper), band, 1 + (ratio - 1) * down, down


def _falloff(v: Array, lower: Array) -> Array:
    """1 at the lower lid, 0 a little below: the skin there gives way smoothly."""
    t = np.clip(np.abs(v - lower) / 0.10, 0, 1)
    return smoothstep(1 - t)


def _gaze_shift(rig: EyeRig, s: Array, v: Array, gaze: Array) -> Array:
    """The iris moves whole; the white beside it gives way toward the corners."""
    distance = np.hypot(s - rig.iris[0] - gaze[0], v - rig.iris[1] - gaze[1])
    reach = 0.45 * rig.length
    t = np.clip((distance - 1.1 * rig.iris_radius) / reach, 0, 1)
    weight = smoothstep(1 - t)
    return weight[..., None] * gaze.astype(np.float32)


def _to_picture(rig: EyeRig, local: Array) -> Array:
    return (local @ rig.axes * np.float32(rig.unit_px) + rig.corner_px).astype(np.float32)


def _along(curve: Array, position: Array) -> Array:
    index = np.clip(position, 0, _SAMPLES - 1.001)
    low = index.astype(np.int32)
    part = index - low
    return curve[low] * (1 - part) + curve[low + 1] * part

"""What shows between new lips: the speaker's own teeth where the video shows them, else drawn ones.

The frame of the video whose mouth stands widest open lends its inside. It is kept as two layers in
the frontal frame: the upper teeth, which stay with the skull, and all below them, which goes with
the lower lip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...geometry.warp import (
    Array,
    Image,
    blur,
    pixel_positions,
    polygon_mask,
    sample_picture,
    smoothstep,
    warp_affine,
)
from .basis import LOWER_LIP, UPPER_LIP
from .frame import FaceFrame
from .relip_controls import LipChange
from .teeth import HALF_HEIGHT, HALF_WIDTH, MouthLayers

# A mouth shows enough of its inside from here on: E of gap, pixels of it, as fewer are a blur that
# drawn teeth are better than, and ``inner_contrast``, as it may be a lip or a tongue that shows.
LEAST_OPEN, LEAST_ROWS, LEAST_CONTRAST = 0.045, 6.0, 0.1
_TOP_RIM, _BOTTOM_RIM = 0.016, 0.012  # E along the lips that are no longer the inside
_MIDDLE = 0.12  # E to both sides, where the edge of the upper teeth is looked for
_EDGE_SEARCH = 0.022  # E around it, where the edge of each tooth is
_CLENCHED = 0.62  # of the gap: where upper teeth end that rest on lower ones
_DIM = (-0.02, 0.055)  # E of gap: light that falls between the lips, 0 and full
_FEATHER = 0.014  # E over which upper teeth end
_BEHIND = 0.75  # of the brightness of a tongue: the most of what is behind
_DEEP = 0.4  # of the light of the front falls on what is farthest in
_SOFT = 0.030  # E: what is behind them is shown without detail, which would not move rightly


@dataclass(frozen=True)
class OwnInside:
    """The inside of the speaker's mouth, float32 on the grid of the layers.

    Attributes:
        upper: (h, w, 4) teeth of the upper jaw, RGB in [0, 255] and how surely they are there.
        lower: (h, w, 3) what is behind and below, in the same place.
        lower_lip_e: (3,) frontal place of the middle of the lower lip's edge.
    """

    upper: Array
    lower: Array
    lower_lip_e: Array


@dataclass(frozen=True)
class MouthInside:
    """What can show between the lips.

    Attributes:
        layers: drawn teeth and tongue.
        line_e: (3,) frontal place where closed lips meet in front of the teeth, E.
        own: of the speaker, where the video shows it.
    """

    layers: MouthLayers
    line_e: Array
    own: OwnInside | None = None


def own_inside(picture: Image, mesh_px: Array, frame: FaceFrame, inside: MouthInside) -> OwnInside:
    """The inside of an open mouth.

    Args:
        picture: (H, W, 3) uint8 with the mouth open.
        mesh_px: (468, 3) its face.
        frame: that face's frontal frame.
        inside: where the layers lie.
    """
    scale = inside.layers.pixels_per_unit
    columns, rows = int(2 * HALF_WIDTH * scale), int(2 * HALF_HEIGHT * scale)
    linear, shift = _picture_from_layer(frame, inside, 0.0)
    patch_px = pixel_positions(0, 0, columns, rows) @ linear.T + shift
    patch = sample_picture(picture, patch_px.astype(np.float32))
    inverse = np.linalg.inv(linear)
    lips = [(mesh_px[row[3], :2] - shift) @ inverse.T for row in (UPPER_LIP, LOWER_LIP)]
    xs = np.arange(columns, dtype=np.float32)
    order = [np.argsort(line[:, 0]) for line in lips]
    top, bottom = (np.interp(xs, line[by, 0], line[by, 1]) for line, by in zip(lips, order))
    top, bottom = top + _TOP_RIM * scale, bottom - _BOTTOM_RIM * scale
    known = np.flatnonzero(bottom - top > 1)
    ys = np.arange(rows, dtype=np.float32)[:, None]
    if len(known) == 0:  # so small that nothing of it can be seen
        known, edge = np.array([columns // 2]), (top + bottom) / 2
    else:
        edge = _teeth_edge(patch, top, bottom, scale)
    # rows above the lip repeat the first one below it, columns beyond the corners the last ones
    held = np.clip(xs, known[0], known[-1]).astype(np.float32)
    at = np.stack(np.broadcast_arrays(held, np.maximum(ys, top[held.astype(int)])), axis=-1)
    teeth = sample_picture(patch, at.astype(np.float32), smooth=False)
    feather = max(1.0, _FEATHER * scale)
    beyond = np.maximum(known[0] - xs, xs - known[-1]) / (_SOFT * scale)
    sure = (1 - smoothstep((ys - edge) / feather + 0.5)) * (1 - smoothstep(beyond))
    within = (ys > edge + 0.5 * feather) & (ys < bottom)
    within[:, : known[0]] = within[:, known[-1] + 1 :] = False
    behind = _spread(patch, within, _SOFT * scale, 255 * inside.layers.colours.cavity)
    # lower teeth would be a white haze: no brighter than a tongue, and half its colour
    bright, tongue = behind.mean(axis=2, keepdims=True), inside.layers.colours.tongue
    bright = np.minimum(bright, 255 * _BEHIND * float(tongue.mean()))
    own = behind / np.maximum(behind.mean(axis=2, keepdims=True), 1)
    behind = bright * (own + tongue / max(float(tongue.mean()), 1e-3)) / 2
    # less and less light reaches what lies farther in, right below the upper teeth
    depth = np.clip((ys - edge) / np.maximum(bottom - edge, 1), 0, 1)
    behind = behind * (_DEEP + (1 - _DEEP) * depth)[..., None]
    lip_e = frame.frontal(mesh_px[[14]])[0]
    upper = np.concatenate([teeth, sure[..., None]], axis=2)
    return OwnInside(upper.astype(np.float32), behind.astype(np.float32), lip_e.astype(np.float32))


def _spread(patch: Image, known: Array, sigma: float, otherwise: Array) -> Array:
    """The colours of the known pixels, smooth, and beyond them going over into another colour."""
    share = known.astype(np.float32)
    near = blur(share, sigma)
    colour = blur(patch * share[..., None], sigma) / np.maximum(near, 1e-4)[..., None]
    trust = smoothstep(near * 4)[..., None]
    return (otherwise + (colour - otherwise) * trust).astype(np.float32)


def _teeth_edge(patch: Image, top: Array, bottom: Array, scale: float) -> Array:
    """(columns,) row where upper teeth end: an arch through where bright turns into dark."""
    middle, reach = patch.shape[1] // 2, max(1, int(_MIDDLE * scale))
    across = slice(middle - reach, middle + reach + 1)
    first, last = int(np.ceil(top[across].mean())), int(bottom[across].mean())
    grey = blur(patch.astype(np.float32).mean(axis=2), 0.006 * scale)
    level = first + _CLENCHED * (last - first)
    if last - first >= 3:
        profile = grey[first : last + 1, across].mean(axis=1)
        peak = int(np.argmax(profile[: max(2, (2 * len(profile)) // 3)]))
        dark = peak + int(np.argmin(profile[peak:]))
        if profile[peak] > 1.25 * profile[dark]:
            half = (profile[peak] + profile[dark]) / 2
            level = first + peak + int(np.argmax(profile[peak:] < half))
    reach_rows = max(1, int(_EDGE_SEARCH * scale))
    low, high = max(0, int(level) - reach_rows), min(len(grey) - 1, int(level) + reach_rows)
    falls = grey[low:high, across] - grey[low + 1 : high + 1, across]
    if falls.shape[0] < 2:
        return np.full(patch.shape[1], level, np.float32)
    found = low + 0.5 + falls.argmax(axis=0)
    along = (np.arange(across.start, across.stop) - middle) / scale
    arch = np.polynomial.Polynomial.fit(along, found, 2, w=np.sqrt(np.maximum(falls.max(0), 0.1)))
    xs = np.clip((np.arange(patch.shape[1]) - middle) / scale, -1.5 * _MIDDLE, 1.5 * _MIDDLE)
    return np.clip(arch(xs), level - reach_rows, level + reach_rows).astype(np.float32)


def inner_contrast(rgb: Tensor, mesh_px: Tensor) -> float:
    """How much brighter, in [0, 1], the upper part between open lips is than the darkest below it:
    large where upper teeth show.

    Args:
        rgb: (3, H, W) uint8.
        mesh_px: (468, 3).
    """
    across = slice(4, 7)
    top, bottom = (
        mesh_px[torch.from_numpy(row[3, across].copy()), :2] for row in (UPPER_LIP, LOWER_LIP)
    )
    steps = torch.linspace(0.12, 0.9, 24)[:, None, None]
    spots = (top + (bottom - top) * steps).round().long()
    x, y = spots[..., 0].clamp(0, rgb.shape[2] - 1), spots[..., 1].clamp(0, rgb.shape[1] - 1)
    profile = rgb[:, y, x].float().mean((0, 2)) / 255
    peak = int(profile[:16].argmax())
    return float(profile[peak] - profile[peak:].min())


def draw_inside(
    frame: FaceFrame,
    inside: MouthInside,
    change: LipChange,
    gap_e: float,
    lower_lip_px: Array,
    masks: tuple[Array, Array],
    origin: Array,
) -> Array:
    """(rows, columns, 3) float in [0, 255] of a box of the picture.

    Args:
        frame: of the face in the picture.
        inside: of ``own_inside`` or drawn.
        change: of the lips.
        gap_e: between the lips as they are drawn.
        lower_lip_px: (2,) middle of the lower lip's new edge in the picture.
        masks: above the upper lip's line, and between the lips, (rows, columns).
        origin: (2,) first pixel of the box.
    """
    above, hole = masks
    shade = 1 - 0.55 * blur(above, 0.016 * frame.unit_px)
    if inside.own is not None:
        scene = _own(frame, inside, inside.own, lower_lip_px, hole.shape, origin)
        # It has the shadows of lips that are wide apart. The upper lip, wherever it is now, throws
        # a little more, and little light falls between lips that are nearly closed.
        light = smoothstep(np.asarray((gap_e - _DIM[0]) / (_DIM[1] - _DIM[0])))
        light = light * (1 - 0.35 * (1 - shade[..., None]))
        cavity = 255 * inside.layers.colours.cavity
        return cavity + (scene - cavity) * light
    scene = _drawn(frame, inside, change, hole.shape, origin)
    depth = 1 - np.clip(blur(hole, 0.028 * frame.unit_px) * 1.5 - 0.25, 0, 1)
    shade = (shade * (1 - 0.45 * depth))[..., None]
    cavity = inside.layers.colours.cavity
    return 255 * (cavity + (scene - cavity) * shade)


def _own(
    frame: FaceFrame,
    inside: MouthInside,
    own: OwnInside,
    lower_lip_px: Array,
    shape: tuple[int, int],
    origin: Array,
) -> Array:
    down = frame.axes[1, :2]
    # how far below its place in the lending frame the lower lip is
    place = frame.picture_vector(own.lower_lip_e) + frame.origin_px[:2]
    drop_e = float((lower_lip_px - place) @ down / max(down @ down, 1e-6)) / frame.unit_px
    upper = _seen(own.upper, _picture_from_layer(frame, inside, 0.0), shape, origin)
    lower = _seen(own.lower, _picture_from_layer(frame, inside, drop_e), shape, origin)
    return lower + (upper[..., :3] - lower) * upper[..., 3:]


def _seen(
    layer: Array, picture_from_layer: tuple[Array, Array], shape: tuple[int, int], origin: Array
) -> Array:
    linear, shift = picture_from_layer
    base = pixel_positions(int(origin[0]), int(origin[1]), shape[1], shape[0])
    at = (base - shift) @ np.linalg.inv(linear).T
    at = np.clip(at, 0, [layer.shape[1] - 1, layer.shape[0] - 1])
    return sample_picture(layer, at.astype(np.float32), smooth=False)


def _drawn(
    frame: FaceFrame,
    inside: MouthInside,
    change: LipChange,
    shape: tuple[int, int],
    origin: Array,
) -> Array:
    layers = inside.layers
    scene = np.empty((*shape, 3), np.float32)
    scene[:] = layers.colours.cavity
    # the jaw goes down as far as the new mouth says, wherever the source's was
    down = 0.53 * change.opening + 0.02
    # lips that protrude hide what is behind them
    shown = 1 - float(smoothstep(np.asarray(1.25 * max(change.pucker, 0.0))))
    for layer, drop, strength in (
        (layers.tongue, 0.045 + 0.6 * down, 0.9),
        (layers.lower_jaw, 0.030 + down, 0.9 * shown),
        (layers.upper_teeth, 0.0, shown),
    ):
        linear, shift = _picture_from_layer(frame, inside, drop)
        matrix = np.concatenate([linear, (shift - origin)[:, None]], axis=1).astype(np.float32)
        moved = warp_affine(layer, matrix, shape[1], shape[0]) * np.float32(strength)
        scene = scene * (1 - moved[..., 3:]) + moved[..., :3]
    return scene


def _picture_from_layer(
    frame: FaceFrame, inside: MouthInside, drop_e: float
) -> tuple[Array, Array]:
    """(2, 2) and (2,): pixels of the layers to pixels of the picture, ``drop_e`` down the face."""
    scale = inside.layers.pixels_per_unit
    linear = frame.axes[:2, :2].T * np.float32(frame.unit_px / scale)
    centre = np.array([HALF_WIDTH * scale - 0.5, HALF_HEIGHT * scale - 0.5])
    spot = inside.line_e + np.array([0, drop_e, 0], np.float32)
    place = frame.picture_vector(spot) + frame.origin_px[:2]
    return linear, (place - linear @ centre).astype(np.float32)


def inside_outline(line_above: Array, line_below: Array, columns: int, rows: int) -> Array:
    """(rows, columns) coverage of what lies between two lines (N, 2)."""
    return polygon_mask(np.concatenate([line_above, line_below[::-1]]), columns, rows)

"""The mouth: two lip layers that part over an interior.

The upper and the lower lip are warped as separate layers, each by a smooth field of its own, and
cut along the line where the lips meet. Where they part, the interior shows: the source's own teeth
where the source mouth is open, else drawn ones. Because both fields agree in the corners of the
mouth, the opening ends in clean points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...geometry.warp import (
    Array,
    Image,
    Lattice,
    blur,
    enlarge_field,
    invert_displacement,
    pixel_positions,
    polygon_mask,
    sample_field,
    sample_picture,
    smoothstep,
    warp_affine,
)
from .basis import CONTROLS, LOWER_LIP, UPPER_LIP, ControlBasis, mouth_profile
from .frame import FaceFrame
from .head import HeadField, HeadPose
from .teeth import HALF_HEIGHT, HALF_WIDTH, MouthLayers

_OPEN_SOURCE = 0.028  # E; a wider gap in the source is a mouth that stands open
_LINE_SEARCH = 0.05  # E: how far the true line of the lips may lie from the tracked one
_GRIN_LIFT = 0.03  # E: raise of the upper lip that bares the teeth
_GUM = 0.035  # E
_OWN_OPENING, _OWN_CLOSING = 0.02, 0.2  # E and share from which the interior is drawn anew
_OWN_TEETH = (0.035, 0.06)  # E: gaps of the source between which its own teeth replace drawn ones


@dataclass(frozen=True)
class MouthRig:
    """All that is known of one mouth before the first frame.

    Attributes:
        lattice: box of the mouth with room to move.
        nodes: its nodes.
        upper, lower: (rows, columns, 2 * controls) fields of the lip layers.
        head: the head on this lattice.
        curves_px: (2, N, 2) line of the upper and of the lower lip in the source.
        inner_px: (P, 2) outline of the source's own opening with some gum, or empty.
        middle_px: (3,) middle of the mouth with depth.
        axes: (2, 2) rows: frontal x and y seen in the picture.
        unit_px: E.
        layers: drawn teeth and tongue.
        own_teeth: 0 drawn interior, 1 the source's own.
        source_gap_px: (N,) opening along the lines in the source.
    """

    lattice: Lattice
    nodes: Array
    upper: Array
    lower: Array
    head: HeadField
    curves_px: Array
    inner_px: Array
    middle_px: Array
    axes: Array
    unit_px: float
    layers: MouthLayers
    own_teeth: float
    source_gap_px: Array


def build_mouth(
    picture: Image,
    frame: FaceFrame,
    mesh_px: Array,
    basis: ControlBasis,
    layers: MouthLayers,
    head: HeadField,
    head_lattice: Lattice,
    size: tuple[int, int],
) -> MouthRig:
    """Fields, curves and head of the mouth box of one portrait."""
    unit = frame.unit_px
    outer = np.concatenate([mesh_px[UPPER_LIP[0]], mesh_px[LOWER_LIP[0][::-1]]])[:, :2]
    low, high = outer.min(0) - 0.42 * unit, outer.max(0) + 0.45 * unit
    low = np.maximum(low, 0)
    high = np.minimum(high, [size[1], size[0]])
    step = max(1, round(unit / 40))
    lattice = Lattice.covering(low[0], low[1], high[0], high[1], step)
    nodes = lattice.nodes()
    window = lip_window(lattice, outer, unit)
    around, skin_field = basis.skin
    skin = skin_field.at(nodes, basis.moves(around))
    layer_fields: list[Array] = []
    for other in (LOWER_LIP, UPPER_LIP):
        # a layer ignores what the other lip does, but for the shared corners
        keep = basis.without(other[:, 1:-1])
        own = basis.interpolator(keep).at(nodes, basis.moves(keep))
        layer_fields.append(skin + window * (own - skin))
    gap = float(basis.source_gap.max())
    upper, lower = mesh_px[UPPER_LIP[3], :2], mesh_px[LOWER_LIP[3], :2]
    if gap < _OPEN_SOURCE:
        upper = lower = _dark_line(picture, (upper + lower) / 2, frame)
        inner = np.zeros((0, 2), np.float32)
    else:
        # a little of the lip above the teeth goes with them: where that lip rises it passes for gum
        gum = -_GUM * unit * mouth_profile(len(upper))[:, None] * frame.axes[1, :2]
        inner = np.concatenate([upper + gum, lower[-2:0:-1]])
    curves = np.stack([smooth_curve(upper), smooth_curve(lower)])
    opened = np.maximum(curves[1, :, 1] - curves[0, :, 1], 0)
    return MouthRig(
        lattice,
        nodes,
        layer_fields[0],
        layer_fields[1],
        head.resampled(head_lattice, lattice),
        curves.astype(np.float32),
        inner.astype(np.float32),
        mesh_px[[13, 14]].mean(0).astype(np.float32),
        frame.axes[:2, :2],
        unit,
        layers,
        float(np.clip((gap - _OWN_TEETH[0]) / (_OWN_TEETH[1] - _OWN_TEETH[0]), 0, 1)),
        opened,
    )


def _dark_line(picture: Image, line: Array, frame: FaceFrame) -> Array:
    """The line where closed lips meet: near the tracked one, where the picture is darkest.

    Args:
        line: (11, 2) tracked points.
    """
    unit = frame.unit_px
    down = frame.axes[1, :2] / np.linalg.norm(frame.axes[1, :2])
    offsets = np.linspace(-_LINE_SEARCH, _LINE_SEARCH, 31)
    spots = line[:, None] + (offsets * unit)[None, :, None] * down
    spots = np.clip(spots, 0, [picture.shape[1] - 1, picture.shape[0] - 1])
    spots = spots.round().astype(int)
    # only the part that is looked at: of large pictures the rest would cost more than all else
    margin = 2 + int(0.06 * unit)
    low, high = np.maximum(spots.min((0, 1)) - margin, 0), spots.max((0, 1)) + margin + 1
    near = picture[low[1] : high[1], low[0] : high[0]]
    grey = blur(near.astype(np.float32).mean(2), 0.010 * unit)
    seen = grey[spots[..., 1] - low[1], spots[..., 0] - low[0]]
    contrast = np.maximum(seen.max(1) - seen.min(1), 4.0)
    dark = (seen - seen.min(1, keepdims=True)) / contrast[:, None]
    likely = np.exp(-((dark / 0.18) ** 2) - (offsets[None] / 0.03) ** 2)
    offset = (likely * offsets).sum(1) / likely.sum(1)
    along = np.linspace(-1, 1, len(line))
    fit = np.polynomial.Polynomial.fit(along[1:-1], offset[1:-1], 3, w=np.sqrt(contrast[1:-1]))
    return line + (np.clip(fit(along), -_LINE_SEARCH, _LINE_SEARCH) * unit)[:, None] * down


def lip_window(lattice: Lattice, outer_px: Array, unit: float) -> Array:
    """(rows, columns, 1): 1 on the lips, 0 away from them: where the two layers may differ."""
    mask = polygon_mask(lattice.to_cells(outer_px), lattice.columns, lattice.rows)
    wide = blur(mask, 0.05 * unit / lattice.step)
    return np.clip(wide * 2.2, 0, 1)[..., None].astype(np.float32)


def smooth_curve(points: Array, count: int = 41) -> Array:
    """A smooth line through (11, 2) points, resampled to ``count``."""
    t = np.linspace(0, 1, len(points))
    dense = np.linspace(0, 1, count)
    fit = [np.polynomial.Polynomial.fit(t, points[:, axis], 6)(dense) for axis in (0, 1)]
    curve = np.stack(fit, axis=1)
    curve[0], curve[-1] = points[0], points[-1]
    return curve


def draw_mouth(
    rig: MouthRig, picture: Image, result: Image, weights: Array, pose: HeadPose, jaw: float
) -> None:
    """Replace the mouth box of ``result`` (H, W, 3) in place.

    Args:
        picture: the source.
        weights: (controls,) in the order of ``CONTROLS``.
        pose: limited head pose.
        jaw: drop of the chin in E, moves lower teeth and tongue.
    """
    lattice = rig.lattice
    height, width = picture.shape[:2]
    columns, rows = min(lattice.width, width - lattice.x0), min(lattice.height, height - lattice.y0)
    base = pixel_positions(lattice.x0, lattice.y0, columns, rows)
    seen: list[Image] = []
    lines: list[Array] = []
    origin = np.array([lattice.x0, lattice.y0], np.float32)
    for field, curve in ((rig.upper, rig.curves_px[0]), (rig.lower, rig.curves_px[1])):
        face = (field.reshape(*field.shape[:2], len(CONTROLS), 2) * weights[:, None]).sum(2)
        forward = rig.head.displacement(face.astype(np.float32), pose)
        backward = invert_displacement(forward, lattice, rig.nodes)
        full = enlarge_field(backward, lattice)[:rows, :columns]
        seen.append(sample_picture(picture, base + full))
        lines.append(curve + sample_field(forward, lattice, curve) - origin)
    upper_line = lines[0]
    lower_line = _opened(upper_line, lines[1], rig, weights)
    soft = max(0.6, 0.006 * rig.unit_px)
    above = upper_mask(upper_line, columns, rows, soft)[..., None]
    mouth = seen[1] + (seen[0].astype(np.float32) - seen[1]) * above
    opening = np.concatenate([upper_line, lower_line[::-1]])
    gap = (lower_line - upper_line)[:, 1].max() / rig.unit_px
    if gap > 0.002:
        hole = blur(polygon_mask(opening, columns, rows), soft)
        hole *= np.clip(gap / 0.012, 0, 1) * _changed(weights)
        # lips that protrude hide what is behind them
        shown = 1 - float(smoothstep(1.25 * weights[CONTROLS.index("pucker")]))
        grin = float(np.clip(weights[CONTROLS.index("lift")] / _GRIN_LIFT, 0, 1))
        teeth = (jaw, shown, grin)
        inside = _interior(rig, picture, pose, teeth, (above[..., 0], hole), origin)
        mouth += (inside - mouth) * hole[..., None]
    area = result[lattice.y0 : lattice.y0 + rows, lattice.x0 : lattice.x0 + columns]
    fade = box_fade(columns, rows, 0.12 * rig.unit_px, lattice, (height, width))[..., None]
    area[:] = np.clip(area + (mouth - area) * fade + 0.5, 0, 255).astype(np.uint8)


def _changed(weights: Array) -> float:
    """0 while the mouth is as in the source, whose interior then simply shows; 1 well off it."""
    opening, closing = (float(weights[CONTROLS.index(name)]) for name in ("open", "rest"))
    return min(max(opening / _OWN_OPENING, closing / _OWN_CLOSING), 1.0)


def _opened(upper: Array, lower: Array, rig: MouthRig, weights: Array) -> Array:
    """The lower line no farther from the upper one than the motion opens the mouth there.

    The two fields differ by a hair even where the lips should touch; without this bound that
    would show as dark slivers beside the corners.
    """
    opening = weights[CONTROLS.index("open")] * rig.unit_px * mouth_profile(len(upper))
    kept = rig.source_gap_px * (1 - weights[CONTROLS.index("rest")])
    most = 1.1 * np.maximum(opening, 0) + kept
    drop = np.clip(lower[:, 1] - upper[:, 1], 0, np.maximum(most, 0))
    return np.stack([lower[:, 0], upper[:, 1] + drop], axis=1)


def upper_mask(line: Array, columns: int, rows: int, soft: float) -> Array:
    """(rows, columns): 1 above the line of the upper lip, continued straight beyond the corners."""
    left, right = line[0], line[-1]
    outline = np.concatenate(
        [
            [[-9.0, -9.0]],
            [[-9.0, left[1]]],
            line,
            [[columns + 9.0, right[1]]],
            [[columns + 9.0, -9]],
        ]
    )
    return blur(polygon_mask(outline, columns, rows), soft)


def box_fade(
    columns: int, rows: int, margin: float, lattice: Lattice, size: tuple[int, int]
) -> Array:
    """(rows, columns): 1 inside the box, 0 on its edges, but on those of the picture."""
    x, y = np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32)
    left = x if lattice.x0 > 0 else np.full_like(x, margin)
    right = columns - 1 - x if lattice.x0 + columns < size[1] else np.full_like(x, margin)
    top = y if lattice.y0 > 0 else np.full_like(y, margin)
    bottom = rows - 1 - y if lattice.y0 + rows < size[0] else np.full_like(y, margin)
    across = np.clip(np.minimum(left, right) / margin, 0, 1)
    along = np.clip(np.minimum(top, bottom) / margin, 0, 1)
    return along[:, None] * across[None]


def _interior(
    rig: MouthRig,
    picture: Image,
    pose: HeadPose,
    teeth: tuple[float, float, float],
    masks: tuple[Array, Array],
    origin: Array,
) -> Array:
    """(rows, columns, 3) float in [0, 255]: cavity, tongue and teeth in the light of the lips.

    ``teeth``: drop of the jaw in E, how clearly drawn teeth show, and how far lips draw back from
    them, 0 to 1: then more light falls on them.
    """
    above, hole = masks
    jaw, shown, grin = teeth
    rows, columns = hole.shape
    skull = _skull_matrix(rig, pose)
    layers = rig.layers
    scene = np.empty((rows, columns, 3), np.float32)
    scene[:] = layers.colours.cavity
    down = np.float32(0.75 * jaw + 0.02)
    drawn = shown * (1 - rig.own_teeth)
    for layer, drop, strength in (
        (layers.tongue, 0.045 + 0.6 * down, 0.9),
        (layers.lower_jaw, 0.030 + down, drawn * 0.9),
        (layers.upper_teeth, 0.0, drawn),
    ):
        moved = _place(rig, layer, skull, float(drop), origin, columns, rows) * np.float32(strength)
        scene = scene * (1 - moved[..., 3:]) + moved[..., :3]
    # the upper lip throws a soft shadow on what is right behind it, and little light reaches what
    # is close to the lips and deep in the corners
    shadow = 1 - 0.55 * grin
    shade = 1 - 0.55 * shadow * blur(above, 0.016 * rig.unit_px)
    depth = 1 - np.clip(blur(hole, 0.028 * rig.unit_px) * 1.5 - 0.25, 0, 1)
    shade *= (1 - 0.45 * shadow * depth) * (1 + 0.15 * grin)
    # what is in shadow takes the colour of the cavity: light there has bounced off lips and gums
    scene = 255 * (layers.colours.cavity + (scene - layers.colours.cavity) * shade[..., None])
    # the source's own teeth have their shadows already
    return _own_teeth(rig, picture, scene, skull, origin) if rig.own_teeth > 0 else scene


def _skull_matrix(rig: MouthRig, pose: HeadPose) -> Array:
    """2x3: source pixels to result pixels for what lies a little behind the lips."""
    behind = rig.middle_px + np.array([0, 0, 0.06 * rig.unit_px], np.float32)
    probe = behind + np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32) * rig.unit_px * 0.1
    moved = rig.head.rigid(probe, pose)
    linear = np.stack([moved[1] - moved[0], moved[2] - moved[0]], axis=1) / (rig.unit_px * 0.1)
    shift = moved[0] - linear @ behind[:2]
    return np.concatenate([linear, shift[:, None]], axis=1)


def _place(
    rig: MouthRig, layer: Array, skull: Array, drop: float, origin: Array, columns: int, rows: int
) -> Array:
    """A layer moved into the mouth box: frontal units -> source pixels -> result pixels."""
    scale = rig.layers.pixels_per_unit
    source_from_layer = rig.axes.T * np.float32(rig.unit_px / scale)
    centre = np.array([HALF_WIDTH * scale - 0.5, HALF_HEIGHT * scale - 0.5])
    place = rig.middle_px[:2] + rig.axes[1] * np.float32(drop * rig.unit_px)
    shift = place - source_from_layer @ centre
    linear = skull[:, :2] @ source_from_layer
    offset = skull[:, :2] @ shift + skull[:, 2] - origin
    matrix = np.concatenate([linear, offset[:, None]], axis=1).astype(np.float32)
    return warp_affine(layer, matrix, columns, rows)


def _own_teeth(rig: MouthRig, picture: Image, scene: Array, skull: Array, origin: Array) -> Array:
    """Lay the source's own opening, moved with the skull, over the drawn interior."""
    rows, columns = scene.shape[:2]
    linear = np.linalg.inv(skull[:, :2])
    base = pixel_positions(int(origin[0]), int(origin[1]), columns, rows)
    source = ((base - skull[:, 2]) @ linear.T).astype(np.float32)
    seen = sample_picture(picture, source).astype(np.float32)
    outline = rig.inner_px @ skull[:, :2].T + skull[:, 2] - origin
    mask = blur(polygon_mask(outline, columns, rows), max(0.8, 0.008 * rig.unit_px))
    mask = rig.own_teeth * np.clip(mask * 2, 0, 1)[..., None]
    return scene + (seen - scene) * mask

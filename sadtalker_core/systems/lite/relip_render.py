"""New lips in one frame: the skin moved, two lip layers over it, and a mouth's inside behind them.

What is not moved keeps its pixels to the bit.
"""

from __future__ import annotations

import numpy as np

from ...geometry.warp import (
    Array,
    Image,
    Lattice,
    blur,
    enlarge_field,
    invert_displacement,
    pixel_positions,
    sample_field,
    sample_picture,
)
from .basis import mouth_profile
from .mouth import box_fade, lip_window, smooth_curve, upper_mask
from .relip_controls import LipChange
from .relip_face import FaceMove, LowerFace
from .relip_inside import MouthInside, draw_inside, inside_outline
from .relip_lines import LipLines
from .relip_seam import closedness, draw_seam, lips_alone

_UNMOVED_PX = 0.03  # a displacement that nobody sees: such pixels are copied
_LIP_MARGIN = (0.30, 0.30)  # E around the lips in which their layers are drawn


def relip_frame(
    picture: Image, face: LowerFace, change: LipChange, lines: LipLines, inside: MouthInside
) -> Image:
    """The frame (H, W, 3) uint8 with the change; ``lines`` are of ``find_lines``."""
    move = face.moved(change, lines.curves(face))
    result = picture.copy()
    lattice = face.lattice((picture.shape[0], picture.shape[1]))
    nodes = lattice.nodes()
    skin = move.skin(nodes)
    _move_skin(picture, result, skin, lattice, nodes)
    _draw_lips(picture, result, move, change, (skin, lattice), lines, inside)
    return result


def _move_skin(
    picture: Image, result: Image, forward: Array, lattice: Lattice, nodes: Array
) -> None:
    height, width = picture.shape[:2]
    columns, rows = min(lattice.width, width - lattice.x0), min(lattice.height, height - lattice.y0)
    backward = enlarge_field(invert_displacement(forward, lattice, nodes), lattice)
    backward = backward[:rows, :columns]
    base = pixel_positions(lattice.x0, lattice.y0, columns, rows)
    area = result[lattice.y0 : lattice.y0 + rows, lattice.x0 : lattice.x0 + columns]
    moved = np.abs(backward).max(2) > _UNMOVED_PX
    np.copyto(area, sample_picture(picture, base + backward), where=moved[..., None])


def _draw_lips(
    picture: Image,
    result: Image,
    move: FaceMove,
    change: LipChange,
    skin: tuple[Array, Lattice],
    lip_lines: LipLines,
    inside: MouthInside,
) -> None:
    face = move.face
    unit = face.frame.unit_px
    height, width = picture.shape[:2]
    low = np.maximum(face.outer_px.min(0) - _LIP_MARGIN[0] * unit, 0)
    high = face.outer_px.max(0) + (_LIP_MARGIN[1] + change.opening) * unit
    high = np.minimum(high, [width, height])
    lattice = Lattice.covering(low[0], low[1], high[0], high[1], max(1, round(unit / 32)))
    nodes = lattice.nodes()
    window = lip_window(lattice, face.outer_px, unit)
    around = sample_field(skin[0], skin[1], nodes)
    columns, rows = min(lattice.width, width - lattice.x0), min(lattice.height, height - lattice.y0)
    base = pixel_positions(lattice.x0, lattice.y0, columns, rows)
    origin = np.array([lattice.x0, lattice.y0], np.float32)
    seen: list[Array] = []
    lines: list[Array] = []
    moved = np.zeros((rows, columns), bool)
    curves = [smooth_curve(line) for line in lip_lines.curves(face)]
    closed = closedness(face, change)
    box = picture[lattice.y0 : lattice.y0 + rows, lattice.x0 : lattice.x0 + columns]
    lips = lips_alone(box, face, np.stack(curves), origin, closed)
    within = base - origin
    for own, curve, lip in zip(move.lips(nodes), curves, lips):
        forward = (around + window * (own - around)).astype(np.float32)
        backward = enlarge_field(invert_displacement(forward, lattice, nodes), lattice)
        backward = backward[:rows, :columns]
        moved |= np.abs(backward).max(2) > _UNMOVED_PX
        seen.append(np.clip(sample_picture(lip, within + backward), 0, 255))
        lines.append(curve + sample_field(forward, lattice, curve.astype(np.float32)) - origin)
    upper_line = lines[0]
    lower_line = _opened(upper_line, lines[1], face, change, float(move.basis.source_gap.max()))
    soft = max(0.6, 0.006 * unit)
    above = upper_mask(upper_line, columns, rows, soft)[..., None]
    mouth = seen[1] + (seen[0] - seen[1]) * above
    gap = float(np.abs((lower_line - upper_line) @ face.down).max()) / unit
    if gap > 0.002:
        hole = blur(inside_outline(upper_line, lower_line, columns, rows), soft)
        hole = hole * np.clip(gap / 0.012, 0, 1)
        hole = hole * _is_new(change) * (1 - closed)
        middle = lower_line[len(lower_line) // 2] + origin
        masks = above[..., 0], hole
        scene = draw_inside(face.frame, inside, change, gap, middle, masks, origin)
        mouth += (scene - mouth) * hole[..., None]
        moved |= hole > 0
    fade = box_fade(columns, rows, 0.10 * unit, lattice, (height, width))[..., None]
    if closed > 0:
        draw_seam(mouth, upper_line, face, closed)
    area = result[lattice.y0 : lattice.y0 + rows, lattice.x0 : lattice.x0 + columns]
    drawn = np.clip(area + (mouth - area) * fade + 0.5, 0, 255).astype(np.uint8)
    np.copyto(area, drawn, where=moved[..., None])


def _is_new(change: LipChange) -> float:
    """0 while the mouth is as in the source, whose inside then simply shows."""
    return float(np.clip(max(change.opening / 0.02, change.closing / 0.2), 0, 1))


def _opened(upper: Array, lower: Array, face: LowerFace, change: LipChange, gap_e: float) -> Array:
    """The lower line as far from the upper one as the motion opens the mouth there, at most."""
    unit = face.frame.unit_px
    kept = max(gap_e * (1 - change.closing), 0.0)
    most = (1.1 * change.opening + kept) * unit * mouth_profile(len(upper))
    drop = np.clip((lower - upper) @ face.down, 0, most)
    along = lower - upper
    along = along - (along @ face.down)[:, None] * face.down
    return upper + along + drop[:, None] * face.down

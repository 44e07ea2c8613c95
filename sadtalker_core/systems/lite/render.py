"""The renderer of the built-in engine: one portrait and one motion to frames.

Every frame is the source seen through one backward map, computed on a coarse lattice (it is
smooth) and enlarged, with mouth and eyes redrawn on top in small boxes. Outside the head's region
the source is copied untouched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...faces.face import Face
from ...geometry.warp import (
    Array,
    Image,
    Lattice,
    enlarge_field,
    invert_displacement,
    pixel_positions,
    sample_picture,
)
from ...structures import LiteMotion
from .basis import (
    CONTROLS,
    LEFT_BELOW,
    LEFT_BROW,
    LEFT_EYE,
    RIGHT_BELOW,
    RIGHT_BROW,
    RIGHT_EYE,
    author_controls,
    lip_lift,
)
from .config import LiteRenderOptions
from .eyes import EyeRig, build_eye, draw_eye, smoothed
from .frame import FaceFrame
from .head import HeadField, HeadPose, build_head
from .mouth import MouthRig, build_mouth, draw_mouth
from .opening import SourceOpening
from .teeth import MouthColours, paint_layers, pick_colours

_FULL_SMILE = 0.04  # E: raise of the mouth's corners


@dataclass(frozen=True)
class PreparedPortrait:
    """What depends on the portrait alone. Keep it to render several motions.

    Attributes:
        picture: (H, W, 3) uint8 RGB source.
        frame: the face's frontal frame.
        lattice: box of the head with everything that can move.
        nodes: its nodes.
        controls: (rows, columns, controls, 2) displacement of the skin per control, pixels.
        head: the head on the lattice.
        mouth: the mouth.
        eyes: viewer's left and right eye.
        gap_e: how far the lips are apart in the source, E.
        closes_mouth: whether controls at 0 show the mouth closed, or as it is in the source; then
            an ``open`` below 0 closes it.
        opening: of eyes and mouth in the source.
        colours: of what is behind the lips.
    """

    picture: Image
    frame: FaceFrame
    lattice: Lattice
    nodes: Array
    controls: Array
    head: HeadField
    mouth: MouthRig
    eyes: tuple[EyeRig, EyeRig]
    gap_e: float
    closes_mouth: bool
    opening: SourceOpening
    colours: MouthColours

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        return self.picture.shape[0], self.picture.shape[1]


def prepare_portrait(
    picture: Image, face: Face, options: LiteRenderOptions, like: PreparedPortrait | None = None
) -> PreparedPortrait:
    """Fields, masks and colours of one portrait.

    Args:
        picture: (H, W, 3) uint8 RGB.
        face: in that picture.
        options: how it is rendered.
        like: the same head a moment before, whose limits and colours of the mouth are taken.
    """
    mesh = face.mesh_px.cpu().numpy().astype(np.float32)
    eyes_px, iris_px = face.eyes_px.cpu().numpy(), face.iris_px.cpu().numpy()
    frame = FaceFrame.of(mesh)
    unit = frame.unit_px
    height, width = picture.shape[:2]
    basis = author_controls(frame, mesh)
    centre = mesh[:, :2].mean(0)
    reach = np.array([2.1, 2.3, 2.1, 2.7], np.float32) * unit  # left, up, right, down
    lattice = Lattice.covering(
        max(0.0, centre[0] - reach[0]),
        max(0.0, centre[1] - reach[1]),
        min(float(width), centre[0] + reach[2]),
        min(float(height), centre[1] + reach[3]),
        max(1, round(unit / 22)),
    )
    nodes = lattice.nodes()
    keep, skin = basis.skin
    controls = skin.at(nodes, basis.moves(keep))
    controls = controls.reshape(lattice.rows, lattice.columns, len(CONTROLS), 2)
    size = height, width
    before = None if like is None else like.head
    head = build_head(lattice, frame, mesh, basis, size, options.background, before)
    colours = pick_colours(picture, mesh, eyes_px, unit) if like is None else like.colours
    mouth = build_mouth(
        picture,
        frame,
        mesh,
        basis,
        paint_layers(colours, unit, options.teeth),
        head,
        lattice,
        (height, width),
    )
    smooth = smoothed(picture, eyes_px[:, :16], unit)
    left, right = (
        build_eye(
            frame,
            eyes_px[side, :16],
            mesh[eye, :2],
            iris_px[side],
            mesh[brow, :2],
            mesh[below, :2],
            picture,
            smooth,
        )
        for side, (eye, brow, below) in enumerate(
            ((LEFT_EYE, LEFT_BROW, LEFT_BELOW), (RIGHT_EYE, RIGHT_BROW, RIGHT_BELOW))
        )
    )
    # controls fade with the head, so that they never move the background
    return PreparedPortrait(
        picture,
        frame,
        lattice,
        nodes,
        controls * head.weight[..., None],
        head,
        mouth,
        (left, right),
        float(basis.source_gap.max()),
        options.close_mouth,
        SourceOpening.of(face),
        colours,
    )


def render_frame(portrait: PreparedPortrait, motion: LiteMotion, index: int) -> Image:
    """One frame, (H, W, 3) uint8."""
    weights = _control_weights(portrait, motion, index)
    pose = portrait.head.limit(
        HeadPose(motion.rotation_rad[index].numpy(), motion.translation[index].numpy())
    )
    lattice = portrait.lattice
    face = (portrait.controls * weights[:, None]).sum(2)
    forward = portrait.head.displacement(face, pose)
    backward = invert_displacement(forward, lattice, portrait.nodes)
    height, width = portrait.size
    columns, rows = min(lattice.width, width - lattice.x0), min(lattice.height, height - lattice.y0)
    full = enlarge_field(backward, lattice)[:rows, :columns]
    full = full + pixel_positions(lattice.x0, lattice.y0, columns, rows)
    result = portrait.picture.copy()
    area = slice(lattice.y0, lattice.y0 + rows), slice(lattice.x0, lattice.x0 + columns)
    result[area] = sample_picture(portrait.picture, full)
    draw_mouth(portrait.mouth, portrait.picture, result, weights, pose, float(motion.jaw[index]))
    smile = min(max(float(motion.corners[index]) / _FULL_SMILE, 0.0), 1.0)
    for side, eye in enumerate(portrait.eyes):
        x0, y0, x1, y1 = eye.box
        seen = full[y0 - lattice.y0 : y1 - lattice.y0, x0 - lattice.x0 : x1 - lattice.x0]
        draw_eye(
            eye,
            portrait.picture,
            result,
            seen,
            float(motion.lids[index, side]),
            motion.gaze[index].numpy(),
            smile,
        )
    return result


def _control_weights(portrait: PreparedPortrait, motion: LiteMotion, index: int) -> Array:
    opening = float(motion.open[index])
    closing = 1.0
    if not portrait.closes_mouth:
        closing = float(np.clip(-opening / max(portrait.gap_e, 1e-6), 0, 1))
    values = {
        "rest": closing,
        "open": max(opening, 0.0),
        "lift": float(lip_lift(motion.open[index], motion.jaw[index])),
        "width": float(motion.width[index]),
        "pucker": float(motion.pucker[index]),
        "corners": float(motion.corners[index]),
        "jaw": float(motion.jaw[index]),
        "press": float(motion.press[index]),
        "brow_left": float(motion.brows[index, 0]),
        "brow_right": float(motion.brows[index, 1]),
    }
    return np.array([values[name] for name in CONTROLS], np.float32)

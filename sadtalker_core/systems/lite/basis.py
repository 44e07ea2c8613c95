"""The authored face controls: how each one moves the mesh.

Every control is a displacement of the mesh vertices (and of rings of border points around the
face), linear in the control. It is written once in the frontal frame (unit E) and seen through the
pose of the source, so one set of numbers serves every head. The skin between the vertices follows
by interpolation (``geometry.warp.ScatteredField``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from ...faces import mesh
from ...geometry.warp import Array, ScatteredField, smoothstep
from .frame import FaceFrame

# Rows of lip vertices from the viewer's left corner to the right one, outermost row first.
UPPER_LIP = np.array(
    [
        mesh.LIPS_OUTER_UPPER,
        [76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306],
        [62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292],
        mesh.LIPS_INNER_UPPER,
    ]
)
LOWER_LIP = np.array(
    [
        mesh.LIPS_OUTER_LOWER,
        [76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306],
        [62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292],
        mesh.LIPS_INNER_LOWER,
    ]
)
LEFT_BROW, RIGHT_BROW = (
    np.array(upper + lower) for upper, lower in zip(mesh.BROW_UPPER, mesh.BROW_LOWER)
)
# Eye contours in the order of the iris net: lower lid from corner to corner, then upper lid.
LEFT_EYE, RIGHT_EYE = (np.array(points[:16]) for points in mesh.EYE_TO_MESH)
LEFT_BELOW = np.array([118, 119, 120, 100, 101])  # skin below the eyes
RIGHT_BELOW = np.array([347, 348, 349, 329, 330])
FACE_OVAL = np.array(mesh.FACE_OVAL)
CONTROLS = (
    *("rest", "open", "lift", "width", "pucker", "corners", "jaw", "press"),
    *("brow_left", "brow_right"),
)

# What controls do besides what they are named after; who inverts measures takes it off.
CHIN_OF_OPEN = 0.45  # drop of the chin
UPPER_OF_OPEN = 0.14  # raise of the upper lip
REST_CHIN = 0.35  # raise of the chin by ``rest``, of the gap that it closes
WIDTH_OF = {"open": -0.2, "corners": 0.7, "pucker": -0.1}  # change of the mouth's width

_CHIN_SHARE = 0.57  # drop of the chin over the opening of the lips in speech
_LIFT = 0.36  # of an opening beyond that: raise of both lips, as measured on people who grin
_RINGS_E = (0.2, 0.55, 1.1, 1.8)  # distances of the border rings from the face oval
_ROW_FROM_INNER = np.array([1.0, 0.67, 0.33, 0.0])[:, None]  # 1 at the skin, 0 at the opening


@dataclass(frozen=True)
class ControlBasis:
    """Centres and their displacement for one face.

    Attributes:
        centres_px: (M, 3) mesh vertices, then rings of border points, in picture pixels.
        moves_px: control name to (M, 2) displacement in pixels for one unit of the control.
            ``rest`` closes a source mouth that is open.
        source_gap: (11,) distance between the inner lips of the source, in E.
        unit_px: E in pixels.
    """

    centres_px: Array
    moves_px: dict[str, Array]
    source_gap: Array
    unit_px: float

    @cached_property
    def skin(self) -> tuple[Array, ScatteredField]:
        """(M,) bool: centres of the skin's own field, and the interpolation from them."""
        keep = self.skin_centres
        return keep, self.interpolator(keep)

    @property
    def skin_centres(self) -> Array:
        """(M,) bool: centres of the skin's own field."""
        return self.without(*INNER_ROWS)

    def without(self, *rows: Array) -> Array:
        """(M,) bool: all centres but the lip vertices in ``rows``.

        Vertices of closed lips lie on top of each other and move apart: no smooth field follows
        both, so each field leaves one side out.
        """
        keep = np.ones(len(self.centres_px), bool)
        keep[np.concatenate([row.ravel() for row in rows])] = False
        return keep

    def interpolator(self, keep: Array) -> ScatteredField:
        """Interpolation from the kept centres."""
        return ScatteredField(self.centres_px[keep, :2], 0.04 * self.unit_px, smoothing=0.15)

    def moves(self, keep: Array) -> Array:
        """(kept, 2 * controls) displacement of the kept centres in the order of ``CONTROLS``."""
        return np.concatenate([self.moves_px[name][keep] for name in CONTROLS], axis=1)


# Rows of both lips that meet when the mouth is closed; the skin's own field does without them.
INNER_ROWS = (UPPER_LIP[2:, 1:-1], LOWER_LIP[2:, 1:-1])


def _ring_points(frame: FaceFrame, mesh_px: Array) -> Array:
    """Points around the face oval that recede into depth, in picture pixels."""
    oval = frame.frontal(mesh_px[FACE_OVAL])
    middle = oval.mean(0)
    outward = oval - middle
    outward[:, 2] = 0
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    rings = [
        oval + outward * distance + np.array([0, 0, 0.45 * min(distance, 0.6)])
        for distance in _RINGS_E
    ]
    frontal = np.concatenate(rings).astype(np.float32)
    return frontal @ frame.axes * np.float32(frame.unit_px) + frame.origin_px


def mouth_profile(count: int = 11) -> Array:
    """How far the lips part along the mouth: 0 in the corners, 1 in the middle."""
    x = np.linspace(-1, 1, count)
    return np.maximum(1 - np.abs(x) ** 2.2, 0.0).astype(np.float32) ** np.float32(0.9)


def lip_lift(opening: Tensor, jaw: Tensor) -> Tensor:
    """(T,) E of the control ``lift``, which a motion does not hold, from its ``open`` and ``jaw``.

    Speech opens the mouth with the jaw; a grin opens it without, and then the upper lip rises.
    """
    by_jaw = (jaw + CHIN_OF_OPEN * opening).clamp(min=0) / _CHIN_SHARE
    return _LIFT * (opening - by_jaw).clamp(min=0)


def author_controls(frame: FaceFrame, mesh_px: Array, gap_e: Array | None = None) -> ControlBasis:
    """Displacements of all controls for a face.

    Args:
        frame: its frontal frame.
        mesh_px: (468, 3) in picture pixels.
        gap_e: (11,) how far the lips are apart, which ``rest`` closes; None takes it from the mesh.
    """
    rings = _ring_points(frame, mesh_px)
    centres = np.concatenate([mesh_px, rings]).astype(np.float32)
    frontal = frame.frontal(centres)
    author = _Author(frame, frontal)
    moves = {
        "open": author.open(),
        "lift": author.lift(),
        "width": author.width(),
        "pucker": author.pucker(),
        "corners": author.corners(),
        "jaw": author.jaw(),
        "press": author.press(),
        "brow_left": author.brow(LEFT_BROW),
        "brow_right": author.brow(RIGHT_BROW),
    }
    moves_px = {name: frame.picture_vector(move) for name, move in moves.items()}
    rest, gap = author.rest(gap_e)
    moves_px["rest"] = frame.picture_vector(rest)
    return ControlBasis(centres, moves_px, gap, frame.unit_px)


class _Author:
    """Writes controls as (M, 3) frontal displacements. Lips are exact, the skin around follows."""

    def __init__(self, frame: FaceFrame, frontal: Array) -> None:
        self.points = frontal
        self.count = len(frontal)
        corners = frontal[[61, 291]]
        self.mouth = corners.mean(0)
        self.half = float(np.linalg.norm(corners[1, :2] - corners[0, :2])) / 2
        self.chin_y = float(frontal[mesh.CHIN, 1])
        self.lower_y = float(frontal[17, 1])
        self.is_lip = np.zeros(self.count, bool)
        self.is_lip[UPPER_LIP.ravel()] = self.is_lip[LOWER_LIP.ravel()] = True
        self.along = np.linspace(-1, 1, 11)  # -1 viewer's left corner, 1 right corner
        self.profile = mouth_profile()

    def _from_lips(self, upper: Array, lower: Array, reach: float) -> Array:
        """Lip rows (4, 11, 3) as given; the skin follows its nearest lip edge and fades."""
        move = np.zeros((self.count, 3), np.float32)
        move[UPPER_LIP.ravel()] = upper.reshape(-1, 3)
        # the corners belong to both lips: the mean of what both say
        corners = move[[61, 76, 62, 78, 291, 306, 292, 308]].copy()
        move[LOWER_LIP.ravel()] = lower.reshape(-1, 3)
        shared = [61, 76, 62, 78, 291, 306, 292, 308]
        move[shared] = (move[shared] + corners) / 2
        edge = np.concatenate([UPPER_LIP[0], LOWER_LIP[0][1:-1]])
        offset = self.points[:, None, :2] - self.points[None, edge, :2]
        distance = np.linalg.norm(offset, axis=2)
        nearest = distance.min(1, keepdims=True)
        weight = np.exp(-(((distance - nearest) / 0.08) ** 2) - (distance - nearest) / 0.05)
        weight /= weight.sum(1, keepdims=True)
        follow = weight @ move[edge] * np.exp(-((nearest / reach) ** 2))
        return np.where(self.is_lip[:, None], move, follow).astype(np.float32)

    def _rows(self) -> tuple[Array, Array]:
        return np.zeros((4, 11, 3), np.float32), np.zeros((4, 11, 3), np.float32)

    def _chin_weight(self) -> Array:
        """1 on the chin, 0 on and above the lower lip, fading along the jaw and down the neck."""
        x, y = np.abs(self.points[:, 0] - self.mouth[0]), self.points[:, 1]
        down = smoothstep((y - self.lower_y + 0.04) / (self.chin_y - self.lower_y - 0.01))
        side = 1 - smoothstep((x - 0.2) / 0.6)
        neck = 1 - smoothstep((y - self.chin_y - 0.02) / 0.48)
        return (down * side * neck).astype(np.float32)

    def open(self) -> Array:
        upper, lower = self._rows()
        upper[:, :, 1] = -UPPER_OF_OPEN * self.profile * (1 - 0.5 * _ROW_FROM_INNER)
        lower[:, :, 1] = 0.86 * self.profile * (1 - 0.12 * _ROW_FROM_INNER)
        # the corners are drawn inward a little as the mouth opens
        for rows in (upper, lower):
            rows[:, :, 0] = -0.10 * self.along
        move = self._from_lips(upper, lower, reach=0.22)
        chin = np.maximum(move[:, 1], CHIN_OF_OPEN * self._chin_weight())
        move[:, 1] = np.where(self.is_lip, move[:, 1], chin)
        return move

    def lift(self) -> Array:
        """The middle of both lips goes up: the rest of an opening that no jaw made."""
        upper, lower = self._rows()
        upper[:, :, 1] = -self.profile * (1 - 0.3 * _ROW_FROM_INNER)
        lower[:, :, 1] = -self.profile * (1 - 0.12 * _ROW_FROM_INNER)
        move = self._from_lips(upper, lower, reach=0.22)
        move[:, 1] = np.where(self.is_lip, move[:, 1], move[:, 1] * (1 - self._chin_weight()))
        return move

    def jaw(self) -> Array:
        move = np.zeros((self.count, 3), np.float32)
        move[:, 1] = self._chin_weight()
        move[:, 2] = 0.3 * self._chin_weight()  # the chin swings back about the jaw joint
        move[self.is_lip] = 0
        return move

    def width(self) -> Array:
        upper, lower = self._rows()
        for rows in (upper, lower):
            rows[:, :, 0] = 0.5 * self.along
            rows[:, :, 2] = 0.15 * np.abs(self.along)
        # spread lips get thinner
        upper[:, :, 1] = 0.10 * self.profile * _ROW_FROM_INNER
        lower[:, :, 1] = -0.12 * self.profile * _ROW_FROM_INNER
        return self._from_lips(upper, lower, reach=0.2)

    def pucker(self) -> Array:
        upper, lower = self._rows()
        for rows in (upper, lower):
            rows[:, :, 0] = -0.05 * self.along
            rows[:, :, 2] = -0.05 * self.profile
        upper[:, :, 1] = -0.022 * self.profile * _ROW_FROM_INNER
        lower[:, :, 1] = 0.026 * self.profile * _ROW_FROM_INNER
        return self._from_lips(upper, lower, reach=0.2)

    def corners(self) -> Array:
        upper, lower = self._rows()
        for rows in (upper, lower):
            rows[:, :, 1] = -(np.abs(self.along) ** 1.8)
            rows[:, :, 0] = 0.35 * self.along
        return self._from_lips(upper, lower, reach=0.25)

    def press(self) -> Array:
        upper, lower = self._rows()
        upper[:, :, 1] = 0.016 * self.profile * _ROW_FROM_INNER
        lower[:, :, 1] = -0.022 * self.profile * _ROW_FROM_INNER
        return self._from_lips(upper, lower, reach=0.12)

    def brow(self, brow: Array) -> Array:
        offset = self.points[:, None, :2] - self.points[None, brow, :2]
        apart = offset.copy()
        apart[..., 1] *= np.where(apart[..., 1] < 0, 0.55, 1.6)  # far up the forehead, not the eye
        nearest = np.linalg.norm(apart, axis=2).min(1)
        move = np.zeros((self.count, 3), np.float32)
        move[:, 1] = -np.exp(-((nearest / 0.13) ** 2))
        return move

    def rest(self, gap: Array | None) -> tuple[Array, Array]:
        """The move that closes an open source mouth, and the (11,) gap it closes, in E."""
        if gap is None:
            gap_vector = self.points[LOWER_LIP[3]] - self.points[UPPER_LIP[3]]
            gap = gap_vector[:, 1]
        gap = np.maximum(gap, 0.0)
        gap[[0, -1]] = 0
        upper, lower = self._rows()
        upper[:, :, 1] = 0.35 * gap * (1 - 0.45 * _ROW_FROM_INNER)
        lower[:, :, 1] = -0.65 * gap * (1 - 0.25 * _ROW_FROM_INNER)
        move = self._from_lips(upper, lower, reach=0.25)
        move[:, 1] -= np.where(self.is_lip, 0, REST_CHIN * gap.max() * self._chin_weight())
        return move, gap.astype(np.float32)

"""Motion of the built-in engine from a video of somebody: their own face becomes the controls.

Two steps. ``read_driver`` measures every frame as it streams by and keeps some thirty numbers of
it. ``motion_from_driver`` then looks at all rows together: which frames show the face at rest,
what is noise and what is motion, and gives controls relative to that rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import NoFaceError
from ...faces.measures import canonical_unit
from ...faces.mesh import CHEEK_SIDES, RIGID, canonical_points
from ...faces.networks import FaceNets
from ...faces.options import FaceOptions
from ...geometry.pose import angles_from_rotation, rotation_from_angles
from ...runtime import Runtime
from ...structures import LiteMotion
from .basis import CHIN_OF_OPEN, UPPER_OF_OPEN, WIDTH_OF, lip_lift
from .config import DRIVE_REGIONS, LiteDriveOptions
from .driver_rows import DriverRows, read_driver
from .steady import bridged, shown, steadied

_REST_SHARE = 0.2  # of a clip's frames: those with the mouth closed furthest and open eyes
_PURSED_E = 0.05  # from this narrowing of the mouth on it is counted twice
_PUCKER_E = (0.02, 0.10)  # where protruding lips begin, and are full
_SURELY_OPEN, _LIP_LINE = 0.03, 0.015  # E of dark: an opening; the line between closed lips
_CLOSED_MOST = 0.02  # E measured of a mouth that is closed, at most
_SHUT_MOST = 0.012  # the same of an eye
_BLIND = 0.6  # closing of both eyes beyond which the irises cannot be seen
_FRONTAL_RAD = 0.35
# Turns of the head between which the farther brow, and the farther eye, are lost.
_BROW_LOST_RAD, _EYE_LOST_RAD = (0.10, 0.24), (0.20, 0.45)
_BROW_GAIN = 1.4  # the nets see brows move less than they do
_BROW_OF_PITCH = 0.08  # E of a radian: brows seem to rise as the head looks down
# Trembling of each control is looked for within this time.
_STEADY_S = {
    "open": 0.03,
    "width": 0.05,
    "corners": 0.05,
    "pucker": 0.06,
    "jaw": 0.05,
    "press": 0.05,
    "lids": 0.02,
    "gaze": 0.04,
    "brows": 0.07,
    "rotation_rad": 0.08,
    "translation": 0.08,
}
_PART = {
    "open": "jaw",
    "jaw": "jaw",
    "width": "lips",
    "corners": "lips",
    "pucker": "lips",
    "press": "lips",
    "lids": "eyes",
    "gaze": "eyes",
    "brows": "brows",
    "rotation_rad": "pose",
    "translation": "pose",
}
_GROW_PER_Z = 0.35  # the renderer's growth of the head for a translation of 1 E toward the viewer
_PIVOT_DOWN, _LEAN_DOWN = 0.25, 1.1  # E below the ears, where the renderer turns and leans the head


def track_controls(
    frames: Iterable[Tensor],
    fps: Fraction,
    faces: FaceOptions,
    runtime: Runtime,
    options: LiteDriveOptions | None = None,
    nets: FaceNets | None = None,
) -> LiteMotion:
    """The controls of the face in a video, relative to its own rest.

    Args:
        frames: chunks (N, 3, H, W) uint8, read once; memory does not grow with them but for some
            thirty numbers a frame. The cut into chunks never changes the result.
        fps: their frames per second.
        faces: which face is followed. Where it is lost, its last place is held and a warning says
            in how many frames.
        runtime: device, cancelling and progress ("driver").
        options: what counts as rest, how much is smoothed, mirroring.
        nets: face nets that are loaded already.

    Returns:
        LiteMotion with one row per frame, on ``runtime.device``: as measured, which may be more
        than the renderer can show.

    Raises:
        NoFaceError: there is no frame, or none shows a face.
        FaceIndexError: the first frame with faces has too few of them.
    """
    rows = read_driver(frames, fps, faces, runtime, nets)
    return motion_from_driver(rows, options or LiteDriveOptions()).to(runtime.device)


@dataclass(frozen=True)
class DriverRest:
    """A driver's face at rest: what controls are relative to.

    Attributes:
        measures: (9,) as in ``DriverRows``.
        heights: (2,) as well.
        lids_shut: (2,) what is measured of an eye that is closed.
        irises: (2, 2) looking ahead.
        rotation: (3, 3) float64.
        place_px: (3,) float64.
        unit_px: E in pixels.
    """

    measures: Tensor
    heights: Tensor
    lids_shut: Tensor
    irises: Tensor
    rotation: Tensor
    place_px: Tensor
    unit_px: float


def motion_from_driver(rows: DriverRows, options: LiteDriveOptions) -> LiteMotion:
    """Controls relative to rest, steadied; how strong they are shown is up to ``taken_over``."""
    rest = find_rest(rows, options.neutral)
    yaw = angles_from_rotation(rows.rotation.double())[:, 1]
    lids = _nearer(_lids(rows.measures[:, 5:7], rest), _hidden(yaw, _EYE_LOST_RAD))
    rotation = rows.rotation.double() @ rest.rotation.mT
    angles = angles_from_rotation(rotation)
    brows = _BROW_GAIN * (rows.measures[:, 7:9] - rest.measures[7:9])
    brows = brows - _BROW_OF_PITCH * angles[:, :1].to(brows)
    looks = rows.valid & (lids.amin(1) < _BLIND)
    columns = {
        **lip_controls(rows, rest),
        "lids": lids,
        "brows": _nearer(brows, _hidden(yaw, _BROW_LOST_RAD)),
        "rotation_rad": angles.float(),
        "translation": _translation(rows, angles, rest).float(),
    }
    columns = {name: bridged(value, rows.valid, rows.fps) for name, value in columns.items()}
    columns["gaze"] = bridged(_gaze(rows.irises, lids, yaw, rest), looks, rows.fps)
    if options.mirror:
        columns = _mirrored(columns)
    for name, value in columns.items():
        columns[name] = steadied(value, rows.fps, options.steady * _STEADY_S[name])
    return LiteMotion(**columns, fps=rows.fps)


def taken_over(motion: LiteMotion, options: LiteDriveOptions) -> LiteMotion:
    """Motion as strong as the options say for each part of the face, softly within what the
    renderer can show."""
    moving = DRIVE_REGIONS[options.region]
    strength = {
        part: options.multiplier * getattr(options, part) * (part in moving)
        for part in DRIVE_REGIONS["all"]
    }
    columns = {
        name: shown(name, getattr(motion, name) * strength[part]) for name, part in _PART.items()
    }
    head = [strength["pose"], strength["pose"], strength["scale"]]
    shift = motion.translation * motion.translation.new_tensor(head)
    columns["translation"] = shown("translation", shift)
    return dataclasses.replace(motion, **columns)


def find_rest(rows: DriverRows, neutral: str = "auto") -> DriverRest:
    """The driver's rest.

    Args:
        rows: all frames.
        neutral: "first" takes the first frame in which the face is seen; "auto" looks for frames
            with open eyes and the mouth most closed, and for the pose that the head mostly has,
            poses toward the camera counting more.
    """
    seen = torch.nonzero(rows.valid)[:, 0]
    if len(seen) == 0:
        raise NoFaceError("The driving video shows no face.")
    measures = rows.measures[seen]
    lids = measures[:, 5:7]
    # the net never quite closes an eye; a clip that has blinks tells where it ends
    lowest = torch.quantile(lids, 0.01, dim=0)
    shut = lowest.clamp(0.0, _SHUT_MOST).minimum(0.3 * lids.median(0).values)
    if neutral == "first":
        calm = looking = eyes = seen[:1]
        weight = torch.ones(1, dtype=torch.float64)
    else:
        calm = seen[resting_frames(measures)]
        is_open = lids.mean(1) >= 0.6 * torch.quantile(lids.mean(1), 0.9)
        looking, eyes = seen, seen[is_open]
        weight = _frontal_weight(rows.rotation[seen])
    angles = angles_from_rotation(rows.rotation[looking].double())
    place = _weighted_median(rows.place_px[looking].double(), weight)
    unit = _weighted_median(rows.unit_px[looking, None].double(), weight)
    # the mouth rests where it is closed, eyes and brows as they mostly are
    calm_face = torch.cat(
        (rows.measures[calm, :5].median(0).values, rows.measures[eyes, 5:].median(0).values)
    )
    return DriverRest(
        calm_face,
        rows.heights[calm].median(0).values,
        shut,
        rows.irises[eyes].median(0).values,
        rotation_from_angles(_weighted_median(angles, weight)),
        place,
        float(unit),
    )


def resting_frames(measures: Tensor) -> Tensor:
    """(T,) bool: of raw measures (T, 9), frames with open eyes and the mouth most closed."""
    eyes = measures[:, 5:7].mean(1)
    is_awake = eyes >= 0.85 * eyes.median()
    opening = measures[:, 0]
    limit = torch.quantile(opening[is_awake], _REST_SHARE)
    return is_awake & (opening <= limit)


def _frontal_weight(rotation: Tensor) -> Tensor:
    angles = angles_from_rotation(rotation.double())
    off = angles * angles.new_tensor([0.5, 1.0, 0.7])
    return torch.exp(-0.5 * (off / _FRONTAL_RAD).square().sum(1)).clamp(min=1e-3)


def _weighted_median(values: Tensor, weight: Tensor) -> Tensor:
    """(C,) of (T, C) values with (T,) weights."""
    order = values.argsort(0)
    share = weight[order].cumsum(0) / weight.sum()
    index = (share < 0.5).sum(0).clamp(max=len(values) - 1)
    return values.gather(0, order.gather(0, index[None]))[0]


def lip_controls(rows: DriverRows, rest: DriverRest) -> dict[str, Tensor]:
    """Controls of the mouth, less what the renderer's other controls do to the same measure."""
    change = rows.measures - rest.measures
    # The net sees pursed lips as half as narrow as they are, and as apart when they touch; dark
    # between them tells that they do not.
    pursed = (-change[:, 1]).clamp(min=0)
    width = change[:, 1] - pursed * (pursed / _PURSED_E).clamp(max=1)
    # a mouth that never closes is open at rest, not closed
    closed = rest.measures[0].clamp(max=_CLOSED_MOST)
    doubt = 1 - (rows.dark / _SURELY_OPEN).clamp(max=1)
    gap = rows.measures[:, 0] - closed - 0.5 * pursed * doubt
    mouth = {
        "open": torch.maximum(gap, rows.dark - _LIP_LINE).clamp(min=0),
        "pucker": ((pursed - _PUCKER_E[0]) / (_PUCKER_E[1] - _PUCKER_E[0])).clamp(0, 1),
    }
    mouth["jaw"] = change[:, 4] - CHIN_OF_OPEN * mouth["open"]
    # against the upper lip, because pursing takes the whole mouth down
    raised = (rows.heights - rest.heights) @ rows.heights.new_tensor([1.0, -1.0])
    mouth["corners"] = raised + UPPER_OF_OPEN * mouth["open"]
    mouth["corners"] += lip_lift(mouth["open"], mouth["jaw"])
    mouth["width"] = width - sum(WIDTH_OF[name] * mouth[name] for name in WIDTH_OF)
    mouth["press"] = torch.zeros(len(rows))
    return mouth


def _lids(openings: Tensor, rest: DriverRest) -> Tensor:
    span = (rest.measures[5:7] - rest.lids_shut).clamp(min=1e-3)
    return (rest.measures[5:7] - openings) / span


def _nearer(sides: Tensor, hidden: Tensor) -> Tensor:
    """(T, 2) both sides of the face; the one that a turned head hides does what the other does."""
    left, right = sides.unbind(1)
    hidden_left, hidden_right = hidden.to(sides).unbind(1)
    return torch.stack(
        (left + hidden_left * (right - left), right + hidden_right * (left - right)), 1
    )


def _hidden(yaw: Tensor, lost_rad: tuple[float, float]) -> Tensor:
    """(T, 2) how much of the viewer's left and right side is lost to a turn of the head."""
    low, high = lost_rad
    t = ((torch.stack((-yaw, yaw), 1) - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _gaze(irises: Tensor, lids: Tensor, yaw: Tensor, rest: DriverRest) -> Tensor:
    """(T, 2) both eyes together; an eye that closes or turns away tells less and less."""
    weight = ((1 - lids).clamp(0.02, 1.0) * (1.02 - _hidden(yaw, _EYE_LOST_RAD).to(lids)))[
        ..., None
    ]
    return ((irises - rest.irises) * weight).sum(1) / weight.sum(1)


def _translation(rows: DriverRows, angles: Tensor, rest: DriverRest) -> Tensor:
    """(T, 3) E: where the face is, beyond where turning as the renderer turns puts it."""
    unit = canonical_unit()
    shape = canonical_points().double() / unit
    ears = shape[list(CHEEK_SIDES)].mean(0)
    down = ears.new_tensor([0.0, 1.0, 0.0])
    spots = torch.stack(
        (shape[list(RIGID)].mean(0), ears + _PIVOT_DOWN * down, ears + _LEAN_DOWN * down)
    )
    middle, pivot, lean = spots @ rest.rotation.mT + rest.place_px / rest.unit_px
    grow = rows.unit_px.double() / rest.unit_px
    pose = rows.rotation.double()
    found = (pose @ spots[0]) * grow[:, None] + rows.place_px.double() / rest.unit_px
    turn = rotation_from_angles(angles * angles.new_tensor([1.0, 1.0, 0.0]))
    roll = rotation_from_angles(angles * angles.new_tensor([0.0, 0.0, 1.0]))
    turned = turn @ (middle - pivot) + pivot
    leaned = (roll @ (turned - lean)[..., None])[..., 0] * grow[:, None] + lean
    shift = (found - leaned)[:, :2]
    return torch.cat((shift, (grow[:, None] - 1) / _GROW_PER_Z), 1)


def _mirrored(columns: dict[str, Tensor]) -> dict[str, Tensor]:
    flipped = dict(columns)
    for name in ("lids", "brows"):
        flipped[name] = columns[name].flip(1)
    for name, signs in (
        ("gaze", (-1.0, 1.0)),
        ("rotation_rad", (1.0, -1.0, -1.0)),
        ("translation", (-1.0, 1.0, 1.0)),
    ):
        flipped[name] = columns[name] * columns[name].new_tensor(signs)
    return flipped

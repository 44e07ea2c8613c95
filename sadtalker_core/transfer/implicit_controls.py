"""Controls of the built-in engine as implicit keypoints, and back.

So sound, sliders or another engine's driver move LivePortrait, and motion templates move the
built-in engine. Faces pass through two sparse linear maps in ``implicit_tables``: how far each
control pushes each number of the expression, and how each control is read from them. Their shape
is that of LivePortrait's own slider tables; their amounts were fitted to what its network saw in
real clips (``training.fit_implicit_controls``). Heads pass by geometry, exactly both ways: a point
of the head goes where it went.

Conventions: LivePortrait's keypoints lie in its crop, from -1 to 1, x right, y down, z away from
the viewer; rotations are for rows. So a built-in rotation is the transpose of an implicit one:
pitch and roll are the same, yaw has the other sign.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import StructureError
from ..geometry.pose import angles_from_rotation, rotation_from_angles
from ..structures import ImplicitMotion, LiteMotion
from .implicit_tables import CONTROLS, E_PER_SCALE, ORIGIN_E, PUSHES, READS

KEYPOINTS = 21
USUAL_SCALE = 1.4  # of a face in LivePortrait's own crop
# The built-in renderer turns the head about the first and leans and grows it about the second,
# below the ears, and grows it by so much for 1 E toward the viewer.
_PIVOT_DOWN, _LEAN_DOWN = 0.25, 1.1
_GROW_PER_Z = 0.35
_REST_SHARE = 0.2
# What the built-in renderer can show.
_RANGES = {
    "open": (0.0, 0.20),
    "width": (-0.15, 0.20),
    "corners": (-0.08, 0.08),
    "pucker": (0.0, 1.0),
    "jaw": (-0.10, 0.22),
    "lid_left": (-0.3, 1.0),
    "lid_right": (-0.3, 1.0),
    "gaze_x": (-0.08, 0.08),
    "gaze_y": (-0.08, 0.08),
    "brow_left": (-0.12, 0.12),
    "brow_right": (-0.12, 0.12),
}


def implicit_from_lite(motion: LiteMotion, source: ImplicitMotion | None = None) -> ImplicitMotion:
    """Built-in motion, such as from a sound, as motion that can drive LivePortrait.

    Args:
        motion: T frames.
        source: one frame, the portrait that will be moved (``SourcePoints.motion``): the built-in
            engine turns heads in the picture's axes, LivePortrait in the portrait's own, and its
            shifts grow with the face. None is right for faces of usual size that look at the
            viewer.

    Returns:
        T frames, relative to rest, without ratios.

    Raises:
        StructureError: the source is not one frame of 21 keypoints.
    """
    like = motion.open
    start, size = _portrait(source)
    angles, shift = _precise(motion.rotation_rad), _precise(motion.translation)
    grow = 1 + _GROW_PER_Z * shift[:, 2:]
    origin = _origin(start)
    path = (_carried(origin, angles, grow, start) - origin)[:, :2]
    path = path + shift[:, :2]
    return ImplicitMotion(
        expression_from_controls(face_controls(motion)),
        _as(like, start @ rotation_from_angles(angles).mT @ start.mT),
        _as(like, torch.nn.functional.pad(path * (E_PER_SCALE * size), (0, 1))),
        _as(like, grow),
        motion.fps,
        is_relative=True,
    )


def lite_from_implicit(motion: ImplicitMotion, rest: ImplicitMotion | None = None) -> LiteMotion:
    """Implicit motion, such as a template, as motion of the built-in engine.

    Args:
        motion: T frames.
        rest: one frame. Of a motion that was seen, the same face at rest; None looks for it
            (``find_rest``). Of a relative one, the portrait that it was made for.

    Returns:
        LiteMotion relative to rest, within what the built-in renderer can show; the yaw against
        rest must stay within 90 degrees.

    Raises:
        StructureError: there are no frames, not 21 keypoints, or rest is not one frame.
    """
    _check(motion)
    like = motion.expression
    if motion.is_relative:
        start, size = _portrait(rest)
        expression, place = motion.expression, _precise(motion.translation)
        turn = start.mT @ _precise(motion.rotation) @ start
        grow = _precise(motion.scale)
    else:
        calm = find_rest(motion) if rest is None else _one_frame(rest)
        start, size = _portrait(calm)
        expression = motion.expression - calm.expression.to(like)
        place = _precise(motion.translation) - _precise(calm.translation)
        turn = start.mT @ _precise(motion.rotation)
        grow = _precise(motion.scale) / _precise(calm.scale)
    controls = controls_from_expression(expression)
    named = {name: controls[:, k].clamp(*_RANGES[name]) for k, name in enumerate(CONTROLS)}
    angles = angles_from_rotation(turn.mT)
    origin = _origin(start)
    shift = place / (E_PER_SCALE * size) - (_carried(origin, angles, grow, start) - origin)
    translation = torch.cat((shift[:, :2], (grow - 1) / _GROW_PER_Z), 1)
    single = {name: named[name] for name in ("open", "width", "corners", "pucker", "jaw")}
    return LiteMotion(
        **single,
        press=torch.zeros_like(named["open"]),
        lids=torch.stack((named["lid_left"], named["lid_right"]), 1),
        gaze=torch.stack((named["gaze_x"], named["gaze_y"]), 1),
        brows=torch.stack((named["brow_left"], named["brow_right"]), 1),
        rotation_rad=_as(like, angles),
        translation=_as(like, translation),
        fps=motion.fps,
    )


def find_rest(motion: ImplicitMotion) -> ImplicitMotion:
    """One frame of the face at rest: eyes open, mouth most closed, the pose it mostly has."""
    _check(motion)
    controls = controls_from_expression(
        motion.expression - motion.expression.median(0).values[None]
    )
    lids = controls[:, [CONTROLS.index("lid_left"), CONTROLS.index("lid_right")]].mean(1)
    opening = controls[:, CONTROLS.index("open")]
    is_awake = lids <= lids.median() + 0.15
    is_calm = is_awake & (opening <= torch.quantile(opening[is_awake], _REST_SHARE))
    angles = angles_from_rotation(_precise(motion.rotation).mT).median(0).values
    return ImplicitMotion(
        motion.expression[is_calm].mean(0, keepdim=True),
        _as(motion.rotation, rotation_from_angles(angles).mT[None]),
        motion.translation.median(0).values[None],
        motion.scale.median(0).values[None],
        motion.fps,
    )


def face_controls(motion: LiteMotion) -> Tensor:
    """(T, 11) the controls of ``implicit_tables.CONTROLS``."""
    single = (motion.open, motion.width, motion.corners, motion.pucker, motion.jaw)
    return torch.cat((torch.stack(single, 1), motion.lids, motion.gaze, motion.brows), 1)


def expression_from_controls(controls: Tensor) -> Tensor:
    """(T, 11) ``CONTROLS`` -> (T, 21, 3) offsets of the expression."""
    matrix = _matrix(PUSHES, controls)
    return (controls @ matrix).unflatten(1, (KEYPOINTS, 3))


def controls_from_expression(expression: Tensor) -> Tensor:
    """(T, 21, 3) expression relative to rest -> (T, 11) ``CONTROLS``."""
    matrix = _matrix(READS, expression)
    return expression.flatten(1) @ matrix.mT


def _matrix(table: dict[str, tuple[tuple[int, int, float], ...]], like: Tensor) -> Tensor:
    """(11, 63) of a table."""
    rows = torch.zeros(len(CONTROLS), KEYPOINTS * 3)
    for row, name in enumerate(CONTROLS):
        for keypoint, axis, amount in table[name]:
            rows[row, 3 * keypoint + axis] = amount
    return rows.to(like)


def _origin(start: Tensor) -> Tensor:
    """(3,) E from the ears: the implicit origin of a face in this rotation (3, 3) for rows."""
    return start.new_tensor(ORIGIN_E) @ start


def _carried(origin: Tensor, angles: Tensor, grow: Tensor, start: Tensor) -> Tensor:
    """(T, 2 or 3) E from the ears: where the built-in engine's turns and growth put the origin."""
    down = start.new_tensor([0.0, 1.0, 0.0]) @ start
    pivot, lean = _PIVOT_DOWN * down, _LEAN_DOWN * down
    turn = rotation_from_angles(angles * angles.new_tensor([1.0, 1.0, 0.0]))
    roll = rotation_from_angles(angles * angles.new_tensor([0.0, 0.0, 1.0]))
    turned = turn @ (origin - pivot) + pivot
    return (roll @ (turned - lean)[..., None])[..., 0] * grow + lean


def _precise(value: Tensor) -> Tensor:
    # A few numbers a frame, and not every device has float64.
    return value.cpu().double()


def _as(like: Tensor, value: Tensor) -> Tensor:
    return value.to(like.dtype).to(like.device)


def _portrait(source: ImplicitMotion | None) -> tuple[Tensor, float]:
    """(3, 3) rotation for rows, float64 on the CPU, and scale of a portrait, or a usual one."""
    if source is None:
        return torch.eye(3, dtype=torch.float64), USUAL_SCALE
    still = _one_frame(source)
    return _precise(still.rotation[0]), float(still.scale)


def _one_frame(rest: ImplicitMotion) -> ImplicitMotion:
    _check(rest)
    if len(rest) != 1:
        raise StructureError(f"the face at rest must be one frame, got {len(rest)}.")
    return rest


def _check(motion: ImplicitMotion) -> None:
    if len(motion) == 0:
        raise StructureError("this motion has no frames.")
    if motion.expression.shape[1] != KEYPOINTS:
        raise StructureError(
            f"this motion has {motion.expression.shape[1]} keypoints, LivePortrait has {KEYPOINTS}."
        )

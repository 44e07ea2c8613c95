"""Head pose between 3DMM coefficients and the built-in engine, both ways and exactly.

Conventions, and where they come from:

- ``Coeff3DMM``: x to the viewer's right, y up, z toward the viewer; R = Rz(z) Ry(y) Rx(x) by the
  right hand, on column vectors; the head turns about the centroid of the mean face and is then
  moved by the translation, in model units (camera 10 units away). Source: ``compute_rotation``,
  ``transform`` and ``to_camera`` in ``models/bfm.py`` of Deep3DFaceRecon_pytorch; the standard
  landmarks of its alignment show the axes (eyes above the mouth in y, nose before both in z).
  Angles and translation are absolute.
- ``LiteMotion``: x right, y down; pitch positive looks down, yaw positive turns to the viewer's
  right, roll positive leans to the viewer's right; R = Rz(roll) Ry Rx, in the picture's axes, on
  top of the pose that the source picture has. Turns are about a point between the ears, leaning
  about one in the neck, then the head is moved; unit is E, the outer-eye distance.

Both write the same rotation with the same order of axes, so angle by angle pitch = x, yaw = y,
roll = -z for a frontal source; for any other the source's rotation is taken off as a rotation.
The different centres of turning are made up for in the translation: a point of the head goes
where it went. What a renderer then does with large poses (limits, folds) is its own.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ..errors import StructureError
from ..geometry.pose import angles_from_rotation, rotation_from_angles
from ..structures import Coeff3DMM, LiteMotion

# E in units of the model, and the built-in engine's centres of turning and leaning, in E from the
# model's origin (x right, y down, z away): the neutral mesh laid on the standard landmarks of the
# 3DMM, residual 0.015 units; test_head_pose.py repeats the fit.
MODEL_UNITS_PER_E = 0.876
TURN_PIVOT = (0.0, 0.146, 0.507)
LEAN_PIVOT = (0.0, 0.996, 0.507)
_SIGNS = (1.0, 1.0, -1.0)  # pitch, yaw, roll against x, y, z
_AXES = (1.0, -1.0, -1.0)  # x right, y down, z away against x right, y up, z to the viewer


def lite_from_coeff(
    coeff: Coeff3DMM, source: Coeff3DMM | None = None, face: LiteMotion | None = None
) -> LiteMotion:
    """The head's motion for the built-in engine.

    Args:
        coeff: T frames.
        source: one frame, the pose of the source picture; None: it looks straight at the viewer.
        face: mouth, eyes and brows of the result, T frames at the same rate, such as the engine's
            own motion from the sound; None leaves them at rest. Expression is not translated
            here, see ``expression_map``.

    Returns:
        LiteMotion; yaw against the source must stay within 90 degrees.
    """
    device = coeff.rotation_rad.device
    base = LiteMotion.rest(len(coeff), coeff.fps).to(device) if face is None else face
    _check_same_frames(coeff, base)
    start = _source_pose(coeff, source)
    rotation = _rotation(coeff.rotation_rad)
    relative = rotation @ start.rotation.mT
    angles = angles_from_rotation(relative)
    moved = (_exact(coeff.translation) - start.translation) / MODEL_UNITS_PER_E
    moved = moved * moved.new_tensor(_AXES)
    shift = moved - _pivot_shift(angles, start.rotation)
    return dataclasses.replace(
        base,
        rotation_rad=angles.to(coeff.rotation_rad),
        translation=(shift * shift.new_tensor([1.0, 1.0, -1.0])).to(coeff.translation),
    )


def coeff_from_lite(
    motion: LiteMotion, source: Coeff3DMM | None = None, face: Coeff3DMM | None = None
) -> Coeff3DMM:
    """The head's motion as 3DMM coefficients: the inverse of ``lite_from_coeff``.

    Args:
        motion: T frames.
        source: one frame, the coefficients of the source picture; None: frontal, in the origin.
        face: expression of the result, T frames at the same rate, such as that from the sound;
            None keeps the source's. Crop numbers and identity come with it.

    Returns:
        Coeff3DMM with T frames.
    """
    length = len(motion)
    if face is None:
        held = source or Coeff3DMM.from_rows(torch.zeros(1, 70), motion.fps)
        held = held.to(motion.rotation_rad.device)
        index = torch.zeros(length, dtype=torch.long, device=held.expression.device)
        face = dataclasses.replace(
            held,
            expression=held.expression[index],
            rotation_rad=held.rotation_rad[index],
            translation=held.translation[index],
            crop=None if held.crop is None else held.crop[index],
            fps=motion.fps,
        )
    _check_same_frames(motion, face)
    start = _source_pose(motion, source)
    angles = _exact(motion.rotation_rad)
    rotation = rotation_from_angles(angles) @ start.rotation
    shift = _exact(motion.translation)
    shift = shift * shift.new_tensor([1.0, 1.0, -1.0]) + _pivot_shift(angles, start.rotation)
    moved = shift * shift.new_tensor(_AXES) * MODEL_UNITS_PER_E
    found = angles_from_rotation(rotation)
    return dataclasses.replace(
        face,
        rotation_rad=(found * found.new_tensor(_SIGNS)).to(motion.rotation_rad),
        translation=(start.translation + moved).to(motion.translation),
    )


@dataclasses.dataclass(frozen=True)
class _SourcePose:
    rotation: Tensor  # (3, 3) in the picture's axes, x right, y down
    translation: Tensor  # (3,) model units and axes


def _source_pose(like: Coeff3DMM | LiteMotion, source: Coeff3DMM | None) -> _SourcePose:
    device = _exact(like.rotation_rad[:0]).device
    if source is None:
        zero = torch.zeros(3, dtype=torch.float64, device=device)
        return _SourcePose(torch.eye(3, dtype=torch.float64, device=device), zero)
    if len(source) != 1:
        raise StructureError(f"source must be one frame, got {len(source)}.")
    return _SourcePose(
        _rotation(source.rotation_rad[0]).to(device), _exact(source.translation[0]).to(device)
    )


def _exact(values: Tensor) -> Tensor:
    """In float64; on the processor where the device has none, as Apple's."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def _rotation(model_angles: Tensor) -> Tensor:
    """(..., 3) model angles -> (..., 3, 3) rotation in the picture's axes, double precision."""
    angles = _exact(model_angles)
    return rotation_from_angles(angles * angles.new_tensor(_SIGNS))


def _pivot_shift(angles: Tensor, source_rotation: Tensor) -> Tensor:
    """(T, 3) E: where the built-in engine's turning and leaning carry the model's origin."""
    turn_pivot, lean_pivot = (
        source_rotation @ source_rotation.new_tensor(pivot) for pivot in (TURN_PIVOT, LEAN_PIVOT)
    )
    pitch_yaw = angles * angles.new_tensor([1.0, 1.0, 0.0])
    roll = angles * angles.new_tensor([0.0, 0.0, 1.0])
    turned = turn_pivot - rotation_from_angles(pitch_yaw) @ turn_pivot
    from_lean = (turned - lean_pivot)[..., None]
    return (rotation_from_angles(roll) @ from_lean)[..., 0] + lean_pivot


def _check_same_frames(a: Coeff3DMM | LiteMotion, b: Coeff3DMM | LiteMotion) -> None:
    if len(a) != len(b) or a.fps != b.fps:
        raise StructureError(
            f"head and face must have the same frames, got {len(a)} at {a.fps} and {len(b)} at "
            f"{b.fps} a second; use retime, loop or a slice."
        )

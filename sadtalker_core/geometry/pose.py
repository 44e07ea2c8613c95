"""Head pose: the similarity transform that best carries a neutral face to a found one.

Conventions: x right, y down, z away from the viewer. Rotations act on column vectors.
Angles are those of ``LiteMotion``: pitch positive looks down, yaw positive turns to the viewer's
right, roll positive leans to the viewer's right (clockwise as seen); R = Rz(roll) Ry Rx.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Similarity:
    """``target = scale * rotation @ source + translation``.

    Attributes:
        rotation: (..., 3, 3), a proper rotation.
        translation: (..., 3), in units of the target.
        scale: (...,) target units in one source unit.
    """

    rotation: Tensor
    translation: Tensor
    scale: Tensor

    def apply(self, points: Tensor) -> Tensor:
        """Source points (..., K, 3) in the target's frame."""
        turned = points @ self.rotation.mT
        return turned * self.scale[..., None, None] + self.translation[..., None, :]

    def undo(self, points: Tensor) -> Tensor:
        """Target points (..., K, 3) in the source's frame: pose taken away."""
        centered = (points - self.translation[..., None, :]) / self.scale[..., None, None]
        return centered @ self.rotation

    @property
    def angles_rad(self) -> Tensor:
        """(..., 3) pitch, yaw, roll."""
        return angles_from_rotation(self.rotation)


def fit_similarity(source: Tensor, target: Tensor, weights: Tensor | None = None) -> Similarity:
    """Least-squares similarity from ``source`` to ``target``, both (..., K, 3).

    ``weights`` (..., K) tell how much each point counts. Batches broadcast. Method: Umeyama 1991,
    "Least-squares estimation of transformation parameters between two point patterns".
    """
    if weights is None:
        weights = source.new_ones(source.shape[-2])
    share = (weights / weights.sum(-1, keepdim=True))[..., None]
    source_mean = (source * share).sum(-2, keepdim=True)
    target_mean = (target * share).sum(-2, keepdim=True)
    a, b = source - source_mean, target - target_mean
    covariance = (b * share).mT @ a
    u, singular, vh = torch.linalg.svd(covariance)
    sign = torch.ones_like(singular)
    # a reflection may fit mirrored points better; a head cannot do that
    sign[..., 2] = torch.linalg.det(u @ vh).sign()
    rotation = (u * sign[..., None, :]) @ vh
    spread = (a.square() * share).sum((-2, -1)).clamp(min=1e-12)
    scale = (singular * sign).sum(-1) / spread
    translation = (target_mean - (source_mean @ rotation.mT) * scale[..., None, None]).squeeze(-2)
    return Similarity(rotation, translation, scale)


def rotation_from_angles(angles_rad: Tensor) -> Tensor:
    """(..., 3) pitch, yaw, roll -> (..., 3, 3)."""
    pitch, yaw, roll = angles_rad.unbind(-1)
    one, zero = torch.ones_like(pitch), torch.zeros_like(pitch)
    sp, cp, sy, cy = pitch.sin(), pitch.cos(), yaw.sin(), yaw.cos()
    sr, cr = roll.sin(), roll.cos()
    # looking down carries the nose (-z) toward +y; turning right carries it toward +x
    about_x = torch.stack((one, zero, zero, zero, cp, -sp, zero, sp, cp), -1)
    about_y = torch.stack((cy, zero, -sy, zero, one, zero, sy, zero, cy), -1)
    about_z = torch.stack((cr, -sr, zero, sr, cr, zero, zero, zero, one), -1)
    shape = (*angles_rad.shape[:-1], 3, 3)
    return about_z.reshape(shape) @ about_y.reshape(shape) @ about_x.reshape(shape)


def angles_from_rotation(rotation: Tensor) -> Tensor:
    """The inverse of ``rotation_from_angles`` for yaw within 90 degrees."""
    yaw = torch.asin(rotation[..., 2, 0].clamp(-1, 1))
    pitch = torch.atan2(rotation[..., 2, 1], rotation[..., 2, 2])
    roll = torch.atan2(rotation[..., 1, 0], rotation[..., 0, 0])
    return torch.stack((pitch, yaw, roll), -1)


_PI_FACEVID2VID = 3.14  # what the published weights of face-vid2vid and SadTalker were trained with


def rotation_facevid2vid(angles_deg: Tensor) -> Tensor:
    """Rotation of implicit keypoints in face-vid2vid and SadTalker: Rx(pitch) Ry(yaw) Rz(roll).

    The axes turn as a right hand does, which is another convention than that of
    ``rotation_from_angles``. Degrees become radians with 3.14 for pi.

    Args:
        angles_deg: (..., 3) pitch, yaw, roll.

    Returns:
        (..., 3, 3), acting on column vectors.

    Source: ``get_rotation_matrix`` in SadTalker's ``facerender/modules/make_animation.py``.
    """
    pitch, yaw, roll = (angles_deg / 180 * _PI_FACEVID2VID).unbind(-1)
    one, zero = torch.ones_like(pitch), torch.zeros_like(pitch)
    sp, cp, sy, cy = pitch.sin(), pitch.cos(), yaw.sin(), yaw.cos()
    sr, cr = roll.sin(), roll.cos()
    about_x = torch.stack((one, zero, zero, zero, cp, -sp, zero, sp, cp), -1)
    about_y = torch.stack((cy, zero, sy, zero, one, zero, -sy, zero, cy), -1)
    about_z = torch.stack((cr, -sr, zero, sr, cr, zero, zero, zero, one), -1)
    shape = (*angles_deg.shape[:-1], 3, 3)
    return about_x.reshape(shape) @ about_y.reshape(shape) @ about_z.reshape(shape)


def rotation_liveportrait(angles_deg: Tensor) -> Tensor:
    """Rotation of implicit keypoints in LivePortrait: the transpose of Rz(roll) Ry(yaw) Rx(pitch).

    The axes turn as a right hand does; pi is exact.

    Args:
        angles_deg: (..., 3) pitch, yaw, roll.

    Returns:
        (..., 3, 3), for keypoints as rows: ``kp @ rotation``.

    Source: ``get_rotation_matrix`` in LivePortrait's ``src/utils/camera.py``.
    """
    pitch, yaw, roll = (angles_deg / 180 * math.pi).unbind(-1)
    one, zero = torch.ones_like(pitch), torch.zeros_like(pitch)
    sp, cp, sy, cy = pitch.sin(), pitch.cos(), yaw.sin(), yaw.cos()
    sr, cr = roll.sin(), roll.cos()
    about_x = torch.stack((one, zero, zero, zero, cp, -sp, zero, sp, cp), -1)
    about_y = torch.stack((cy, zero, sy, zero, one, zero, -sy, zero, cy), -1)
    about_z = torch.stack((cr, -sr, zero, sr, cr, zero, zero, zero, one), -1)
    shape = (*angles_deg.shape[:-1], 3, 3)
    return (about_z.reshape(shape) @ about_y.reshape(shape) @ about_x.reshape(shape)).mT


def degrees_liveportrait(rotation: Tensor) -> Tensor:
    """The inverse of ``rotation_liveportrait`` for yaw within 90 degrees.

    Args:
        rotation: (..., 3, 3), for keypoints as rows.

    Returns:
        (..., 3) pitch, yaw, roll in degrees.
    """
    yaw = torch.asin((-rotation[..., 0, 2]).clamp(-1, 1))
    pitch = torch.atan2(rotation[..., 1, 2], rotation[..., 2, 2])
    roll = torch.atan2(rotation[..., 0, 1], rotation[..., 0, 0])
    return torch.stack((pitch, yaw, roll), -1) * (180 / math.pi)

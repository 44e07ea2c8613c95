"""What the motion extractor M reads from pictures of a face."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import StructureError
from ...geometry.pose import rotation_liveportrait
from ...records import TensorRecord, check_shape
from ...structures import ImplicitMotion
from .keypoints import degrees_from_bins, posed, without_depth
from .nets.motion_extractor import MotionLogits
from .retarget import FaceRatios


@dataclass(frozen=True)
class SourcePoints(TensorRecord):
    """What M reads from T pictures of a face, and the keypoints it makes.

    Attributes:
        kp: (T, K, 3) canonical keypoints.
        exp: (T, K, 3) offsets of the expression.
        rotation: (T, 3, 3) for keypoints as rows.
        pitch_yaw_roll_deg: (T, 3) the angles of ``rotation``.
        t: (T, 3) translation.
        scale: (T, 1).
        x: (T, K, 3) keypoints in pose and expression, without the translation's depth.
    """

    kp: Tensor
    exp: Tensor
    rotation: Tensor
    pitch_yaw_roll_deg: Tensor
    t: Tensor
    scale: Tensor
    x: Tensor

    def __post_init__(self) -> None:
        check_shape("SourcePoints", "kp", self.kp, (None, None, 3))
        length, count = self.kp.shape[0], self.kp.shape[1]
        for name in ("exp", "x"):
            check_shape("SourcePoints", name, getattr(self, name), (length, count, 3))
        check_shape("SourcePoints", "rotation", self.rotation, (length, 3, 3))
        for name in ("pitch_yaw_roll_deg", "t"):
            check_shape("SourcePoints", name, getattr(self, name), (length, 3))
        check_shape("SourcePoints", "scale", self.scale, (length, 1))

    def __len__(self) -> int:
        return self.kp.shape[0]

    def __getitem__(self, frames: slice | Tensor) -> SourcePoints:
        """The points of a range of frames, or of those with these numbers."""
        return SourcePoints(*(part[frames] for part in self.parts()))

    def parts(self) -> tuple[Tensor, ...]:
        """The tensors in the order of the attributes."""
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    @classmethod
    def of_pose(
        cls, kp: Tensor, exp: Tensor, pitch_yaw_roll_deg: Tensor, t: Tensor, scale: Tensor
    ) -> SourcePoints:
        """From canonical keypoints, expression and pose; see the attributes for shapes."""
        rotation = rotation_liveportrait(pitch_yaw_roll_deg)
        x = posed(kp, rotation, exp, scale, without_depth(t))
        return cls(kp, exp, rotation, pitch_yaw_roll_deg, t, scale, x)

    @classmethod
    def joined(cls, parts: Iterable[SourcePoints]) -> SourcePoints:
        """Frames of several one after another."""
        rows = list(parts)
        if not rows:
            raise StructureError("there are no frames to join.")
        return cls(*(torch.cat(same) for same in zip(*(row.parts() for row in rows))))

    def motion(self, fps: Fraction, ratios: FaceRatios | None = None) -> ImplicitMotion:
        """The same as motion that can drive another face, or be kept in a file."""
        return ImplicitMotion(
            expression=self.exp,
            rotation=self.rotation,
            translation=self.t,
            scale=self.scale,
            fps=fps,
            canonical=self.kp,
            keypoints=self.x,
            eye_ratios=None if ratios is None else ratios.eyes,
            lip_ratio=None if ratios is None else ratios.lip,
        )


def extract(net: Callable[[Tensor], MotionLogits], crops: Tensor) -> SourcePoints:
    """Keypoints, expression and pose of faces.

    Args:
        net: M, on the crops' device.
        crops: (N, 3, 256, 256) RGB in [0, 1].

    Returns:
        N rows, float32, whatever the network computes in.
    """
    found = MotionLogits(*(part.float() for part in net(crops)))
    degrees = torch.stack(
        [degrees_from_bins(bins).flatten() for bins in (found.pitch, found.yaw, found.roll)], 1
    )
    kp, exp = found.keypoints.unflatten(1, (-1, 3)), found.expression.unflatten(1, (-1, 3))
    return SourcePoints.of_pose(kp, exp, degrees, found.translation, found.scale)


def extract_stream(
    net: Callable[[Tensor], MotionLogits], chunks: Iterable[Tensor], group: int = 8
) -> Iterator[SourcePoints]:
    """``extract`` over frames that arrive in chunks of any size, with the same result to the bit.

    Args:
        net: M.
        chunks: (N, 3, 256, 256) RGB in [0, 1] each.
        group: frames that go through the network together; the last group is filled up. 1 for
            a camera, where waiting for more would be seen.
    """
    waiting: list[Tensor] = []
    for chunk in chunks:
        waiting.extend(chunk.unbind())
        while len(waiting) >= group:
            yield extract(net, torch.stack(waiting[:group]))
            del waiting[:group]
    if waiting:
        filled = waiting + waiting[-1:] * (group - len(waiting))
        yield extract(net, torch.stack(filled))[: len(waiting)]

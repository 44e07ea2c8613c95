"""Rotation convention of LivePortrait's keypoints: rows, right-handed, exact pi."""

from __future__ import annotations

import torch
from torch import Tensor

from sadtalker_core.geometry.pose import degrees_liveportrait, rotation_liveportrait


def turned(pitch: float, yaw: float, roll: float, point: list[float]) -> list[float]:
    angles = torch.tensor([pitch, yaw, roll], dtype=torch.float64)
    row = torch.tensor(point, dtype=torch.float64) @ rotation_liveportrait(angles)
    return [round(float(x), 9) + 0.0 for x in row]


def degrees(count: int, wide: float) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(count, 3, dtype=torch.float64, generator=generator) - 0.5) * 2 * wide


def test_axes_turn_as_a_right_hand_does() -> None:
    assert turned(90, 0, 0, [0, 1, 0]) == [0, 0, 1]
    assert turned(0, 90, 0, [0, 0, 1]) == [1, 0, 0]
    assert turned(0, 0, 90, [1, 0, 0]) == [0, 1, 0]


def test_pitch_acts_first_and_roll_last() -> None:
    assert turned(90, 0, 90, [0, 0, 1]) == [1, 0, 0]  # down to -y, then round to x
    assert turned(0, 90, 90, [0, 0, 1]) == [0, 1, 0]


def test_half_a_turn_is_exact() -> None:
    assert turned(0, 0, 180, [1, 0, 0]) == [-1, 0, 0]


def test_angles_come_back() -> None:
    angles = degrees(200, 89)
    torch.testing.assert_close(degrees_liveportrait(rotation_liveportrait(angles)), angles)


def test_rounding_beyond_a_right_angle_is_no_number_lost() -> None:
    rotation = rotation_liveportrait(torch.tensor([[0.0, 90.0, 0.0]]))
    rotation[..., 0, 2] = -1.0000002
    assert bool(torch.isfinite(degrees_liveportrait(rotation)).all())


def test_batches_of_rotations() -> None:
    angles = degrees(20, 60).reshape(4, 5, 3)
    rotations = rotation_liveportrait(angles)
    eye = torch.eye(3, dtype=torch.float64).expand(4, 5, 3, 3)
    torch.testing.assert_close(rotations @ rotations.mT, eye)
    torch.testing.assert_close(rotations[2, 3], rotation_liveportrait(angles[2, 3]))

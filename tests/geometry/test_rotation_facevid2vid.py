"""Rotation convention of the implicit keypoints."""

from __future__ import annotations

import math

import torch

from sadtalker_core.geometry.pose import rotation_facevid2vid


def turned(pitch: float, yaw: float, roll: float, point: list[float]) -> list[float]:
    rotation = rotation_facevid2vid(torch.tensor([pitch, yaw, roll], dtype=torch.float64))
    return (rotation @ torch.tensor(point, dtype=torch.float64)).tolist()


def close(a: list[float], b: list[float], tolerance: float) -> bool:
    return all(abs(x - y) < tolerance for x, y in zip(a, b))


def test_axes_turn_as_a_right_hand_does() -> None:
    assert close(turned(90, 0, 0, [0, 1, 0]), [0, 0, 1], 1e-3)
    assert close(turned(0, 90, 0, [0, 0, 1]), [1, 0, 0], 1e-3)
    assert close(turned(0, 0, 90, [1, 0, 0]), [0, 1, 0], 1e-3)


def test_roll_acts_first_and_pitch_last() -> None:
    assert close(turned(90, 0, 90, [1, 0, 0]), [0, 0, 1], 1e-2)
    assert close(turned(0, 90, 90, [0, 1, 0]), [0, 0, 1], 1e-2)


def test_pi_is_what_the_weights_learnt() -> None:
    x, y, _ = turned(0, 0, 180, [1, 0, 0])
    assert abs(math.atan2(y, x) - 3.14) < 1e-12


def test_batches_of_rotations() -> None:
    angles = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0)) * 60
    rotations = rotation_facevid2vid(angles)
    assert rotations.shape == (4, 5, 3, 3)
    torch.testing.assert_close(
        rotations @ rotations.mT, torch.eye(3).expand(4, 5, 3, 3), rtol=0, atol=1e-5
    )
    torch.testing.assert_close(rotations[2, 3], rotation_facevid2vid(angles[2, 3]))

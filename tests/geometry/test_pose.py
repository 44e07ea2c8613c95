from __future__ import annotations

import pytest
import torch

from sadtalker_core.geometry.pose import (
    angles_from_rotation,
    fit_similarity,
    rotation_from_angles,
)

NOSE = torch.tensor([0.0, 0.0, -1.0])  # z is away from the viewer
CROWN = torch.tensor([0.0, -1.0, 0.0])


@pytest.mark.parametrize(
    ("angles", "point", "axis", "sign"),
    [
        ((0.3, 0, 0), NOSE, 1, 1),  # pitch looks down: the nose goes to larger y
        ((0, 0.3, 0), NOSE, 0, 1),  # yaw turns right: the nose goes to larger x
        ((0, 0, 0.3), CROWN, 0, 1),  # roll leans right: the crown goes to larger x
    ],
)
def test_directions(angles: tuple[float, ...], point: torch.Tensor, axis: int, sign: int) -> None:
    moved = rotation_from_angles(torch.tensor(angles)) @ point
    assert float(moved[axis]) * sign == pytest.approx(0.29552, abs=1e-4)


def test_angles_come_back() -> None:
    angles = (torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5) * 2.8
    rotation = rotation_from_angles(angles)
    torch.testing.assert_close(angles_from_rotation(rotation), angles, atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(50))


def test_fit_finds_the_similarity() -> None:
    points = torch.randn(4, 20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    angles = torch.tensor([[0.1, -0.4, 0.2]], dtype=torch.float64).expand(4, 3)
    rotation = rotation_from_angles(angles)
    target = points @ rotation.mT * 7.0 + torch.tensor([3.0, -2.0, 9.0], dtype=torch.float64)
    fitted = fit_similarity(points, target)
    torch.testing.assert_close(fitted.angles_rad, angles)
    torch.testing.assert_close(fitted.scale, torch.full((4,), 7.0, dtype=torch.float64))
    torch.testing.assert_close(fitted.apply(points), target)
    torch.testing.assert_close(fitted.undo(target), points)


def test_weights_ignore_an_outlier() -> None:
    points = torch.randn(10, 3, generator=torch.Generator().manual_seed(2))
    target = points * 2 + 1
    target[0] += 50
    weights = torch.ones(10)
    weights[0] = 0
    fitted = fit_similarity(points, target, weights)
    torch.testing.assert_close(fitted.scale, torch.tensor(2.0), atol=1e-4, rtol=0)


def test_mirrored_points_still_give_a_rotation() -> None:
    points = torch.randn(10, 3, generator=torch.Generator().manual_seed(3))
    fitted = fit_similarity(points, points * torch.tensor([-1.0, 1.0, 1.0]))
    torch.testing.assert_close(torch.linalg.det(fitted.rotation), torch.tensor(1.0))

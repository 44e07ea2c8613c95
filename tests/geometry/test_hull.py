"""Volume of convex hulls, against solids that are known and a hull found by trying every face."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from sadtalker_core.geometry.hull import hull_volume


def cloud(seed: int, count: int = 12) -> Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


def by_trying(points: Tensor) -> float:
    """A triangle is a face if all points lie on one side of it (points in general position)."""
    points = points.double()
    centre, total = points.mean(0), 0.0
    for i, j, k in itertools.combinations(range(len(points)), 3):
        normal = torch.linalg.cross(points[j] - points[i], points[k] - points[i])
        heights = (points - points[i]) @ normal
        if bool((heights <= 1e-12).all()) or bool((heights >= -1e-12).all()):
            total += abs(float((centre - points[i]) @ normal)) / 6
    return total


@pytest.mark.parametrize("seed", range(3))
def test_random_points(seed: int) -> None:
    points = cloud(seed)
    want = pytest.approx(by_trying(points), rel=1e-12)
    assert float(hull_volume(points)) == want
    mirrored = points[[0, 2, 1, *range(3, len(points))]]
    assert float(hull_volume(mirrored)) == want


def test_a_box_with_points_inside_on_faces_and_twice() -> None:
    grid = torch.tensor(list(itertools.product((0.0, 0.5, 1.0), repeat=3)))
    box = torch.cat([grid, grid[:5]]) * torch.tensor([2.0, 3.0, 4.0]) - 7.0
    assert float(hull_volume(box)) == 24.0
    assert float(hull_volume(box.flip(0))) == 24.0


def test_nearly_flat_points_keep_their_volume() -> None:
    points = cloud(4) * torch.tensor([1.0, 1.0, 2.0**-30])
    thick = points * torch.tensor([1.0, 1.0, 2.0**30])
    assert float(hull_volume(points)) * 2**30 == pytest.approx(float(hull_volume(thick)), rel=1e-12)


def test_points_of_one_plane_have_none() -> None:
    flat = cloud(5) * torch.tensor([1.0, 1.0, 0.0])
    for points in (flat, flat * torch.tensor([1.0, 0.0, 0.0]), torch.ones(6, 3), torch.ones(0, 3)):
        assert float(hull_volume(points)) == 0.0


def test_points_that_are_nowhere_have_no_volume() -> None:
    for nowhere in (math.nan, math.inf):
        points = cloud(6)
        points[2, 1] = nowhere
        assert math.isnan(float(hull_volume(points)))


def test_batch_of_clouds() -> None:
    clouds = torch.stack([cloud(1), cloud(2)])
    assert torch.equal(hull_volume(clouds), torch.stack([hull_volume(one) for one in clouds]))

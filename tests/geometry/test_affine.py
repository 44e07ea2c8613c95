from __future__ import annotations

import math

import torch

from sadtalker_core.geometry import affine


def test_an_upright_square_of_its_own_size_copies_pixels() -> None:
    # a square of 4 pixels whose first pixel is (10, 20) has its middle at (11.5, 21.5)
    matrix = affine.image_from_square((11.5, 21.5), 4.0, 0.0, 4)
    corners = affine.apply(matrix, torch.tensor([[0.0, 0.0], [3.0, 3.0]]))
    torch.testing.assert_close(corners, torch.tensor([[10.0, 20.0], [13.0, 23.0]]))


def test_edges_coincide_when_enlarged() -> None:
    matrix = affine.image_from_square((11.5, 21.5), 4.0, 0.0, 8)
    corners = affine.apply(matrix, torch.tensor([[-0.5, -0.5], [7.5, 7.5]]))
    torch.testing.assert_close(corners, torch.tensor([[9.5, 19.5], [13.5, 23.5]]))


def test_positive_angles_turn_x_toward_y() -> None:
    matrix = affine.image_from_square((0.0, 0.0), 3.0, math.pi / 2, 3)
    right_of_middle = affine.apply(matrix, torch.tensor([[2.0, 1.0]]))
    torch.testing.assert_close(right_of_middle, torch.tensor([[0.0, 1.0]]), atol=1e-6, rtol=0)


def test_inverse_scale_and_batches() -> None:
    maps = torch.stack(
        [affine.image_from_square((3.0, 4.0), side, 0.3, 10) for side in (5.0, 40.0)]
    )
    torch.testing.assert_close(affine.scale_of(maps), torch.tensor([0.5, 4.0], dtype=torch.float64))
    points = torch.rand(2, 7, 2, dtype=torch.float64)
    back = affine.apply(affine.inverse(maps), affine.apply(maps, points))
    torch.testing.assert_close(back, points)

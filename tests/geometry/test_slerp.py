"""Parts of rotations and rotations between two."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sadtalker_core.geometry.pose import rotation_from_angles
from sadtalker_core.geometry.slerp import nearest_rotation, rotation_part, slerp

EYE = torch.eye(3, dtype=torch.float64)


def rotations(count: int, seed: int = 0, wide: float = 3.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    angles = (torch.rand(count, 3, dtype=torch.float64, generator=generator) - 0.5) * 2 * wide
    return rotation_from_angles(angles)


def about_z(angle: float) -> Tensor:
    return rotation_from_angles(torch.tensor([0.0, 0.0, angle], dtype=torch.float64))


def close(a: Tensor, b: Tensor, atol: float = 1e-12) -> None:
    torch.testing.assert_close(a, b.expand_as(a), atol=atol, rtol=0)


def test_parts_of_a_turn_about_one_axis() -> None:
    for amount in (0.0, 0.25, 1.0, 2.0, -1.0):
        close(rotation_part(about_z(0.8), amount), about_z(0.8 * amount))


def test_parts_add_up() -> None:
    whole = rotations(40)
    third = rotation_part(whole, 1 / 3)
    close(third @ third @ third, whole)
    close(rotation_part(whole, torch.linspace(0, 1, 40))[-1], whole[-1])
    close(rotation_part(whole, 0.0), EYE)


def test_no_turn_and_half_a_turn() -> None:
    close(rotation_part(EYE, 0.5), EYE)
    tiny = about_z(1e-9)
    close(rotation_part(tiny, 2.0), about_z(2e-9), 1e-16)
    half = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    quarter = rotation_part(half, 0.5)
    close(quarter @ quarter, half)


def test_between_two_rotations() -> None:
    a, b = rotations(20, 1), rotations(20, 2)
    middle = slerp(a, b, 0.5)
    close(middle @ middle.mT, EYE)
    close(a.mT @ middle, middle.mT @ b)
    close(slerp(b, a, 0.25), slerp(a, b, 0.75))
    # the short way: never more than half a turn
    angle = torch.arccos(((middle.mT @ b).diagonal(dim1=1, dim2=2).sum(1) - 1) / 2)
    assert float(angle.max()) <= math.pi / 2 + 1e-6


def test_ends_are_the_rotations_themselves() -> None:
    a, b = rotations(2, 1).float(), rotations(2, 2).float() + 1e-6
    share = torch.tensor([0.0, 1.0])
    got = slerp(a, b, share)
    assert torch.equal(got, torch.stack([a[0], b[1]]))
    assert got.dtype == torch.float32


def test_nearest_rotation_of_a_shaken_matrix() -> None:
    true = rotations(30, 3)
    shaken = true + 1e-3 * torch.randn(true.shape, dtype=torch.float64)
    found = nearest_rotation(shaken)
    close(found @ found.mT, EYE)
    u, _, vh = torch.linalg.svd(shaken)
    assert float((found - true).abs().max()) < 5e-3
    close(found, u @ vh, 1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_type_stay(dtype: torch.dtype) -> None:
    turn = rotations(6).reshape(2, 3, 3, 3).to(dtype)
    got = rotation_part(turn, torch.full((2, 3), 0.5))
    assert got.shape == turn.shape
    assert got.dtype == dtype

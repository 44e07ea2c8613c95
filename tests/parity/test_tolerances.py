"""What the table lets through of pictures in bytes."""

from __future__ import annotations

import torch

from .tolerances import decibels, problem


def test_a_wrong_row_or_a_wrong_value_of_a_picture_is_a_problem() -> None:
    want = torch.full((3, 160, 180), 100, dtype=torch.uint8)
    row = want.clone()
    row[:, 0] = 130
    assert "only 0.9938 within 1" in problem("some/golden", "picture", row, want)
    value = want.clone()
    value[0, 5, 5] = 103
    assert "3 levels off" in problem("some/golden", "picture", value, want)
    value[0, 5, 5] = 98
    assert not problem("some/golden", "picture", value, want)
    assert not problem("some/golden", "picture", want + 1, want)


def test_decibels_are_over_four_standard_deviations() -> None:
    want = torch.tensor([-1.0, 1.0]).repeat(500)
    assert abs(decibels(want + 0.4, want) - 20) < 0.02
    assert decibels(want, want) > 250

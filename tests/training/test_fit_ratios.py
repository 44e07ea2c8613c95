"""The lines that bring our openings to the original's scale."""

from __future__ import annotations

import pytest
import torch

from sadtalker_core.training.fit_ratios import Openings, errors_of, fit_line, fit_slope, line


def clip(slope: float, rest: float, seed: int, count: int = 60) -> Openings:
    ours = torch.rand(count, generator=torch.Generator().manual_seed(seed)).double() * 0.4
    return Openings(f"clip {seed}", ours, line(slope, rest, ours))


def test_the_line_that_made_the_ratios_is_found() -> None:
    slope, rest = fit_line([clip(1.5, 0.12, 0), clip(1.5, 0.12, 1, 9)])
    assert slope == pytest.approx(1.5, abs=1e-6)
    assert rest == pytest.approx(0.12)
    assert errors_of(clip(1.5, 0.12, 2), slope, rest) == pytest.approx((0, 1), abs=1e-6)


def test_every_clip_counts_alike() -> None:
    long, short = clip(1.0, 0.0, 0, 400), clip(2.0, 0.0, 1, 40)
    assert 1.3 < fit_line([long, short])[0] < 1.7


def test_the_slope_of_lips_is_that_of_open_ones() -> None:
    closed = Openings("closed", torch.full((500,), 0.15).double(), torch.zeros(500).double())
    assert fit_slope([closed, clip(1.4, 0.06, 3)], 0.06) == pytest.approx(1.4)

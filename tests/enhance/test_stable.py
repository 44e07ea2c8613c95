"""Steady crops and calm detail."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.enhance.stable import (
    CalmDetail,
    Place,
    Sight,
    place_of,
    reach_of,
    without_colour,
)

FPS = Fraction(25)


def sight(x: float, trust: float = 1.0) -> Sight:
    points = torch.tensor([[x, 0.0], [x + 20, 0], [x + 10, 10], [x + 3, 20], [x + 17, 20]])
    return Sight(points, points.clone(), 40.0, trust)


def place(
    row: list[Sight | None], current: int, steady: float = 0.7, start: bool = True, end: bool = True
) -> Place:
    found = place_of(row, current, steady, FPS, is_start=start, is_end=end)
    assert found is not None
    return found


def test_trembling_points_are_calmed_without_lag() -> None:
    shaken: list[Sight | None] = [sight(50 + (-1) ** i) for i in range(15)]
    assert abs(float(place(shaken, 7).points_px[0, 0]) - 50) < 0.3
    walking: list[Sight | None] = [sight(2.0 * i) for i in range(15)]
    assert float(place(walking, 7).points_px[0, 0]) == pytest.approx(14, abs=1e-3)
    assert float(place(shaken, 7, steady=0).points_px[0, 0]) == 49


def test_another_shot_is_never_mixed_in() -> None:
    row: list[Sight | None] = [*(sight(0) for _ in range(5)), *(sight(300) for _ in range(5))]
    assert float(place(row, 4).points_px[0, 0]) == pytest.approx(0, abs=1e-4)
    first = place(row, 5)
    assert float(first.points_px[0, 0]) == pytest.approx(300, abs=1e-3)
    assert first.begins
    assert first.strength == pytest.approx(1)  # a cut is no reason to fade
    assert not place(row, 6).begins


def test_strength_rises_and_falls_around_a_gap() -> None:
    row: list[Sight | None] = [sight(0)] * 6 + [None] * 3 + [sight(0)] * 6
    strengths = [place(row, i).strength for i in range(6)]
    assert strengths[0] == pytest.approx(1)
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[-1] == pytest.approx(0.2)
    assert place(row, 9).strength == pytest.approx(0.2)
    assert place(row, 9).begins
    assert place_of(row, 7, 0.7, FPS, is_start=True, is_end=True) is None


def test_the_ends_of_the_video_do_not_fade() -> None:
    row: list[Sight | None] = [sight(0)] * 4
    assert place(row, 0).strength == pytest.approx(1)
    assert place(row, 3).strength == pytest.approx(1)
    assert place(row, 0, start=False).strength < 1
    assert place(row, 3, end=False).strength < 1


def test_a_face_in_profile_is_not_trusted() -> None:
    assert place([sight(0, 0.0)], 0).strength == 0


def test_reach_covers_what_is_smoothed() -> None:
    assert reach_of(0, FPS) == 0
    assert reach_of(0.7, FPS) >= 5
    assert reach_of(1, Fraction(50)) > reach_of(1, FPS)


def grey(level: float = 100.0) -> Tensor:
    return torch.full((1, 3, 64, 64), level)


def test_detail_over_a_face_at_rest_is_averaged() -> None:
    generator = torch.Generator().manual_seed(0)
    calm, plain = CalmDetail(1.0), CalmDetail(0.0)
    kept: list[Tensor] = []
    loose: list[Tensor] = []
    for i in range(12):
        change = 10 * torch.randn(1, 3, 64, 64, generator=generator)
        kept.append(calm.next(grey(), change, i == 0))
        loose.append(plain.next(grey(), change, i == 0))
        assert torch.equal(loose[-1], change)
    steps = torch.stack(kept).diff(dim=0).abs().mean()
    assert float(steps) < 0.15 * float(torch.stack(loose).diff(dim=0).abs().mean())


def test_detail_follows_where_the_picture_moves_and_forgets_at_a_cut() -> None:
    calm = CalmDetail(1.0)
    calm.next(grey(), grey(0), True)
    half = grey()
    half[..., 32:] = 180  # something moved on the right
    after = calm.next(half, grey(10), False)
    assert float(after[..., 48:].mean()) > 2 * float(after[..., :16].mean())
    assert torch.equal(calm.next(half, grey(7), True), grey(7))


def test_colour_is_taken_out_and_detail_stays() -> None:
    change = grey(12.0)
    change[..., ::2] += 8
    change[..., 1::2] -= 8
    rest = without_colour(change)
    assert abs(float(rest.mean())) < 0.01
    assert float(rest[..., ::2].mean()) == pytest.approx(8, abs=0.1)

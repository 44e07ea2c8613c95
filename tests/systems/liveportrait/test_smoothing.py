"""Smoothing against the same estimate found at once, as the solution of linear equations."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sadtalker_core.systems.liveportrait.smoothing import OneEuro, smoothed

PROCESS = 1e-5


def rows(count: int, *shape: int) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0)) * 0.05


def at_once(seen: Tensor, variance: float, process: float = PROCESS) -> Tensor:
    """The likeliest walk: first value near the first row with variance 1, steps, noise."""
    count = len(seen)
    seen = seen.double()
    system = torch.eye(count, dtype=torch.float64) / variance
    right = seen / variance
    system[0, 0] += 1.0
    right[0] = right[0] + seen[0]
    for k in range(count - 1):
        system[k, k] += 1 / process
        system[k + 1, k + 1] += 1 / process
        system[k, k + 1] -= 1 / process
        system[k + 1, k] -= 1 / process
    return torch.linalg.solve(system, right)


def test_is_the_likeliest_walk() -> None:
    for variance in (3e-7, 1e-5, 1e-3):
        seen = rows(40, 7)
        want = at_once(seen, variance).float()
        torch.testing.assert_close(smoothed(seen, variance), want, atol=1e-7, rtol=0)
    calm = smoothed(rows(12, 2), 1e-4, process_variance=1e-3)
    torch.testing.assert_close(calm, at_once(rows(12, 2), 1e-4, 1e-3).float(), atol=1e-7, rtol=0)


def test_more_noise_means_calmer_rows() -> None:
    def jitter(value: Tensor) -> float:
        return float(value.diff(dim=0).square().mean())

    seen = rows(60, 21, 3)
    sizes = [jitter(smoothed(seen, variance)) for variance in (0.0, 3e-7, 1e-5, 1e-3)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 100 * sizes[-1]


def test_nothing_to_smooth() -> None:
    seen = rows(5, 3, 3)
    assert torch.equal(smoothed(seen, 0.0), seen)
    assert torch.equal(smoothed(seen[:0], 1e-3), seen[:0])
    torch.testing.assert_close(smoothed(seen[:1], 1e-3), seen[:1])
    held = seen[:1].expand(9, 3, 3)
    torch.testing.assert_close(smoothed(held, 1e-3), held)


def test_argument_and_shape_stay() -> None:
    seen = rows(8, 3, 3)
    before = seen.clone()
    assert smoothed(seen, 1e-4).shape == seen.shape
    assert smoothed(seen, 1e-4).dtype == torch.float32
    assert torch.equal(seen, before)


def test_one_euro_begins_with_its_input_and_follows_a_jump() -> None:
    calm = OneEuro()
    seen = torch.cat([torch.zeros(5, 2), torch.ones(30, 2)])
    found = calm.over(seen)
    assert torch.equal(found[:5], seen[:5])
    assert bool((found.diff(dim=0) >= 0).all())
    # first step after the jump, by hand
    share = 1 / (1 + 30 / (2 * math.pi))
    speed = share * 30.0
    share = 1 / (1 + 30 / (2 * math.pi * (4.0 + 0.3 * speed)))
    torch.testing.assert_close(found[5], torch.full((2,), share))
    assert float(found[-1, 0]) > 0.99


def test_one_euro_knows_no_direction() -> None:
    seen = rows(10, 4)
    torch.testing.assert_close(OneEuro().over(-seen), -OneEuro().over(seen))


def test_one_euro_row_by_row() -> None:
    calm, seen = OneEuro(rate_hz=25.0, cutoff_hz=1.0, slope=0.0), rows(10, 4)
    state = None
    for row, want in zip(seen, calm.over(seen)):
        state = calm.step(row, state)
        assert torch.equal(state.value, want)
    share = 1 / (1 + 25 / (2 * math.pi))
    torch.testing.assert_close(calm.over(seen)[1], share * seen[1] + (1 - share) * seen[0])
    assert OneEuro().over(seen[:0]).shape == (0, 4)

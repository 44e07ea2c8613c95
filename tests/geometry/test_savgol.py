"""Smoothing by local polynomials."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sadtalker_core.geometry.savgol import savgol


def test_a_parabola_stays_as_it_is() -> None:
    t = torch.arange(20.0)
    values = torch.stack([0.3 * t * t - 2 * t + 1, 5 - t], 1)
    torch.testing.assert_close(savgol(values, 7, 2), values, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("length", "window"), [(20, 7), (7, 7), (8, 5), (40, 13)])
def test_each_row_is_read_from_its_own_fit(length: int, window: int) -> None:
    values = torch.randn(length, 2, generator=torch.Generator().manual_seed(3))
    half = window // 2
    wanted = np.zeros((length, 2))
    for row in range(length):
        first = min(max(0, row - half), length - window)
        t = np.arange(first, first + window)
        for column in range(2):
            fit = np.polyfit(t - row, values[first : first + window, column].double().numpy(), 2)
            wanted[row, column] = fit[-1]
    torch.testing.assert_close(
        savgol(values, window, 2).double(), torch.from_numpy(wanted).double(), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("window", [4, 1, 9])
def test_impossible_windows_are_refused(window: int) -> None:
    with pytest.raises(ValueError, match="window must be odd"):
        savgol(torch.zeros(8, 1), window, 2)

"""Savitzky-Golay smoothing over time, as ``scipy.signal.savgol_filter`` with edge mode interp."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def savgol(values: Tensor, window: int, order: int) -> Tensor:
    """Replace each row by the value of a polynomial fitted to the rows around it.

    The first and last ``window // 2`` rows are read from the fit to the first and last ``window``
    rows. Sums are made in float64 where the device has it.

    Args:
        values: (T, C) with T >= window.
        window: odd number of rows in each fit.
        order: of the polynomial, below ``window``.

    Returns:
        (T, C) of the type of ``values``.

    Raises:
        ValueError: the window is even, longer than T, or not above the order.
    """
    length = values.shape[0]
    if window % 2 == 0 or not order < window <= length:
        raise ValueError(
            f"the window must be odd, above order {order} and at most {length}, got {window}."
        )
    half = window // 2
    wide = torch.float32 if values.device.type == "mps" else torch.float64
    rows = values.to(wide)
    fit = torch.from_numpy(_fit_matrix(window, order)).to(rows)
    inner = torch.zeros_like(rows[: length - 2 * half])
    for step in range(window):  # shifted sums: memory stays that of the values
        inner = inner + fit[half, step] * rows[step : step + inner.shape[0]]
    first = fit[:half] @ rows[:window]
    last = fit[half + 1 :] @ rows[length - window :]
    return torch.cat([first, inner, last]).to(values.dtype)


def _fit_matrix(window: int, order: int) -> np.ndarray:
    """(window, window): values to the values of their least-squares polynomial."""
    # powers of numbers within [-1, 1] keep the fit well conditioned
    powers = np.vander(np.linspace(-1.0, 1.0, window), order + 1)
    return powers @ np.linalg.pinv(powers)

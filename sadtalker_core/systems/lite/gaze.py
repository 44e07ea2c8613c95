"""Eye movement: fixations and small jumps between them, and eyes that stay on the viewer."""

from __future__ import annotations

import numpy as np
import torch

from .curves import RATE_HZ, Curve, Draws, add_move

_EYE_RADIUS = 0.13  # of an eyeball, in E: a turn of 1 rad moves the iris this far
_KEPT = 0.8  # share of a head turn that the eyes undo to stay on the viewer
_JUMP_S = 0.045


def eye_shift(
    pitch: Curve, yaw: Curve, amount: float, generator: torch.Generator
) -> tuple[Curve, Curve]:
    """Shift x, y (R,) of the irises in E, for ``amount`` 1 within about 0.04."""
    draws = Draws(generator)
    rows = len(yaw)
    speed_x, speed_y = np.zeros(rows), np.zeros(rows)
    now = (0.0, 0.0)
    moment = draws.uniform(0.3, 1.2)
    while moment < rows / RATE_HZ:
        if draws.chance(0.16):  # a glance aside
            following = (draws.normal(0.022), draws.normal(0.010))
            stay = draws.uniform(0.35, 0.9)
        else:  # between the eyes and the mouth of the viewer
            following = (draws.normal(0.006), draws.normal(0.004))
            stay = draws.uniform(0.5, 2.4)
        add_move(speed_x, moment, _JUMP_S, following[0] - now[0])
        add_move(speed_y, moment, _JUMP_S, following[1] - now[1])
        now = following
        moment += stay
    x = np.cumsum(speed_x) - _EYE_RADIUS * _KEPT * yaw
    y = np.cumsum(speed_y) - _EYE_RADIUS * _KEPT * pitch
    return (amount * x).astype(np.float32), (amount * y).astype(np.float32)

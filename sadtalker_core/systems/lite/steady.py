"""Tracked numbers over time: gaps bridged, trembling taken out, limits approached softly."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor

_EASE_S = 0.3  # how long before a lost face is found again its numbers move there
_NOISE = 2.5  # a deviation of so many times the noise is half kept

# What the renderer can show of each control of ``LiteMotion``.
LIMITS = {
    "open": (-0.20, 0.18),
    "width": (-0.20, 0.20),
    "corners": (-0.08, 0.08),
    "pucker": (0.0, 1.0),
    "jaw": (-0.10, 0.22),
    "press": (0.0, 1.0),
    "lids": (-0.3, 1.0),
    "gaze": (-0.08, 0.08),
    "brows": (-0.12, 0.12),
    "rotation_rad": (-0.5, 0.5),
    "translation": (-0.3, 0.3),
}
# Of the last column: looking up and down, growing.
_LAST = {"gaze": (-0.05, 0.05), "translation": (-0.3, 0.6)}


def shown(name: str, values: Tensor) -> Tensor:
    """Values of the control ``name`` of ``LiteMotion``, within what the renderer can show."""
    if name == "lids":  # a shut eye is shut
        return values.clamp(*LIMITS[name])
    if name in _LAST:  # another limit than that of the columns before
        first, last = soft_limited(values, *LIMITS[name]), soft_limited(values, *_LAST[name])
        return torch.cat((first[..., :-1], last[..., -1:]), -1)
    return soft_limited(values, *LIMITS[name])


def bridged(values: Tensor, valid: Tensor, fps: Fraction) -> Tensor:
    """(T, ...) values, those that are not valid replaced.

    What came before is held, and over the last 0.3 s of the gap goes smoothly to what comes after;
    gaps at the ends hold their neighbour.

    Args:
        values: (T, ...).
        valid: (T,) bool; with none valid the values are given back.
        fps: frames per second.
    """
    good = torch.nonzero(valid)[:, 0]
    if len(good) in (0, len(valid)):
        return values
    places = torch.arange(len(valid))
    after = torch.searchsorted(good, places).clamp(max=len(good) - 1)
    right = good[after]
    left = torch.where(right > places, good[(after - 1).clamp(min=0)], right)
    left = torch.where(places < good[0], good[0], left)
    gap = right - left
    ease = gap.clamp(max=max(1, round(_EASE_S * float(fps)) + 1)).clamp(min=1)
    t = ((places - (right - ease)).to(values) / ease).clamp(0, 1)
    t = (t * t * (3 - 2 * t)).reshape(-1, *(1 for _ in values.shape[1:]))
    return values[left] + (values[right] - values[left]) * t


def steadied(values: Tensor, fps: Fraction, seconds: float) -> Tensor:
    """(T, ...) values without trembling: smoothed where they only tremble, kept where they move.

    The noise of each column is measured on the clip itself, from how far rows lie from the middle
    of their neighbours.

    Args:
        values: (T, ...).
        fps: frames per second.
        seconds: standard deviation of the smoothing; 0 leaves everything as it is.
    """
    sigma = seconds * float(fps)
    if sigma < 0.05 or len(values) < 3:
        return values
    flat = values.reshape(len(values), -1).double()
    reach = max(1, math.ceil(3 * sigma))
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (steps / sigma).square())
    kernel = kernel / kernel.sum()
    wide = torch.cat((flat[:1].expand(reach, -1), flat, flat[-1:].expand(reach, -1)))
    calm = torch.nn.functional.conv1d(wide.T[:, None], kernel[None, None])[:, 0].T
    offside = (flat[1:-1] - (flat[2:] + flat[:-2]) / 2).abs()
    noise = 1.4826 * offside.median(0).values / math.sqrt(1.5)
    off = flat - calm
    kept = off.square() / (off.square() + (_NOISE * noise).square() + 1e-12)
    return (calm + kept * off).to(values).reshape(values.shape)


def soft_limited(values: Tensor, low: float, high: float, knee: float = 0.7) -> Tensor:
    """Values within limits on both sides of 0: free up to 70 % of a limit, then nearing it."""

    def one_side(size: Tensor, limit: float) -> Tensor:
        if limit <= 0:
            return torch.zeros_like(size)
        start, room = knee * limit, (1 - knee) * limit
        return torch.where(size > start, start + room * torch.tanh((size - start) / room), size)

    up, down = values.clamp(min=0), (-values).clamp(min=0)
    return one_side(up, high) - one_side(down, -low)

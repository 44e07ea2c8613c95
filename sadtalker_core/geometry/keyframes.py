"""Numbers that change over time, written as text: ``12`` or ``0:0, 1.5:10, 3:0``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import OptionError
from ..options import option_specs, shortened


@dataclass(frozen=True)
class Keyframes:
    """Values at times; between them the curve moves smoothly and never overshoots.

    Attributes:
        times_s: seconds, rising.
        values: one for each time.
    """

    times_s: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, times_s: Tensor) -> Tensor:
        """(T,) float64 values at (T,) seconds; before the first and after the last, theirs."""
        if len(self.values) == 1:
            return torch.full_like(times_s, self.values[0], dtype=torch.float64)
        knots = torch.tensor(self.times_s, dtype=torch.float64)
        values = torch.tensor(self.values, dtype=torch.float64)
        slopes = _monotone_slopes(knots, values)
        moments = times_s.double().clamp(self.times_s[0], self.times_s[-1])
        left = (torch.searchsorted(knots, moments, right=True) - 1).clamp(0, len(knots) - 2)
        span = knots[left + 1] - knots[left]
        u = (moments - knots[left]) / span
        return (  # cubic Hermite form
            (2 * u**3 - 3 * u**2 + 1) * values[left]
            + (u**3 - 2 * u**2 + u) * span * slopes[left]
            + (3 * u**2 - 2 * u**3) * values[left + 1]
            + (u**3 - u**2) * span * slopes[left + 1]
        )


def parse_keyframes(name: str, text: str, low: float, high: float) -> Keyframes | None:
    """Read a number or a list of ``seconds:value`` pairs; empty text gives None.

    An ``s`` after the seconds is allowed: ``0s:0, 1.5s:10``.

    Args:
        name: of the option, for messages.
        text: what the user wrote.
        low: smallest allowed value.
        high: largest allowed value.

    Raises:
        OptionError: the text is not of this form, times do not rise, or a value is out of range.
    """
    if not text.strip():
        return None
    if ":" not in text:
        return Keyframes((0.0,), (_value(name, text, text, low, high),))
    times: list[float] = []
    values: list[float] = []
    for part in text.split(","):
        if not part.strip():
            continue
        time_text, separator, value_text = part.partition(":")
        if not separator:
            raise OptionError(
                f"{name} has {shortened(part.strip())} without a colon; "
                "write seconds:value pairs such as 0:0, 1.5:10, 3:0."
            )
        moment = _number(name, time_text.strip().removesuffix("s"), part)
        if moment < 0:
            raise OptionError(f"{name} has the time {moment:g} s; times begin at 0.")
        if times and moment <= times[-1]:
            raise OptionError(
                f"{name} has the time {moment:g} s after {times[-1]:g} s; times must rise."
            )
        times.append(moment)
        values.append(_value(name, value_text, part, low, high))
    return Keyframes(tuple(times), tuple(values))


def last_keyframe(options: Any) -> float:
    """Seconds at which the last keyframe of all keyframe options stands; 0 without any.

    Raises ``OptionError`` for a text that is no number and no list of keyframes.
    """
    ends = [frames.times_s[-1] for frames in _keyframes(options).values()]
    return max(ends, default=0.0)


def slider_curves(options: Any, times_s: Tensor) -> dict[str, Tensor]:
    """Every keyframe option of ``options`` that is not empty, at (T,) seconds.

    Args:
        options: a dataclass with options that take keyframes, such as ``ExpressionSliders``.
        times_s: (T,) seconds.

    Returns:
        (T,) float64 by name of the option.

    Raises:
        OptionError: see ``parse_keyframes``.
    """
    return {name: frames.at(times_s) for name, frames in _keyframes(options).items()}


def _keyframes(options: Any) -> dict[str, Keyframes]:
    """Of every keyframe option that is not empty."""
    found: dict[str, Keyframes] = {}
    for spec in option_specs(type(options)):
        if not spec.keyframes:
            continue
        low = -math.inf if spec.low is None else spec.low
        high = math.inf if spec.high is None else spec.high
        keyframes = parse_keyframes(spec.name, getattr(options, spec.name), low, high)
        if keyframes is not None:
            found[spec.name] = keyframes
    return found


def _value(name: str, text: str, part: str, low: float, high: float) -> float:
    value = _number(name, text, part)
    if not low <= value <= high:
        raise OptionError(f"{name} has the value {value:g}, allowed is {low:g} to {high:g}.")
    return value


def _number(name: str, text: str, part: str) -> float:
    try:
        number = float(text.strip())
    except ValueError:
        raise OptionError(
            f"{name} has {shortened(part.strip())}, which is not a number; "
            "write a number such as 12, or seconds:value pairs such as 0:0, 1.5:10, 3:0."
        ) from None
    if not math.isfinite(number):
        raise OptionError(f"{name} has {shortened(part.strip())}; numbers must be finite.")
    return number


def _monotone_slopes(knots: Tensor, values: Tensor) -> Tensor:
    """Slopes at the knots after Fritsch and Carlson (1980): zero where the curve turns."""
    steps = (values[1:] - values[:-1]) / (knots[1:] - knots[:-1])
    slopes = torch.zeros_like(values)
    if len(values) > 2:
        before, after = steps[:-1], steps[1:]
        same_way = before * after > 0
        mean = 2 * before * after / (before + after).where(same_way, torch.ones_like(before))
        slopes[1:-1] = torch.where(same_way, mean, torch.zeros_like(mean))
    return slopes

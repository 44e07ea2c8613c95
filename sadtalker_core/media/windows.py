"""Times that cut a part out of a recording."""

from __future__ import annotations

import math
from fractions import Fraction

from ..errors import OptionError

_MICROSECONDS = 1_000_000  # a float says no more about a time than this


def as_seconds(value: Fraction | float) -> Fraction:
    """A time as an exact number; 0.1 is a tenth, not the nearest float."""
    if isinstance(value, Fraction):
        return value
    return Fraction(value).limit_denominator(_MICROSECONDS)


def check_window(start_s: Fraction | float | None, duration_s: Fraction | float | None) -> None:
    """Raise ``OptionError`` unless the start is 0 or later and the duration above 0."""
    if start_s is not None and not (math.isfinite(start_s) and start_s >= 0):
        raise OptionError(f"start_s must be 0 seconds or later, got {start_s}.")
    if duration_s is not None and not (math.isfinite(duration_s) and duration_s > 0):
        raise OptionError(f"duration_s must be above 0 seconds, got {duration_s}.")

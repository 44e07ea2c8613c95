"""Plain values, such as flags, TOML and JSON give them, in the types of options."""

from __future__ import annotations

import difflib
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..options import OptionSpec, check_value

FPS_LOW, FPS_HIGH = 12, 120

# What people write for the rates of American television, and what those rates are.
_NTSC = {
    "23.976": Fraction(24000, 1001),
    "23.98": Fraction(24000, 1001),
    "29.97": Fraction(30000, 1001),
    "47.952": Fraction(48000, 1001),
    "59.94": Fraction(60000, 1001),
    "119.88": Fraction(120000, 1001),
}


def parse_fps(text: str) -> Fraction:
    """Frames per second from text: ``25``, ``23.976``, ``30000/1001``.

    Raises:
        OptionError: not a number, or outside 12 to 120.
    """
    cleaned = text.strip()
    try:
        fps = _NTSC.get(cleaned) or Fraction(cleaned)
    except (ValueError, ZeroDivisionError):
        raise OptionError(
            f"fps must be a number such as 25, 29.97 or 30000/1001, got {text!r}."
        ) from None
    if not FPS_LOW <= fps <= FPS_HIGH:
        raise OptionError(f"fps is {text.strip()}, allowed is {FPS_LOW} to {FPS_HIGH}.")
    # Containers store time in 32 bits.
    return fps.limit_denominator(100_000)


def read_value(spec: OptionSpec, value: Any) -> Any:
    """A value from a flag or a file in the type of its option.

    Raises:
        OptionError: it cannot be read as that, or lies outside the range.
    """
    if isinstance(value, str) and spec.kind is not str:
        value = _from_text(spec, value.strip())
    elif spec.kind is str and _is_number(value):
        value = str(value)  # yaw = 10, fps = 30
    elif spec.kind is str and spec.keyframes and isinstance(value, (list, tuple)):
        value = _keyframe_text(spec, value)
    elif spec.kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    check_value(spec, value)
    return float(value) if spec.kind is float and value is not None else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _from_text(spec: OptionSpec, text: str) -> Any:
    lowered = text.lower()
    if spec.optional and lowered in ("none", "auto", ""):
        return None
    if spec.kind is bool:
        if lowered in ("true", "yes", "on", "1"):
            return True
        if lowered in ("false", "no", "off", "0"):
            return False
        raise OptionError(f"{spec.name} must be true or false, got {text!r}.")
    try:
        return spec.kind(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan if lowered == "nan" else None
    if number is not None and number.is_integer():
        return int(number)
    word = "a whole number" if spec.kind is int else "a number"
    raise OptionError(f"{spec.name} must be {word}, got {text!r}.")


def _keyframe_text(spec: OptionSpec, pairs: list[Any] | tuple[Any, ...]) -> str:
    texts: list[str] = []
    for pair in pairs:
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and all(map(_is_number, pair))):
            raise OptionError(
                f"{spec.name} must be a number, text such as '0:0, 1.5:10', or a list of "
                f"[seconds, value] pairs; got {pair!r} in it."
            )
        texts.append(f"{pair[0]}:{pair[1]}")
    return ", ".join(texts)


def read_path(name: str, value: Any) -> Path:
    """The path of a file from text. Raises ``OptionError`` when it is none."""
    if not isinstance(value, (str, Path)) or not str(value):
        raise OptionError(f"{name} must be the path of a file, got {value!r}.")
    if "\0" in str(value):
        raise OptionError(f"{name} has a NUL character in its path.")
    return Path(value).expanduser()


def suggest(name: str, known: Any) -> str:
    """``; did you mean ...?`` for the nearest known name, or nothing."""
    close = difflib.get_close_matches(name.replace("-", "_"), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""

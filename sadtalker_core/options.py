"""Options as data: one frozen dataclass per stage, from which every host builds its controls.

    @dataclass(frozen=True)
    class BlinkOptions:
        blink: bool = option(True, help="Blink at human rates.")
        every: float = option(4.0, low=0.5, high=60.0, unit="s", help="Mean time between blinks.")

Call ``check_options(self)`` in ``__post_init__``: then a dataclass with a wrong value cannot exist.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .errors import OptionError

QUOTED_LENGTH = 60  # of a wrong text that a message repeats
_KEY = "talking_portraits.option"


@dataclass(frozen=True)
class OptionSpec:
    """What a host needs to know of one option. Made from a dataclass field by ``option_specs``."""

    name: str
    kind: type  # bool, int, float or str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False  # None is allowed
    advanced: bool = False  # folded away where a host can
    keyframes: bool = False  # a number, or keyframes "0:0, 1.5s:10, 3s:0"


def option(
    default: Any,
    *,
    help: str,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: Sequence[str] = (),
    advanced: bool = False,
    keyframes: bool = False,
) -> Any:
    """A dataclass field that is also a control: default, inclusive range, unit, help.

    ``keyframes`` marks a ``str`` field whose text is a number or a list of ``time:value`` pairs.
    """
    meta = dict(
        help=help,
        low=low,
        high=high,
        unit=unit,
        choices=tuple(choices),
        advanced=advanced,
        keyframes=keyframes,
    )
    return dataclasses.field(default=default, metadata={_KEY: meta})


def same_option(cls: type[Any], name: str, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that is the option ``name`` of another dataclass: its range, unit and help.

    For options that several dataclasses show, each in its own order; ``default`` may be another.
    """
    field = cls.__dataclass_fields__[name]
    default = field.default if default is dataclasses.MISSING else default
    return dataclasses.field(default=default, metadata=field.metadata)


@functools.cache
def option_specs(cls: type) -> tuple[OptionSpec, ...]:
    """The options of a dataclass in the order of its fields."""
    hints = typing.get_type_hints(cls)
    specs: list[OptionSpec] = []
    for field in dataclasses.fields(cls):
        if _KEY not in field.metadata:
            continue
        hint = hints[field.name]
        optional = False
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            arms = [arm for arm in typing.get_args(hint) if arm is not type(None)]
            optional = len(arms) < len(typing.get_args(hint))
            hint = arms[0]
        specs.append(
            OptionSpec(
                name=field.name,
                kind=hint,
                default=field.default,
                optional=optional,
                **field.metadata[_KEY],
            )
        )
    return tuple(specs)


def check_options(options: Any) -> None:
    """Raise ``OptionError`` naming the first option whose type, range or choice is wrong."""
    for spec in option_specs(type(options)):
        check_value(spec, getattr(options, spec.name))


def check_value(spec: OptionSpec, value: Any) -> None:
    """Raise ``OptionError`` if ``value`` does not fit the option."""
    if value is None and spec.optional:
        return
    wanted = (int, float) if spec.kind is float else spec.kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and spec.kind is not bool):
        raise OptionError(
            f"{spec.name} must be {_kind_word(spec.kind)}, got {shortened(value)}{_hint(spec)}."
        )
    if spec.kind in (int, float):
        _check_number(spec, typing.cast(float, value))
    if spec.choices and value not in spec.choices:
        raise OptionError(
            f"{spec.name} is {shortened(value)}, known values are: {', '.join(spec.choices)}."
        )


def shortened(value: object) -> str:
    """What a user wrote, quoted for a message; a long text is cut."""
    if isinstance(value, str):
        return repr(value if len(value) <= QUOTED_LENGTH else f"{value[:QUOTED_LENGTH]}...")
    text = repr(value)
    return text if len(text) <= QUOTED_LENGTH else f"{text[:QUOTED_LENGTH]}..."


def _check_number(spec: OptionSpec, value: float) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise OptionError(f"{spec.name} must be a finite number, got {value}{_hint(spec)}.")
    too_low = spec.low is not None and value < spec.low
    too_high = spec.high is not None and value > spec.high
    if too_low or too_high:
        raise OptionError(f"{spec.name} is {value}{spec.unit}, allowed is {_range(spec)}.")


def _kind_word(kind: type) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind]


def _range(spec: OptionSpec) -> str:
    low = "any" if spec.low is None else f"{spec.low:g}"
    high = "any" if spec.high is None else f"{spec.high:g}"
    return f"{low} to {high}{' ' + spec.unit if spec.unit else ''}"


def _hint(spec: OptionSpec) -> str:
    return f" (allowed: {_range(spec)})" if spec.low is not None or spec.high is not None else ""

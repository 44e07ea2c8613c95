"""Node schemas from the library's option dataclasses: the same names, ranges, defaults and help as
the command line has."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from ..sadtalker_core.options import OptionSpec, option_specs
from .host import io

_T = TypeVar("_T")

ROOT = "talking portraits"
PREFIX = "TalkingPortraits"
SEED_MAX = 0xFFFFFFFF
NOT_SET = -1  # of numbers that may be left out: widgets have no empty state


def node_schema(
    name: str,
    display_name: str,
    where: str,
    description: str,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    *,
    aliases: Sequence[str] = (),
    is_output_node: bool = False,
    hidden: Sequence[Any] | None = None,
) -> Any:
    """A schema that this ComfyUI understands; what it does not know yet is left out.

    Args:
        name: id of the node, with or without ``TalkingPortraits`` before it.
        display_name: for people.
        where: sub-menu below ``talking portraits``; empty for the menu itself.
        description: one or two sentences.
        inputs: its inputs, required ones first.
        outputs: its outputs.
        aliases: other words that people search for.
        is_output_node: whether it can be queued by itself.
        hidden: what it wants to know of the host.
    """
    facts: dict[str, Any] = dict(
        node_id=name if name.startswith(PREFIX) else PREFIX + name,
        display_name=display_name,
        category=f"{ROOT}/{where}" if where else ROOT,
        description=description,
        inputs=list(inputs),
        outputs=list(outputs),
        search_aliases=list(aliases),
        is_output_node=is_output_node,
        hidden=None if hidden is None else list(hidden),
    )
    known = {field.name for field in dataclasses.fields(io.Schema)}
    return io.Schema(**{name: value for name, value in facts.items() if name in known})


def option_inputs(
    options: type[Any],
    only: Collection[str] | None = None,
    without: Collection[str] = (),
    **changes: Any,
) -> list[Any]:
    """Inputs for the options of a dataclass, in the order of its fields.

    Args:
        options: a dataclass of ``option(...)`` fields.
        only: names to take; None takes all.
        without: names to leave out.
        **changes: other defaults by name.
    """
    return [
        option_input(spec, changes.get(spec.name, spec.default))
        for spec in option_specs(options)
        if (only is None or spec.name in only) and spec.name not in without
    ]


def option_input(spec: OptionSpec, default: Any) -> Any:
    """One option as an input with a widget."""
    tooltip = spec.help
    if spec.unit:
        tooltip += f" In {spec.unit}."
    shared: dict[str, Any] = dict(tooltip=tooltip)
    if spec.choices:
        made = io.Combo.Input(spec.name, options=list(spec.choices), default=default, **shared)
    elif spec.kind is bool:
        made = io.Boolean.Input(spec.name, default=default, **shared)
    elif spec.kind is str:
        made = io.String.Input(spec.name, default=default, multiline=False, **shared)
    else:
        made = _number(spec, default, shared)
    return folded(made) if spec.advanced else made


def _number(spec: OptionSpec, default: Any, shared: dict[str, Any]) -> Any:
    low = spec.low
    if spec.optional:
        low = NOT_SET
        default = NOT_SET if default is None else default
        shared["tooltip"] += f" {NOT_SET} leaves it out."
    if spec.kind is int:
        bounds = dict(min=_whole(low, -(1 << 31)), max=_whole(spec.high, 1 << 31), step=1)
        return io.Int.Input(spec.name, default=default, **bounds, **shared)
    span = (spec.high - low) if spec.high is not None and low is not None else 0.0
    step = 0.001 if 0 < span <= 0.5 else 0.01 if span <= 10 else 0.1 if span <= 100 else 1.0
    while not math.isclose(default / step, round(default / step), abs_tol=1e-9):
        step = float(f"{step / 10:.0e}")  # the widget keeps multiples of its step alone
    if 0 < default < 10 * step:
        step = float(f"{step / 10:.0e}")
    low = -1e6 if low is None else float(low)
    high = 1e6 if spec.high is None else float(spec.high)
    return io.Float.Input(spec.name, default=default, min=low, max=high, step=step, **shared)


def _whole(value: float | None, otherwise: int) -> int:
    return otherwise if value is None else int(value)


def folded(made: Any) -> Any:
    """The same input, folded away under "advanced" where the frontend knows that."""
    made.advanced = True  # what newer versions read
    if not _knows_advanced(type(made)):
        plain = made.as_dict

        def with_mark() -> dict[str, Any]:
            return {**plain(), "advanced": True}

        made.as_dict = with_mark
    return made


def _knows_advanced(kind: type) -> bool:
    return "advanced" in inspect.signature(kind.__init__).parameters


def optional(made: Any) -> Any:
    """The same input as one that may stay unconnected."""
    made.optional = True
    return made


def seed_input() -> Any:
    """The seed of all chance in a node; its widget counts on after each run."""
    return io.Int.Input(
        "seed",
        default=0,
        min=0,
        max=SEED_MAX,
        control_after_generate=True,
        tooltip="Seed of all chance: the same seed gives the same motion.",
    )


def fps_input(default: float = 25.0) -> Any:
    """Frames per second of what a node makes."""
    return io.Float.Input(
        "fps",
        default=default,
        min=1.0,
        max=120.0,
        step=0.001,
        tooltip="Frames per second. 23.976, 29.97 and 59.94 mean the exact broadcast rates.",
    )


def options_from(options: type[_T], values: Mapping[str, Any]) -> _T:
    """An option dataclass from a node's values; names that are not its own are passed over.

    Raises:
        OptionError: a value is out of its range or cannot be understood.
    """
    found: dict[str, Any] = {}
    for spec in option_specs(options):
        if spec.name not in values:
            continue
        value = values[spec.name]
        if spec.optional and spec.kind in (int, float) and value == NOT_SET:
            value = None
        found[spec.name] = float(value) if spec.kind is float and value is not None else value
    return options(**found)

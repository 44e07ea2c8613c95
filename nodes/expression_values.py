"""Expressions as they travel between nodes, and as sliders show them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.expression_sliders import ExpressionSliders
from ..sadtalker_core.options import OptionSpec, option_specs
from .host import io

VERSION = 1
# A widget is always somewhere, so leaving a part alone needs a place on it: for most sliders that
# is 0, where nothing changes.
_NEUTRAL = {"mov_z": 1.0, "eyes_open_ratio": -0.01, "lip_open_ratio": -0.01}
SPECS: dict[str, OptionSpec] = {spec.name: spec for spec in option_specs(ExpressionSliders)}


def neutral_of(name: str) -> float:
    """Where a slider's widget stands while it leaves the face alone."""
    return _NEUTRAL.get(name, 0.0)


def _range(name: str) -> tuple[float, float]:
    low, high = SPECS[name].low, SPECS[name].high
    assert low is not None, name
    assert high is not None, name
    return float(low), float(high)


def slider_inputs(*names: str) -> list[Any]:
    """Sliders as widgets; all of them without names."""
    made: list[Any] = []
    for spec in SPECS.values():
        if names and spec.name not in names:
            continue
        low, high = _range(spec.name)
        neutral = neutral_of(spec.name)
        tooltip = spec.help
        if neutral < low:
            tooltip += " At the left end it is left as it is."
        made.append(
            io.Float.Input(
                spec.name,
                default=neutral,
                min=min(low, neutral),
                max=high,
                step=0.5 if high - low > 10 else 0.01,
                display_mode=io.NumberDisplay.slider,
                tooltip=tooltip,
            )
        )
    return made


def sliders_of(values: Mapping[str, Any]) -> ExpressionSliders:
    """What widgets ask for: those that stand where they leave the face alone are left out."""
    moved = {
        name: float(values[name])
        for name in SPECS
        if name in values and abs(float(values[name]) - neutral_of(name)) > 1e-6
    }
    return ExpressionSliders.of(
        **{name: value for name, value in moved.items() if not _is_left(name, value)}
    )


def _is_left(name: str, value: float) -> bool:
    """Whether an opening is below 0, where it leaves the face alone."""
    return neutral_of(name) < 0 and value < 0


def expression_dict(sliders: ExpressionSliders) -> dict[str, Any]:
    """A ``PORTRAIT_EXPRESSION``."""
    return {"type": "ExpressionSliders", "version": VERSION, **dataclasses.asdict(sliders)}


def expression_of(data: Any) -> ExpressionSliders:
    """The sliders in a ``PORTRAIT_EXPRESSION``; none without one.

    Raises:
        OptionError: it is none, or of another version.
    """
    if data is None:
        return ExpressionSliders()
    if not isinstance(data, dict) or data.get("type") != "ExpressionSliders":
        raise OptionError("an expression was expected; connect an Expression Editor.")
    if data.get("version") != VERSION:
        raise OptionError("this expression is of another version; run its node again.")
    return ExpressionSliders(**{name: data[name] for name in SPECS if name in data})


def added(base: ExpressionSliders, change: ExpressionSliders) -> ExpressionSliders:
    """Both expressions together, kept within the sliders' ranges.

    Openings are not added, the change's own counts. Keyframes stay where they are; where both have
    some, there is one at each of their times.

    Raises:
        OptionError: a text is no number and no list of keyframes.
    """
    return ExpressionSliders(
        **{name: _sum(name, getattr(base, name), getattr(change, name)) for name in SPECS}
    )


def _sum(name: str, first: str, second: str) -> str:
    if not first.strip() or not second.strip():
        return first if first.strip() else second
    if neutral_of(name) < 0:
        return second
    curves = [_keyframes(name, text) for text in (first, second)]
    times = sorted({moment for curve in curves for moment in curve.times_s})
    moments = torch.tensor(times, dtype=torch.float64)
    total = curves[0].at(moments) + curves[1].at(moments) - neutral_of(name)
    values = total.clamp(*_range(name)).tolist()
    if len(times) == 1:
        return f"{values[0]:.10g}"
    return ", ".join(f"{moment:.10g}:{value:.10g}" for moment, value in zip(times, values))


def _keyframes(name: str, text: str) -> Any:
    from ..sadtalker_core.geometry.keyframes import parse_keyframes

    return parse_keyframes(name, text, *_range(name))


def at_moment(sliders: ExpressionSliders, time_s: float) -> ExpressionSliders:
    """The expression at one moment: every slider a number, or left out."""
    from ..sadtalker_core.geometry.keyframes import slider_curves

    curves = slider_curves(sliders, torch.tensor([time_s], dtype=torch.float64))
    return ExpressionSliders.of(**{name: float(curve[0]) for name, curve in curves.items()})


def between(own: float, wanted: float, strength: float) -> float:
    """An opening so far on the way from the portrait's own to another."""
    low, high = _range("eyes_open_ratio")
    return min(max(own + strength * (wanted - own), low), high)

"""Options as data: what a field says is what is enforced."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import pytest

from sadtalker_core.cli.flags import sections
from sadtalker_core.errors import OptionError
from sadtalker_core.jobs.drive_settings import DRIVE
from sadtalker_core.jobs.relip_settings import RELIP
from sadtalker_core.jobs.settings import ANIMATE
from sadtalker_core.options import (
    OptionSpec,
    check_options,
    check_value,
    option,
    option_specs,
    same_option,
    shortened,
)


@dataclass(frozen=True)
class Sample:
    amount: float = option(1.0, low=0.0, high=2.0, unit="s", help="How much.")
    count: int = option(3, low=1, help="How many.")
    on: bool = option(True, help="Whether.")
    word: str = option("a", choices=("a", "b"), help="Which.")
    maybe: float | None = option(None, low=1.0, high=2.0, help="Perhaps.", advanced=True)
    other: int = 7  # not an option

    def __post_init__(self) -> None:
        check_options(self)


def test_specs_come_from_the_fields() -> None:
    amount, count, on, word, maybe = option_specs(Sample)
    assert (amount.name, amount.kind, amount.default, amount.low, amount.high, amount.unit) == (
        ("amount", float, 1.0, 0.0, 2.0, "s")
    )
    assert (count.kind, count.high, on.kind, word.choices) == (int, None, bool, ("a", "b"))
    assert maybe.optional
    assert maybe.advanced
    assert maybe.kind is float
    assert not amount.optional


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("amount", -0.01, "amount is -0.01s, allowed is 0 to 2 s"),
        ("amount", 2.01, "0 to 2 s"),
        ("amount", math.nan, "finite"),
        ("amount", math.inf, "finite"),
        ("amount", "1", "must be a number"),
        ("amount", True, "must be a number"),
        ("amount", None, "must be a number"),
        ("count", 0, "1 to any"),
        ("count", -(10**400), "1 to any"),
        ("count", 1.5, "whole number"),
        ("count", True, "whole number"),
        ("on", 1, "true or false"),
        ("word", "c", "known values are: a, b"),
        ("word", 3, "must be text"),
        ("maybe", 0.5, "1 to 2"),
    ],
)
def test_wrong_value_is_refused_with_a_sentence(name: str, value: object, words: str) -> None:
    with pytest.raises(OptionError, match=words.replace("(", r"\(")) as caught:
        Sample(**{name: value})  # type: ignore[arg-type]
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("amount", 0), ("amount", 2.0), ("count", 10**9), ("maybe", None), ("maybe", 1.0)],
)
def test_ends_of_a_range_are_allowed(name: str, value: object) -> None:
    assert getattr(Sample(**{name: value}), name) == value  # type: ignore[arg-type]


ALL_SPECS = [
    pytest.param(spec, id=f"{section}-{spec.name}")
    for kind in (ANIMATE, DRIVE, RELIP)
    for section, specs in sections(kind)
    for spec in specs
]


@pytest.mark.parametrize("spec", ALL_SPECS)
def test_every_option_of_the_project_is_complete(spec) -> None:
    assert spec.help.endswith((".", ")", "]")), "help is a sentence"
    assert spec.help[0].isupper() or spec.choices, "help begins like a sentence"
    assert spec.kind in (bool, int, float, str)
    check_value(spec, spec.default)
    if spec.kind is float:
        assert spec.low is not None
        assert spec.high is not None
    if spec.choices:
        assert spec.default in spec.choices


KINDS = [
    pytest.param(kind, engine, id=f"{kind.name}-{engine.id}")
    for kind in (ANIMATE, DRIVE, RELIP)
    for engine in kind.engines
]


@pytest.mark.parametrize(("kind", "engine"), KINDS)
def test_option_names_of_an_engine_are_unique(kind, engine) -> None:
    names = [spec.name for cls in kind.sections(engine).values() for spec in option_specs(cls)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("kind", "engine"), KINDS)
def test_options_are_frozen_and_check_themselves(kind, engine) -> None:
    for cls in kind.sections(engine).values():
        made = cls()
        assert dataclasses.is_dataclass(made)
        for spec in option_specs(cls):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(made, spec.name, spec.default)
            with pytest.raises(OptionError):
                cls(**{spec.name: object()})


@pytest.mark.parametrize("wrong", ["x" * 500, ["x" * 500]], ids=["text", "list"])
def test_long_wrong_values_are_cut_in_messages(wrong: object) -> None:
    for name, kind, choices in (("size", str, ("a", "b")), ("size", int, ())):
        spec = OptionSpec(name, kind, "a", "Help.", choices=choices)
        with pytest.raises(OptionError, match=r"x{50,60}\.\.\.") as caught:
            check_value(spec, wrong)
        assert len(str(caught.value)) < 140


def test_short_wrong_values_are_quoted_whole() -> None:
    assert shortened("x" * 60) == repr("x" * 60)
    assert shortened("x" * 61) == repr("x" * 60 + "...")
    assert shortened(1.5) == "1.5"


def test_an_option_of_another_dataclass_has_its_range_and_its_own_place() -> None:
    @dataclass(frozen=True)
    class Blinks:
        first: int = option(1, help="First.")
        every: float = option(4.0, low=0.5, high=60.0, unit="s", help="Time.", advanced=True)

    @dataclass(frozen=True)
    class Winks:
        every: float = same_option(Blinks, "every", 7.0)
        first: int = same_option(Blinks, "first")

    assert Winks() == Winks(7.0, 1)
    blinks, winks = option_specs(Blinks), option_specs(Winks)
    assert winks[1] == blinks[0]
    assert winks[0] == dataclasses.replace(blinks[1], default=7.0)

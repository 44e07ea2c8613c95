"""A Dropdown of gradio 3 shows titles and gives values."""

from __future__ import annotations

import types
from typing import Any

import pytest

from sadtalker_core.ui import versions

PAIRS = [("Automatic", "auto"), ("Built-in", "lite")]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Components that were asked for, as much of gradio 3's as is used."""
    found: list[Any] = []

    def make(name: str, **known: Any) -> Any:
        one = types.SimpleNamespace(name=name, preprocess=lambda x: x, postprocess=lambda x: x)
        one.__dict__.update(known)
        found.append(one)
        return one

    monkeypatch.setattr(versions, "_component", make)
    return found


def test_titles_are_shown_and_values_given(
    made: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "is_old", lambda: True)
    box = versions.component("Dropdown", choices=PAIRS, value="lite", label="Engine")
    assert (box.choices, box.value, box.label) == (["Automatic", "Built-in"], "Built-in", "Engine")
    assert box.preprocess("Automatic") == "auto"
    assert box.preprocess("lite") == "lite", "programs may name the value"
    assert box.preprocess(None) is None
    assert box.postprocess("auto") == "Automatic"
    plain = versions.component("Dropdown", choices=["a", "b"], value="b")
    assert (plain.choices, plain.value, plain.preprocess("a")) == (["a", "b"], "b", "a")


def test_newer_ones_do_it_themselves(made: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "is_old", lambda: False)
    assert versions.component("Dropdown", choices=PAIRS, value="lite").choices == PAIRS

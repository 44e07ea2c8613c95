"""Pages are told apart in gradio 3, whose requests do not say whose they are."""

from __future__ import annotations

import copy
import inspect
import types
from typing import Any

import pytest

from sadtalker_core.ui import versions, visitors
from sadtalker_core.ui.visitors import Visitor


def test_each_page_gets_a_visitor_of_its_own() -> None:
    first = Visitor()
    second, third = copy.deepcopy(first), copy.deepcopy(first)
    names = {each.session_hash for each in (first, second, third)}
    assert len(names) == 3
    assert versions.session_of(second) == second.session_hash != ""


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = types.SimpleNamespace()
    context = types.SimpleNamespace(Context=types.SimpleNamespace(root_block=made))

    def known(name: str) -> Any:
        assert name == "gradio.context"
        return context

    monkeypatch.setattr(visitors, "importlib", types.SimpleNamespace(import_module=known))
    monkeypatch.setattr(versions, "is_old", lambda: True)
    monkeypatch.setattr(versions, "_visitor_state", lambda visitor: ("state", visitor))
    return made


def _bound(fn: Any, inputs: list[Any]) -> list[Any]:
    """The inputs that gradio is given."""
    seen: dict[str, Any] = {}
    versions.on(lambda **known: seen.update(known), fn, inputs)
    return seen["inputs"]


def test_the_state_takes_the_place_of_the_request(page: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(versions, "version", lambda: (3, 41, 2))

    def first(request: Any, *values: Any) -> None: ...
    def second(known: Any, request: Any, chosen: Any) -> None: ...
    def nobody(value: Any) -> None: ...

    versions.name_parameters(versions.asks_who(first), ["a", "b"])
    versions.asks_who(second)
    begun = _bound(first, ["a", "b"])
    assert begun[1:] == ["a", "b"]
    state = begun[0]
    assert isinstance(state[1], Visitor)
    assert _bound(second, ["k"]) == ["k", state], "one state for the whole page"
    assert _bound(nobody, ["v"]) == ["v"]
    assert list(inspect.signature(first).parameters) == ["request", "a", "b"]
    another = types.SimpleNamespace()
    monkeypatch.setattr(
        visitors.importlib.import_module("gradio.context").Context, "root_block", another
    )
    assert _bound(first, [])[0] != state

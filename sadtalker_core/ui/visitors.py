"""Who has a page open, in gradio 3: its requests do not say, in contrast to all newer ones.

gradio keeps a copy of each ``State`` for each open page. A state whose copies all differ tells
pages apart, so it takes the place of the request among a handler's inputs.
"""

from __future__ import annotations

import importlib
import inspect
import secrets
from collections.abc import Callable, Sequence
from typing import Any

_KEPT_AS = "talking_portraits_visitor"


class Visitor:
    """Stands for one open page; a copy stands for another."""

    def __init__(self) -> None:
        self.session_hash = secrets.token_hex(8)

    def __deepcopy__(self, memo: Any) -> Visitor:
        return Visitor()


def with_visitor(
    fn: Callable[..., Any], inputs: Sequence[Any], make_state: Callable[[Visitor], Any]
) -> list[Any]:
    """A handler's inputs, with the state where one of its parameters is a ``Visitor``."""
    known = list(inputs)
    for index, parameter in enumerate(inspect.signature(fn).parameters.values()):
        if parameter.annotation is Visitor:
            known.insert(index, _state(make_state))
    return known


def _state(make_state: Callable[[Visitor], Any]) -> Any:
    """The one state of the page that is being built."""
    page = importlib.import_module("gradio.context").Context.root_block
    if getattr(page, _KEPT_AS, None) is None:
        setattr(page, _KEPT_AS, make_state(Visitor()))
    return getattr(page, _KEPT_AS)

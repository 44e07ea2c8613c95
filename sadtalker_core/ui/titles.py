"""Choices with titles in gradio 3, whose Dropdown takes nothing but text.

It would show a pair as ``('Built-in', 'lite')`` and hand that text to the handler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def titled_dropdown(
    make: Callable[..., Any], choices: Sequence[Any], value: Any = None, **known: Any
) -> Any:
    """A Dropdown that shows titles; handlers and programs give and get the values.

    Args:
        make: makes a component from its name and arguments.
        choices: values, or pairs of title and value.
        value: the one that is chosen at first.
        known: other arguments.
    """
    pairs = [each if isinstance(each, tuple) else (each, each) for each in choices]
    value_of = {str(title): value for title, value in pairs}
    title_of = {value: title for title, value in value_of.items()}
    made = make("Dropdown", choices=list(value_of), value=title_of.get(value, value), **known)
    read, show = made.preprocess, made.postprocess

    def preprocess(payload: Any) -> Any:
        found = read(payload)
        return value_of.get(found, found)

    def postprocess(wanted: Any) -> Any:
        return show(title_of.get(wanted, wanted))

    made.preprocess, made.postprocess = preprocess, postprocess
    return made

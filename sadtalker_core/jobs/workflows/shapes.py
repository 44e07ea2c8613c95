"""What the editor needs to know of a node to put one into a graph: sockets, widgets, defaults.

Ours are in ``node_shapes.json``, written from the nodes themselves by ``python -m
tools.node_pages``; those of ComfyUI's own nodes that come into converted graphs are here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class InputShape:
    """One input.

    Attributes:
        name: its id.
        type: type of its socket.
        is_widget: whether it has a widget, and so a saved value.
        default: of the widget.
        optional: whether it may stay empty.
        extra: values that the editor saves after it, such as what a seed does after each run.
        folded: whether it is folded away under "advanced".
    """

    name: str
    type: str
    is_widget: bool = False
    default: Any = None
    optional: bool = False
    extra: tuple[Any, ...] = ()
    folded: bool = False


@dataclass(frozen=True)
class NodeShape:
    """One kind of node."""

    title: str
    inputs: tuple[InputShape, ...]
    outputs: tuple[tuple[str, str], ...]


def _widget(name: str, kind: str, default: Any = "", *extra: Any) -> InputShape:
    return InputShape(name, kind, is_widget=True, default=default, extra=extra)


OF_COMFYUI: dict[str, NodeShape] = {
    "LoadAudio": NodeShape(
        "LoadAudio", (_widget("audio", "COMBO", "", None, None),), (("AUDIO", "AUDIO"),)
    ),
    "LoadVideo": NodeShape(
        "Load Video", (_widget("file", "COMBO", "", "image"),), (("VIDEO", "VIDEO"),)
    ),
    "SaveVideo": NodeShape(
        "Save Video",
        (
            InputShape("video", "VIDEO"),
            _widget("filename_prefix", "STRING", "video/ComfyUI"),
            _widget("format", "COMBO", "auto"),
            _widget("codec", "COMBO", "auto"),
        ),
        (),
    ),
    "PreviewAny": NodeShape("Preview Any", (InputShape("source", "*"),), ()),
    "Note": NodeShape("Note", (_widget("text", "STRING"),), ()),
}


@cache
def shapes() -> dict[str, NodeShape]:
    """All kinds of nodes that a converted graph may get."""
    text = files(__package__ or "").joinpath("node_shapes.json").read_text(encoding="utf-8")
    found = dict(OF_COMFYUI)
    for name, entry in json.loads(text).items():
        inputs = tuple(
            InputShape(
                each["name"],
                each["type"],
                "default" in each,
                each.get("default"),
                each.get("optional", False),
                tuple(each.get("extra", ())),
                each.get("folded", False),
            )
            for each in entry["inputs"]
        )
        outputs = tuple((out["name"], out["type"]) for out in entry["outputs"])
        found[name] = NodeShape(entry["title"], inputs, outputs)
    return found

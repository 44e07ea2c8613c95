"""What the example graphs are written with.

    graph = Graph("01_starter", "A portrait that speaks", schemas)
    with graph.group("1. Picture and sound", BLUE):
        picture = graph.node("LoadImage", image="example.png")
        sound = graph.node("LoadAudio", audio="voice.flac")
    with graph.group("2. The video", GREEN):
        graph.node("TalkingPortraitsTalkingPortrait", image=picture, audio=sound)

A value of an input is a widget's value or a node (its first output of the fitting type), or
``node["name of an output"]``. A name, type or choice that the schemas do not know is an error.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from .layout import Group, place
from .schemas import CONTROL, InputSpec, NodeSpec, Schemas

BLUE, GREEN, BROWN, RED, PURPLE, YELLOW = (
    *("#3f789e", "#8A8", "#b06634"),
    *("#A88", "#88A", "#b58b2a"),
)
NOTE = "MarkdownNote"
MUTED, BYPASSED = 2, 4
_NAMESPACE = uuid.UUID("5f3f7a52-6f0b-4a6e-9a43-2d4f1a6f3c11")


@dataclass(frozen=True)
class Wire:
    """An output of a node."""

    node: Node
    slot: int


@dataclass(eq=False)
class Node:
    """A node of a graph; ``box`` is (x, y, width, height) after the layout."""

    id: int
    kind: str
    spec: NodeSpec | None
    values: dict[str, Any]
    wires: dict[str, Wire] = field(default_factory=dict)
    title: str = ""
    mode: int = 0
    text: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    width: float | None = None
    height: float | None = None
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def __getitem__(self, name: str) -> Wire:
        outputs = self.spec.outputs if self.spec else ()
        for slot, output in enumerate(outputs):
            if output.name.lower() == name.lower():
                return Wire(self, slot)
        names = ", ".join(output.name for output in outputs)
        raise KeyError(f"{self.kind} has no output {name!r}; it has {names or 'none'}")


class Graph:
    """A graph that is being written."""

    def __init__(self, name: str, title: str, schemas: Schemas) -> None:
        self.name = name
        self.title = title
        self.schemas = schemas
        self.nodes: list[Node] = []
        self.groups: list[Group] = []
        self._row = 0

    @contextlib.contextmanager
    def group(
        self, title: str, colour: str = BLUE, *, under: bool = False
    ) -> Generator[None, None, None]:
        """Nodes made inside are drawn in one coloured frame, one below the other.

        Args:
            title: of the frame.
            colour: of the frame.
            under: below the last frame instead of to its right.
        """
        self.groups.append(Group(title, colour, self._row, under))
        yield

    def column(self) -> None:
        """What comes next stands to the right of what came before, in the same frame."""
        self.groups[-1].columns.append([])

    def row(self) -> None:
        """The next frames begin at the left, below all others."""
        self._row += 1

    def node(
        self,
        kind: str,
        *,
        title: str = "",
        running: int = 0,
        wide: float | None = None,
        tall: float | None = None,
        properties: dict[str, Any] | None = None,
        **inputs: Any,
    ) -> Node:
        """A node.

        Args:
            kind: its id.
            title: instead of its display name.
            running: 0, ``MUTED`` or ``BYPASSED``.
            wide: width, where the estimate does not do.
            tall: height, at least.
            properties: kept with the node.
            **inputs: values of widgets and where wires come from.
        """
        spec = self.schemas[kind]
        values = {item.name: item.default for item in spec.widgets()}
        made = Node(len(self.nodes) + 1, kind, spec, values, title=title, mode=running)
        made.properties.update(properties or {})
        made.width, made.height = wide, tall
        for name, value in inputs.items():
            wanted = spec.input(name)
            if isinstance(value, Node | Wire):
                made.wires[name] = self._wire(made, wanted, value)
            else:
                made.values[name] = _checked(made, wanted, value)
        for item in spec.sockets():
            if not item.optional and item.name not in made.wires:
                raise ValueError(f"{self.name}: {kind} needs its input {item.name}")
        return self._add(made)

    def note(self, title: str, text: str, *, width: float = 340, height: float = 0) -> Node:
        """A note in Markdown; its height follows from its text."""
        text = "\n".join(line.strip() for line in text.strip().splitlines())
        made = Node(len(self.nodes) + 1, NOTE, None, {}, title=title, text=text, width=width)
        made.height = height or None
        return self._add(made)

    def _add(self, node: Node) -> Node:
        self.nodes.append(node)
        self.groups[-1].columns[-1].append(node)
        return node

    def _wire(self, node: Node, wanted: InputSpec, value: Node | Wire) -> Wire:
        if isinstance(value, Wire):
            source = value.node
            fits = [value.slot]
        else:
            source = value
            fits = range(len(source.spec.outputs if source.spec else ()))
        for slot in fits:
            assert source.spec is not None
            if wanted.takes(source.spec.outputs[slot].type):
                return Wire(source, slot)
        raise TypeError(
            f"{self.name}: {source.kind} has nothing for {node.kind}.{wanted.name} ({wanted.type})"
        )

    def to_ui(self) -> dict[str, Any]:
        """The graph as ComfyUI's frontend saves it (format 0.4)."""
        place(self.groups)
        links: list[list[Any]] = []
        fed: dict[tuple[int, str], int] = {}
        leaves: dict[tuple[int, int], list[int]] = {}
        for node in self.nodes:
            assert node.spec is not None or not node.wires
            for slot, spec in enumerate(input_order(node)):
                wire = node.wires.get(spec.name)
                if wire is None:
                    continue
                assert wire.node.spec is not None
                kind = wire.node.spec.outputs[wire.slot].type
                links.append([len(links) + 1, wire.node.id, wire.slot, node.id, slot, kind])
                fed[node.id, spec.name] = len(links)
                leaves.setdefault((wire.node.id, wire.slot), []).append(len(links))
        order = {node.id: place for place, node in enumerate(_in_order(self.nodes))}
        return {
            "id": str(uuid.uuid5(_NAMESPACE, self.name)),
            "revision": 0,
            "last_node_id": len(self.nodes),
            "last_link_id": len(links),
            "nodes": [_node_json(node, order[node.id], fed, leaves) for node in self.nodes],
            "links": links,
            "groups": [group.to_ui(index + 1) for index, group in enumerate(self.groups)],
            "config": {},
            "extra": {"ds": self._view(), "info": {"name": self.title}},
            "version": 0.4,
        }

    def _view(self) -> dict[str, Any]:
        """Zoom and offset that show the graph, or its left, with text that can be read."""
        boxes = [group.box for group in self.groups]
        width = max(x + w for x, _, w, _ in boxes)
        height = max(y + h for _, y, _, h in boxes)
        scale = round(min(1.0, max(0.62, min(1660 / (width + 40), 780 / (height + 40)))), 3)
        return {"scale": scale, "offset": [round(80 / scale), round(120 / scale)]}


def input_order(node: Node) -> list[InputSpec]:
    """Inputs in the order of their slots: sockets first, then those with a widget."""
    return [] if node.spec is None else [*node.spec.sockets(), *node.spec.widgets()]


def _checked(node: Node, spec: InputSpec, value: Any) -> Any:
    if not spec.is_widget:
        raise TypeError(f"{node.kind}.{spec.name} has no widget, so it cannot be {value!r}")
    kinds: dict[str, tuple[type, ...]] = {
        **{"INT": (int,), "FLOAT": (int, float), "STRING": (str,), "BOOLEAN": (bool,)},
        "COMBO": (str, int, float),
    }
    if not isinstance(value, kinds[spec.type]):
        raise TypeError(f"{node.kind}.{spec.name} is {spec.type}, got {value!r}")
    if spec.choices and value not in spec.choices:
        raise ValueError(f"{node.kind}.{spec.name} is one of {spec.choices}, got {value!r}")
    if spec.type in ("INT", "FLOAT"):
        low, high = spec.low, spec.high
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f"{node.kind}.{spec.name} is {low} to {high}, got {value!r}")
    return value


def _in_order(nodes: list[Node]) -> list[Node]:
    """Nodes so that each comes after those it takes something from."""
    done: dict[int, Node] = {}

    def visit(node: Node) -> None:
        if node.id in done:
            return
        for wire in node.wires.values():
            visit(wire.node)
        done[node.id] = node

    for node in nodes:
        visit(node)
    return list(done.values())


def _node_json(
    node: Node,
    order: int,
    fed: dict[tuple[int, str], int],
    leaves: dict[tuple[int, int], list[int]],
) -> dict[str, Any]:
    x, y, width, height = node.box
    made: dict[str, Any] = {
        "id": node.id,
        "type": node.kind,
        "pos": [x, y],
        "size": [width, height],
        "flags": {},
        "order": order,
        "mode": node.mode,
        "inputs": [],
        "outputs": [],
        "properties": dict(node.properties),
    }
    if node.title:
        made["title"] = node.title
    if node.spec is None:
        # not the frontend's own brown, on which Vue nodes' grey text is hard to read
        return {**made, "widgets_values": [node.text], "color": "#222", "bgcolor": "#2e2e2e"}
    for spec in input_order(node):
        entry: dict[str, Any] = {"name": spec.name, "type": spec.type}
        if spec.optional:
            entry["shape"] = 7  # drawn as a ring
        if spec.is_widget:
            entry["widget"] = {"name": spec.name}
        made["inputs"].append({**entry, "link": fed.get((node.id, spec.name))})
    for slot, output in enumerate(node.spec.outputs):
        made["outputs"].append(
            {"name": output.name, "type": output.type, "links": leaves.get((node.id, slot))}
        )
    made["properties"]["Node name for S&R"] = node.kind
    if node.spec.widget_names():
        made["widgets_values"] = [_stored(node, name) for name in node.spec.widget_names()]
    return made


def _stored(node: Node, name: str) -> Any:
    if name in node.values:
        return node.values[name]
    if name == CONTROL:
        return "fixed"
    return {"upload": "image", "audioUI": ""}[name]

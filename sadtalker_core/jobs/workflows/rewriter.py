"""Putting new nodes into a graph in place of old ones, and saying what is lost by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .graph import Graph, Link, Node, pair
from .old_nodes import OLD_NODES, Value, read_values
from .replacements import BY_OLD, PREFIX
from .shapes import NodeShape, shapes

_KEPT = ("flags", "order", "mode", "color", "bgcolor", "shape")
_TITLES_PX, _ROW_PX, _WIDTH_PX, _GAP_PX = 30.0, 24.0, 320.0, 60.0
NEVER = 2  # mode of a node that does not run


class Rewriter:
    """A graph while its old nodes are replaced.

    Attributes:
        graph: the nodes and links.
        sentences: what was not carried over, or is different.
        replaced: old node types and how many of each were replaced.
        kept: the same of those that stayed as they were.
        corner: left and upper edge of the old nodes.
    """

    def __init__(self, graph: Graph, first_id: int) -> None:
        """
        Args:
            graph: one level of a workflow.
            first_id: a number above those of all nodes of the workflow.
        """
        self.graph = graph
        self.sentences: list[str] = []
        self.replaced: dict[str, int] = {}
        self.kept: dict[str, int] = {}
        self.next_id = first_id
        self.corner = (0.0, 0.0)
        self._loaders: dict[str, Node] = {}

    # -- old nodes -------------------------------------------------------------------------------

    def values(self, node: Node) -> dict[str, Value]:
        """Values of an old node by name; says which could not be read."""
        kind = OLD_NODES[node["type"]]
        values, unread = read_values(kind, node.get("widgets_values"))
        for name in unread:
            if name in kind.fields:  # what only older versions had was of no use either
                self.say(node, f"the saved {name} cannot be read; {values[name]} is taken")
        return values

    def linked(self, node: Node, name: str) -> bool:
        """Whether something is connected to an input."""
        return self.graph.into(node, name) is not None

    def say(self, node: Node, what: str) -> None:
        """Add a sentence about an old node to the report."""
        sentence = f"{shown_name(node)}: {what}."
        if sentence not in self.sentences:
            self.sentences.append(sentence)

    def done_with(self, node: Node) -> None:
        """Remove an old node; links of it that are still there are lost, and that is said."""
        for entry in node.get("outputs") or []:
            slot = node["outputs"].index(entry)
            for target, name in self.graph.targets(node, slot):
                if target["type"] not in OLD_NODES:
                    self.say(
                        node,
                        f"its output {entry.get('name')} has no counterpart; the input {name} of "
                        f"{shown_name(target)} is not connected any more",
                    )
        self.graph.remove(node)
        self._count(self.replaced, node)

    def keep(self, node: Node, why: str) -> None:
        """Leave an old node as it is and say why."""
        self.say(node, f"it was left as it is: {why}")
        self._count(self.kept, node)

    def _count(self, table: dict[str, int], node: Node) -> None:
        table[node["type"]] = table.get(node["type"], 0) + 1

    # -- new nodes -------------------------------------------------------------------------------

    def new(
        self,
        kind: str,
        like: Node,
        values: Mapping[str, Any] | None = None,
        *,
        in_place: bool = False,
        columns: int = 1,
    ) -> Node:
        """A new node.

        Args:
            kind: its type, with or without ``TalkingPortraits``.
            like: the old node whose place, mode and colours it takes.
            values: of its widgets by name; the others have their defaults.
            in_place: put it exactly where the old node is; else at a free place beside it.
            columns: how many columns to the left, where what comes before it belongs; negative is
                to the right.
        """
        name = kind if kind in shapes() else PREFIX + kind
        shape = shapes()[name]
        x, y = pair(like.get("pos"), (0.0, 0.0))
        width, height = _WIDTH_PX, _height(shape)
        if in_place:
            width = max(pair(like.get("size"), (width, height))[0], width)
        place = [x, y]
        if not in_place:
            old_width = pair(like.get("size"), (width, height))[0]
            x -= columns * (width + _GAP_PX) if columns > 0 else -old_width - _GAP_PX
            place = self.graph.free_place(x, y, width, height)
        made: Node = {
            "id": 0,
            "type": name,
            "pos": place,
            "size": [width, height],
            **{key: like[key] for key in _KEPT if key in like},
            "inputs": [_input(each) for each in shape.inputs],
            "outputs": [
                {"name": output, "type": type_, "links": None, "slot_index": slot}
                for slot, (output, type_) in enumerate(shape.outputs)
            ],
            "properties": {"Node name for S&R": name},
            "widgets_values": _widgets(shape, values or {}),
        }
        if in_place and like.get("title"):
            made["title"] = like["title"]
        made.setdefault("flags", {})
        made.setdefault("order", 0)
        made.setdefault("mode", 0)
        self.graph.add(made, self.next_id)
        self.next_id += 1
        return made

    def loader(
        self, kind: str, like: Node, values: Mapping[str, Any] | None = None, columns: int = 2
    ) -> Node:
        """The graph's one loader of an engine; the first that is asked for is made."""
        if kind not in self._loaders:
            there = self.graph.of_type(PREFIX + kind)
            self._loaders[kind] = (
                there[0] if there else self.new(kind, like, values, columns=columns)
            )
        return self._loaders[kind]

    def set_values(self, node: Node, values: Mapping[str, Any]) -> None:
        """Other values for some widgets of a new node."""
        place = 0
        for each in shapes()[node["type"]].inputs:
            if each.is_widget:
                if each.name in values:
                    node["widgets_values"][place] = values[each.name]
                place += 1 + len(each.extra)

    def feed(self, node: Node, name: str, link: Link | None) -> bool:
        """Connect an input of a new node to where an old link comes from; False if nowhere."""
        if link is None or link.origin not in self.graph.nodes:
            return False
        self.graph.connect(self.graph.nodes[link.origin], link.origin_slot, node, name)
        return True

    def hand_over(self, old: Node, old_slot: int, new: Node, new_slot: int) -> None:
        """Let everything that an old output feeds be fed by a new one."""
        for link in self.graph.from_output(old, old_slot):
            self.graph.move_start(link, new, new_slot)

    def replace(self, node: Node, values: Mapping[str, Any] | None = None) -> Node:
        """One new node for an old one, as the table says; the old one goes.

        Args:
            node: of a type that the table has.
            values: of the new node, beside and before those of the table.
        """
        row = BY_OLD[node["type"]]
        old = self.values(node)
        given = {new: old[was] for new, was in row.inputs.items() if was in old}
        made = self.new(row.new, node, {**given, **row.values, **(values or {})}, in_place=True)
        for new, was in row.inputs.items():
            self.feed(made, new, self.graph.into(node, was))
        for was, new in row.outputs.items():
            self.hand_over(node, was, made, new)
        self.done_with(node)
        return made


def shown_name(node: Node) -> str:
    """A node in a sentence: its title or type, and its number."""
    shape = shapes().get(node["type"])
    name = node.get("title") or (shape.title if shape is not None else node["type"])
    return f"{name} (node {node['id']})"


def output_slot(node: Node, *names: str) -> int | None:
    """Number of the first output that has one of these names."""
    for slot, entry in enumerate(node.get("outputs") or []):
        if entry.get("name") in names:
            return slot
    return None


def _height(shape: NodeShape) -> float:
    rows = max(sum(not each.is_widget for each in shape.inputs), len(shape.outputs))
    rows += sum(each.is_widget and not each.folded for each in shape.inputs)
    rows += any(each.folded for each in shape.inputs)  # the button that unfolds them
    return _TITLES_PX + _ROW_PX * rows


def _input(shape: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": shape.name, "type": shape.type, "link": None}
    if shape.is_widget:
        made["widget"] = {"name": shape.name}
    elif shape.optional:
        made["shape"] = 7  # a hollow socket
    return made


def _widgets(shape: NodeShape, values: Mapping[str, Any]) -> list[Any]:
    unknown = set(values) - {each.name for each in shape.inputs}
    if unknown:
        raise KeyError(f"{shape.title} has no input {sorted(unknown)[0]}")
    row: list[Any] = []
    for each in shape.inputs:
        if each.is_widget:
            value = values.get(each.name, each.default)
            row += [round(value, 12) if isinstance(value, float) else value, *each.extra]
    return row

"""From a graph of the UI to a prompt of the API, as the frontend does it when a graph is queued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .schemas import CONTROL, NodeSpec

MUTED, BYPASSED = 2, 4
NOTES = frozenset({"Note", "MarkdownNote"})
REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"
INNER_INPUT, INNER_OUTPUT = -10, -20  # ends of a subgraph
ADDED = frozenset({CONTROL, "upload", "audioUI"})


@dataclass(frozen=True)
class Literal:
    """The value that a wire brings from a primitive."""

    value: Any


class _Level:
    """The nodes of a graph or of one subgraph inside it."""

    def __init__(
        self,
        graph: Mapping[str, Any],
        kinds: Mapping[str, Mapping[str, Any]],
        parent: _Level | None = None,
        instance: Mapping[str, Any] | None = None,
    ) -> None:
        self.graph = graph
        self.kinds = kinds  # subgraphs by id
        self.parent = parent
        self.instance = instance
        self.nodes = {node["id"]: node for node in graph["nodes"]}
        self.links = dict(_links(graph["links"]))
        self.prefix = ""
        if parent is not None and instance is not None:
            self.prefix = f"{parent.prefix}{instance['id']}:"

    def inside(self, node: Mapping[str, Any]) -> _Level:
        """The level of a node that is a subgraph."""
        return _Level(self.kinds[node["type"]], self.kinds, self, node)

    def source(self, link: int | None) -> tuple[str, int] | Literal | None:
        """What a wire brings: id and slot of a node that runs, a value, or nothing."""
        if link is None or link not in self.links:
            return None
        origin, slot = self.links[link][:2]
        if origin == INNER_INPUT:
            return self._from_outside(slot)
        node = self.nodes.get(origin)
        if node is None or node.get("mode", 0) == MUTED:
            return None
        if node.get("mode", 0) == BYPASSED:
            return self.source(_bypassed(node, slot))
        if node["type"] == REROUTE:
            return self.source(node["inputs"][0].get("link"))
        if node["type"] == PRIMITIVE:
            return Literal(node["widgets_values"][0])
        if node["type"] in self.kinds:
            return self.inside(node)._from_inside(slot)
        return f"{self.prefix}{origin}", slot

    def _from_outside(self, slot: int) -> tuple[str, int] | Literal | None:
        assert self.parent is not None
        assert self.instance is not None
        name = self.graph["inputs"][slot]["name"]
        for entry in self.instance.get("inputs", ()):
            if entry["name"] == name:
                return self.parent.source(entry.get("link"))
        return None

    def _from_inside(self, slot: int) -> tuple[str, int] | Literal | None:
        for number, link in self.links.items():
            if link[2] == INNER_OUTPUT and link[3] == slot:
                return self.source(number)
        return None

    def running(self) -> Iterator[tuple[_Level, Mapping[str, Any]]]:
        """Every node that runs, those of subgraphs included."""
        for node in self.nodes.values():
            if node.get("mode", 0) in (MUTED, BYPASSED):
                continue
            if node["type"] in NOTES or node["type"] in (REROUTE, PRIMITIVE):
                continue
            if node["type"] in self.kinds:
                yield from self.inside(node).running()
            else:
                yield self, node


def _links(links: list[Any]) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """(from, slot, to, slot) by number; subgraphs write them by name, graphs in lists."""
    for link in links:
        if isinstance(link, Mapping):
            ends = ("origin_id", "origin_slot", "target_id", "target_slot")
            yield link["id"], tuple(link[end] for end in ends)
        else:
            yield link[0], tuple(link[1:5])


def _bypassed(node: Mapping[str, Any], slot: int) -> int | None:
    """The link of the input that stands in for an output of a bypassed node."""
    inputs = node.get("inputs", [])
    wanted = node["outputs"][slot]["type"]
    if slot < len(inputs) and inputs[slot]["type"] == wanted:
        return inputs[slot].get("link")
    for entry in inputs:
        if entry["type"] == wanted:
            return entry.get("link")
    return None


def to_api(workflow: Mapping[str, Any], schemas: Mapping[str, NodeSpec]) -> dict[str, Any]:
    """The prompt that the frontend would queue.

    Args:
        workflow: a graph as the UI saves it.
        schemas: of every kind of node in it that runs.

    Returns:
        ``{id: {"class_type": str, "inputs": {...}, "_meta": {"title": str}}}``.

    Raises:
        KeyError: a kind of node is not in ``schemas``.
    """
    subgraphs = workflow.get("definitions", {}).get("subgraphs", [])
    top = _Level(workflow, {graph["id"]: graph for graph in subgraphs})
    prompt: dict[str, Any] = {}
    for level, node in top.running():
        if node["type"] not in schemas:
            raise KeyError(f"node {node['id']} is of the unknown kind {node['type']!r}")
        spec = schemas[node["type"]]
        inputs = {**_values(node, spec), **_wired(level, node)}
        prompt[f"{level.prefix}{node['id']}"] = {
            "inputs": inputs,
            "class_type": node["type"],
            "_meta": {"title": node.get("title") or spec.display_name},
        }
    return prompt


def _values(node: Mapping[str, Any], spec: NodeSpec) -> dict[str, Any]:
    names = spec.widget_names()
    stored = node.get("widgets_values") or []
    if isinstance(stored, Mapping):
        return {name: stored[name] for name in names if name in stored and name not in ADDED}
    found = {name: value for name, value in zip(names, stored) if name not in ADDED}
    for widget in spec.widgets()[len(found) :]:  # saved before the node had these
        found[widget.name] = widget.default
    # A list would be read as a wire.
    return {n: {"__value__": v} if isinstance(v, list) else v for n, v in found.items()}


def _wired(level: _Level, node: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in node.get("inputs", []):
        source = level.source(entry.get("link"))
        if isinstance(source, Literal):
            found[entry["name"]] = source.value
        elif source is not None:
            found[entry["name"]] = list(source)
    return found

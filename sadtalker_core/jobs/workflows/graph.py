"""A ComfyUI graph as its editor saves it: nodes, links, and changes that keep both in step.

Two ways of writing links are understood: lists (the editor's usual files, version 0.4) and objects
(version 1, and subgraphs). What is not touched stays as it was, key by key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import MediaError

Node = dict[str, Any]

REROUTE = "Reroute"
SENDER, RECEIVER = "SetNode", "GetNode"  # wires without a line, of ComfyUI-KJNodes
_PASSING = (REROUTE, SENDER, RECEIVER)
_FREE_STEP_PX = 40
_TITLE_PX = 40  # a node's title stands above its position
_LINK_KEYS = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")


@dataclass
class Link:
    """One wire; ``extra`` keeps what newer editors add to it."""

    id: int
    origin: Any
    origin_slot: int
    target: Any
    target_slot: int
    type: Any
    extra: dict[str, Any]


class Graph:
    """One level of a workflow: the whole graph, or the inside of one subgraph."""

    def __init__(self, level: dict[str, Any]) -> None:
        """
        Args:
            level: with ``nodes`` and ``links``; it is changed in place by ``write``.

        Raises:
            MediaError: it is not of that form.
        """
        self.level = level
        nodes, links = level.get("nodes"), level.get("links", [])
        if not isinstance(nodes, list) or not isinstance(links, list):
            raise MediaError("a workflow has a list of nodes and a list of links.")
        self.nodes: dict[Any, Node] = {}
        for node in nodes:
            if not isinstance(node, dict) or "id" not in node or "type" not in node:
                raise MediaError("a node of the workflow has no id or no type.")
            self.nodes[node["id"]] = node
        self.has_objects = any(isinstance(link, dict) for link in links)
        self.links: dict[int, Link] = {}
        for link in links:
            made = _link_of(link)
            if made is not None:
                self.links[made.id] = made
        self._drop_loose_ends()

    def _drop_loose_ends(self) -> None:
        """Editors leave links to nodes that are gone; such links are worth nothing."""
        inside = (-10, -20)  # ends of a subgraph's own inputs and outputs
        for link in list(self.links.values()):
            is_loose = link.origin not in self.nodes and link.origin not in inside
            if is_loose or (link.target not in self.nodes and link.target not in inside):
                del self.links[link.id]
                continue
            there = self._meant(link)
            if there is not None and there != link.id and there in self.links:
                del self.links[link.id]  # two links into one input: the input knows which

    def _meant(self, link: Link) -> int | None:
        entries = (self.nodes.get(link.target) or {}).get("inputs") or []
        in_range = 0 <= link.target_slot < len(entries)
        return entries[link.target_slot].get("link") if in_range else None

    # -- looking ---------------------------------------------------------------------------------

    def of_type(self, *types: str) -> list[Node]:
        """Nodes of these types, in the order of the file."""
        return [node for node in self.nodes.values() if node["type"] in types]

    def into(self, node: Node, name: str) -> Link | None:
        """The link that ends in an input, by the input's name."""
        for slot, entry in enumerate(node.get("inputs") or []):
            if entry.get("name") == name:
                found = self.links.get(entry.get("link"))
                if found is not None:
                    return found
                return next((x for x in self.links.values() if _ends(x, node["id"], slot)), None)
        return None

    def from_output(self, node: Node, slot: int) -> list[Link]:
        """Links that begin at an output."""
        return [
            link
            for link in self.links.values()
            if link.origin == node["id"] and link.origin_slot == slot
        ]

    def source(self, link: Link | None) -> tuple[Node, int] | None:
        """Where a link comes from, past reroutes: node and output, or None."""
        seen: set[Any] = set()
        while link is not None and link.origin in self.nodes and link.origin not in seen:
            node = self.nodes[link.origin]
            if node["type"] not in _PASSING:
                return node, link.origin_slot
            seen.add(link.origin)
            before = self._senders_of(node) if node["type"] == RECEIVER else [node]
            ends = {other["id"] for other in before}
            link = next((x for x in self.links.values() if x.target in ends), None)
        return None

    def targets(self, node: Node, slot: int) -> list[tuple[Node, str]]:
        """Where an output goes, past reroutes: nodes and names of their inputs."""
        found: list[tuple[Node, str]] = []
        for link in self.from_output(node, slot):
            target = self.nodes.get(link.target)
            if target is None:
                continue
            if target["type"] not in _PASSING:
                found.append((target, input_name(target, link.target_slot)))
                continue
            found += self.targets(target, 0)
            for receiver in self._receivers_of(target):
                found += self.targets(receiver, 0)
        return found

    def _receivers_of(self, sender: Node) -> list[Node]:
        return self._of_name(RECEIVER, sender) if sender["type"] == SENDER else []

    def _senders_of(self, receiver: Node) -> list[Node]:
        return self._of_name(SENDER, receiver)

    def _of_name(self, kind: str, like: Node) -> list[Node]:
        name = like.get("widgets_values")
        return [node for node in self.of_type(kind) if name and node["widgets_values"] == name]

    def upstream(self, node: Node) -> Iterator[Node]:
        """The node itself and all before it, nearest first."""
        waiting, seen = [node["id"]], set()
        while waiting:
            here = waiting.pop(0)
            if here in seen or here not in self.nodes:
                continue
            seen.add(here)
            yield self.nodes[here]
            waiting += [link.origin for link in self.links.values() if link.target == here]

    # -- changing --------------------------------------------------------------------------------

    def connect(self, origin: Node, slot: int, target: Node, name: str) -> Link:
        """A new link; one that ended in that input before goes."""
        old = self.into(target, name)
        if old is not None:
            self.cut(old)
        entries = target["inputs"]
        place = next(i for i, entry in enumerate(entries) if entry["name"] == name)
        kind = origin["outputs"][slot]["type"]
        link = Link(self._new_link_id(), origin["id"], slot, target["id"], place, kind, {})
        self.links[link.id] = link
        entries[place]["link"] = link.id
        return link

    def move_start(self, link: Link, origin: Node, slot: int) -> None:
        """Let a link begin elsewhere; reroutes behind it take the new type."""
        link.origin, link.origin_slot = origin["id"], slot
        self._retype(link, origin["outputs"][slot]["type"])

    def _retype(self, link: Link, kind: Any) -> None:
        link.type = kind
        target = self.nodes.get(link.target)
        if target is None or target["type"] not in _PASSING:
            return
        for node in (target, *self._receivers_of(target)):
            for entry in (*(node.get("inputs") or []), *(node.get("outputs") or [])):
                entry["type"] = "*" if node["type"] == REROUTE and "links" not in entry else kind
                if entry.get("name") not in (None, "", "*"):
                    entry["name"] = kind
            for after in self.from_output(node, 0):
                if after.type != kind:
                    self._retype(after, kind)

    def cut(self, link: Link) -> None:
        """Remove a link."""
        self.links.pop(link.id, None)
        target = self.nodes.get(link.target)
        if target is not None:
            for entry in target.get("inputs") or []:
                if entry.get("link") == link.id:
                    entry["link"] = None

    def remove(self, node: Node) -> None:
        """Remove a node, its links, and reroutes that carry nothing any more."""
        near = {link.target for link in self.links.values() if link.origin == node["id"]}
        near |= {link.origin for link in self.links.values() if link.target == node["id"]}
        paired = self._receivers_of(node)
        for link in list(self.links.values()):
            if node["id"] in (link.origin, link.target):
                self.cut(link)
        self.nodes.pop(node["id"], None)
        for other in paired:
            self.remove(other)
        for place in near:
            other = self.nodes.get(place)
            if other is not None and other["type"] in _PASSING and self._is_dead(other):
                self.remove(other)

    def _is_dead(self, passing: Node) -> bool:
        fed = any(link.target == passing["id"] for link in self.links.values())
        read = any(link.origin == passing["id"] for link in self.links.values())
        if passing["type"] == SENDER:
            return not fed
        if passing["type"] == RECEIVER:
            return not read
        return not (fed and read)

    def add(self, node: Node, new_id: int) -> Node:
        """Put a node in; it gets the number."""
        node["id"] = new_id
        self.nodes[new_id] = node
        return node

    def free_place(self, x: float, y: float, width: float, height: float) -> list[float]:
        """The first place at or below a point where a node of this size covers no other."""
        while True:
            hit = next((n for n in self.nodes.values() if _covers(n, x, y, width, height)), None)
            if hit is None:
                return [x, y]
            y += _FREE_STEP_PX

    def _new_link_id(self) -> int:
        used = max(self.links, default=0)
        for key, holder in (("last_link_id", self.level), ("lastLinkId", self.level.get("state"))):
            if isinstance(holder, dict) and isinstance(holder.get(key), int):
                used = max(used, holder[key])
                holder[key] = used + 1
        return used + 1

    # -- writing ---------------------------------------------------------------------------------

    def write(self) -> None:
        """Put nodes and links back into the level, with both ends of every link agreeing."""
        starts: dict[tuple[Any, int], list[int]] = {}
        ends: dict[tuple[Any, int], int] = {}
        for link in self.links.values():
            starts.setdefault((link.origin, link.origin_slot), []).append(link.id)
            ends[(link.target, link.target_slot)] = link.id
        for node in self.nodes.values():
            for slot, entry in enumerate(node.get("outputs") or []):
                linked = starts.get((node["id"], slot))
                entry["links"] = linked if linked else (None if entry.get("links") is None else [])
            for slot, entry in enumerate(node.get("inputs") or []):
                entry["link"] = ends.get((node["id"], slot))
        self.level["nodes"] = list(self.nodes.values())
        self.level["links"] = [_written(link, self.has_objects) for link in self.links.values()]


def _link_of(link: Any) -> Link | None:
    if isinstance(link, dict):
        values = [link.get(key) for key in _LINK_KEYS]
        extra = {key: value for key, value in link.items() if key not in _LINK_KEYS}
    elif isinstance(link, list) and len(link) >= 5:
        values, extra = [*link[:6], None][:6], {}
    else:
        return None
    number, origin, start, target, end, kind = values
    if not (isinstance(number, int) and isinstance(start, int) and isinstance(end, int)):
        return None
    return Link(number, origin, start, target, end, kind, extra)


def _written(link: Link, as_object: bool) -> Any:
    values = (link.id, link.origin, link.origin_slot, link.target, link.target_slot, link.type)
    if as_object:
        return {**dict(zip(_LINK_KEYS, values, strict=True)), **link.extra}
    return list(values)


def _ends(link: Link, node_id: Any, slot: int) -> bool:
    return link.target == node_id and link.target_slot == slot


def input_name(node: Node, slot: int) -> str:
    """Name of an input by its number; empty if there is none."""
    entries = node.get("inputs") or []
    return str(entries[slot].get("name", "")) if 0 <= slot < len(entries) else ""


def pair(value: Any, otherwise: tuple[float, float]) -> tuple[float, float]:
    """Two numbers out of a list or of ``{"0": x, "1": y}``, as older editors wrote them."""
    try:
        if isinstance(value, dict):
            return float(value["0"]), float(value["1"])
        return float(value[0]), float(value[1])
    except (KeyError, IndexError, TypeError, ValueError):
        return otherwise


def _covers(node: Node, x: float, y: float, width: float, height: float) -> bool:
    left, top = pair(node.get("pos"), (0.0, 0.0))
    wide, high = pair(node.get("size"), (200.0, 100.0))
    return (
        left < x + width
        and x < left + wide
        and top - _TITLE_PX < y + height
        and (y - _TITLE_PX < top + high)
    )

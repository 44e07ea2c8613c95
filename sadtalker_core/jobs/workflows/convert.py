"""A saved graph of abandoned packs as one of our nodes: ``talking-portraits workflows convert``."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import MediaError, OutputError
from . import expressions, live_portrait, sad_talker
from .graph import Graph, Node, pair
from .old_nodes import OLD_NODES
from .prompts import graph_of, is_known, is_prompt, prompt_of
from .rewriter import Rewriter

_MOST_BYTES = 64 << 20
_PACKS = (sad_talker, live_portrait, expressions)
_HIDDEN = "\0"
_NOTE_SIZE = (420.0, 260.0)


@dataclass
class Report:
    """What was done to a graph.

    Attributes:
        replaced: old node types and how many of each are gone.
        kept: old node types that stayed, and how many.
        sentences: what was not carried over, or is different.
    """

    replaced: dict[str, int] = field(default_factory=dict[str, int])
    kept: dict[str, int] = field(default_factory=dict[str, int])
    sentences: list[str] = field(default_factory=list[str])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"replaced": self.replaced, "kept": self.kept, "sentences": self.sentences}


def convert_workflow(workflow: Any) -> tuple[dict[str, Any], Report]:
    """A new graph; the one that is given stays as it is.

    Args:
        workflow: what the editor saved or exported for the API, as JSON gives it.

    Returns:
        The same graph with our nodes in place of the old ones, and what to know about it.

    Raises:
        MediaError: it is no workflow.
    """
    if is_prompt(workflow):
        return _convert_prompt(workflow)
    _check(workflow)
    made: dict[str, Any] = copy.deepcopy(workflow)
    report = Report()
    subgraphs = [
        inner
        for inner in (made.get("definitions") or {}).get("subgraphs") or []
        if isinstance(inner, dict)
    ]
    levels = [made, *subgraphs]
    next_id = _first_free(levels)
    for level in levels:
        next_id = _convert_level(level, next_id, report)
    report.sentences += _group_nodes(made)
    _count_ids(made, next_id - 1)
    return made, report


def _group_nodes(workflow: dict[str, Any]) -> list[str]:
    """Sentences on group nodes, an older kind of subgraph, that hold old nodes."""
    groups = (workflow.get("extra") or {}).get("groupNodes") or {}
    return [
        f"The group node {name} holds nodes that are not converted; in the editor turn it into "
        "nodes, save, and convert again."
        for name, inner in groups.items()
        if any(node.get("type") in OLD_NODES for node in inner.get("nodes") or [])
    ]


def _check(workflow: Any) -> None:
    if not isinstance(workflow, dict):
        raise MediaError("This is not a workflow: a saved graph is a JSON object with nodes.")
    if not isinstance(workflow.get("nodes"), list):
        raise MediaError("This is not a workflow: it has no list of nodes.")


def _convert_prompt(prompt: dict[str, Any]) -> tuple[dict[str, Any], Report]:
    graph = Graph(graph_of(copy.deepcopy(prompt)))
    report = Report()
    numbers = [int(number) for number in prompt if number.isdecimal()]
    _rewrite(graph, max(numbers, default=0) + 1, report, _is_old_in_prompt)
    return prompt_of(graph), report


def _convert_level(level: dict[str, Any], next_id: int, report: Report) -> int:
    graph = Graph(level)
    rewriter = _rewrite(graph, next_id, report, _is_old)
    if rewriter is None:
        return next_id
    if rewriter.sentences:
        _leave_note(rewriter)
    graph.write()
    return rewriter.next_id


def _rewrite(
    graph: Graph, next_id: int, report: Report, is_old: Callable[[Node], bool]
) -> Rewriter | None:
    """Replace the old nodes of a graph and add to the report; None if there are none."""
    old = {node["id"] for node in graph.nodes.values() if is_old(node)}
    if not old:
        return None
    strangers = [
        node for node in graph.nodes.values() if node["type"] in OLD_NODES and node["id"] not in old
    ]
    for node in strangers:  # another pack's node of the same name: hidden while the others change
        node["type"] = _HIDDEN + node["type"]
    rewriter = Rewriter(graph, next_id)
    rewriter.corner = _corner(graph, old)
    for pack in _PACKS:
        pack.convert(rewriter)
    for node in strangers:
        node["type"] = node["type"].removeprefix(_HIDDEN)
    for name, table in (("replaced", rewriter.replaced), ("kept", rewriter.kept)):
        counts: dict[str, int] = getattr(report, name)
        for kind, number in table.items():
            counts[kind] = counts.get(kind, 0) + number
    report.sentences += rewriter.sentences
    return rewriter


def _corner(graph: Graph, old: set[Any]) -> tuple[float, float]:
    places = [pair(graph.nodes[number].get("pos"), (0.0, 0.0)) for number in old]
    return min(x for x, _ in places), min(y for _, y in places)


def _is_old_in_prompt(node: Node) -> bool:
    return node["type"] in OLD_NODES and is_known(node)


def _is_old(node: Node) -> bool:
    """Whether a node is of one of the packs, and not another pack's of the same name."""
    kind = OLD_NODES.get(node["type"])
    if kind is None:
        return False
    if not kind.mark:
        return True
    sockets = (*(node.get("inputs") or []), *(node.get("outputs") or []))
    return any(entry.get("name") == kind.mark for entry in sockets)


def _leave_note(rewriter: Rewriter) -> None:
    """The sentences again, where whoever opens the graph sees them."""
    left, top = rewriter.corner
    text = "Converted for Talking Portraits.\n\n" + "\n".join(
        f"- {sentence}" for sentence in rewriter.sentences
    )
    like: Node = {"pos": [left, top - _NOTE_SIZE[1] - 80.0]}
    note = rewriter.new("Note", like, {"text": text}, in_place=True)
    note["size"] = list(_NOTE_SIZE)
    note["inputs"] = []
    note["properties"] = {}


def _first_free(levels: list[dict[str, Any]]) -> int:
    used = [0]
    for level in levels:
        used += [
            node["id"]
            for node in level.get("nodes") or []
            if isinstance(node, dict) and isinstance(node.get("id"), int)
        ]
        for holder, key in ((level, "last_node_id"), (level.get("state"), "lastNodeId")):
            if isinstance(holder, dict) and isinstance(holder.get(key), int):
                used.append(holder[key])
    return max(used) + 1


def _count_ids(workflow: dict[str, Any], last: int) -> None:
    if "last_node_id" in workflow:
        workflow["last_node_id"] = last
    state = workflow.get("state")
    if isinstance(state, dict) and "lastNodeId" in state:
        state["lastNodeId"] = last


def convert_file(old: Path, new: Path) -> Report:
    """Convert a file into another one, which is written whole or not at all.

    Raises:
        MediaError: the old file cannot be read, or is no workflow.
        OutputError: the new file cannot be written, or is the old one.
    """
    if new.resolve() == old.resolve():
        raise OutputError(f"{new} is the workflow to be converted; give another name.")
    made, report = convert_workflow(_read(old))
    text = json.dumps(made, ensure_ascii=False, indent=2) + "\n"
    part = new.with_name(f".{new.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, new)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{new} cannot be written ({error.strerror}).") from error
    return report


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise MediaError(f"{path} is too large for a workflow.")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise MediaError(f"{path} does not exist.") from error
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise MediaError(f"{path} is not JSON; give a workflow that was saved as .json.") from error

"""A saved graph of abandoned packs as one of our nodes: ``talking-portraits workflows convert``."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import MediaError, OutputError
from . import expressions, live_portrait, sad_talker
from .graph import Graph, Node
from .old_nodes import OLD_NODES
from .rewriter import Rewriter

_MOST_BYTES = 64 << 20
_PACKS = (sad_talker, live_portrait, expressions)
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
        workflow: what the editor saved, as JSON gives it.

    Returns:
        The same graph with our nodes in place of the old ones, and what to know about it.

    Raises:
        MediaError: it is no workflow of the editor.
    """
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
        values = list(workflow.values())
        if values and all(isinstance(each, dict) and "class_type" in each for each in values):
            raise MediaError(
                "This is a prompt in API format, without places of nodes. Open it in ComfyUI's "
                "editor, save it as a workflow, and convert that."
            )
        raise MediaError("This is not a workflow: it has no list of nodes.")


def _convert_level(level: dict[str, Any], next_id: int, report: Report) -> int:
    graph = Graph(level)
    old = [node for node in graph.nodes.values() if _is_old(node)]
    foreign = {node["id"]: node["type"] for node in graph.nodes.values() if not _is_old(node)}
    if not old:
        return next_id
    strangers = [
        node for node in graph.nodes.values() if node["type"] in OLD_NODES and not _is_old(node)
    ]
    for node in strangers:  # another pack's node of the same name: hidden while the others change
        node["type"] = f"\0{node['type']}"
    rewriter = Rewriter(graph, next_id)
    for pack in _PACKS:
        pack.convert(rewriter)
    for node in strangers:
        node["type"] = foreign[node["id"]]
    if rewriter.sentences:
        _leave_note(rewriter, old)
    graph.write()
    for name, table in (("replaced", rewriter.replaced), ("kept", rewriter.kept)):
        counts: dict[str, int] = getattr(report, name)
        for kind, number in table.items():
            counts[kind] = counts.get(kind, 0) + number
    report.sentences += rewriter.sentences
    return rewriter.next_id


def _is_old(node: Node) -> bool:
    """Whether a node is of one of the packs, and not another pack's of the same name."""
    kind = OLD_NODES.get(node["type"])
    if kind is None:
        return False
    if not kind.mark:
        return True
    sockets = (*(node.get("inputs") or []), *(node.get("outputs") or []))
    return any(entry.get("name") == kind.mark for entry in sockets)


def _leave_note(rewriter: Rewriter, old: list[Node]) -> None:
    """The sentences again, where whoever opens the graph sees them."""
    left = min(
        (float(node["pos"][0]) for node in old if isinstance(node.get("pos"), list)), default=0.0
    )
    top = min(
        (float(node["pos"][1]) for node in old if isinstance(node.get("pos"), list)), default=0.0
    )
    text = "Converted for Talking Portraits.\n\n" + "\n".join(
        f"- {sentence}" for sentence in rewriter.sentences
    )
    like: Node = {"pos": [left, top - _NOTE_SIZE[1] - 80.0]}
    note = rewriter.new("Note", like, {"text": text})
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

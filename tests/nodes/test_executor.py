"""The tests' own executor keeps ComfyUI's rules: else what it runs proves little."""

from __future__ import annotations

from typing import Any

import pytest
from comfy_api.latest import io

from .executor import Executor, GraphError

RUNS: list[str] = []


class Numbers(io.ComfyNode):
    """Three numbers as a list."""

    @classmethod
    def define_schema(cls) -> Any:
        outputs = [io.Int.Output("n", is_output_list=True), io.Int.Output("first")]
        return io.Schema("Numbers", inputs=[io.Int.Input("start", min=0, max=9)], outputs=outputs)

    @classmethod
    def execute(cls, start: int) -> Any:
        RUNS.append("Numbers")
        return io.NodeOutput([start, start + 1, start + 2], start)


class Add(io.ComfyNode):
    """A sum; its own check refuses 13."""

    @classmethod
    def define_schema(cls) -> Any:
        inputs = [io.Int.Input("a"), io.Int.Input("b"), io.Int.Input("c", optional=True)]
        hidden = [io.Hidden.unique_id]
        outputs = [io.Int.Output("sum")]
        return io.Schema("Add", inputs=inputs, outputs=outputs, hidden=hidden, is_output_node=True)

    @classmethod
    def validate_inputs(cls, b: int | None = None) -> bool | str:
        return "13 brings bad luck" if b == 13 else True

    @classmethod
    def execute(cls, a: int, b: int, c: int = 0) -> Any:
        RUNS.append(f"Add {cls.hidden.unique_id}")
        return io.NodeOutput(a + b + c, ui={"text": [str(a + b + c)]})


class Changing(io.ComfyNode):
    """A number from outside."""

    value = 1

    @classmethod
    def define_schema(cls) -> Any:
        return io.Schema("Changing", inputs=[], outputs=[io.Int.Output("n")])

    @classmethod
    def fingerprint_inputs(cls) -> int:
        return Changing.value

    @classmethod
    def execute(cls) -> Any:
        return io.NodeOutput(Changing.value)


class Old:
    """A node of the first kind."""

    RETURN_TYPES = ("STRING",)
    FUNCTION = "go"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"n": ("INT", {})}, "hidden": {"me": "UNIQUE_ID"}}

    def go(self, n: int, me: str) -> tuple[str]:
        return (f"{n} in {me}",)


NODES = {"Numbers": Numbers, "Add": Add, "Changing": Changing, "Old": Old}


def graph(start: int = 1, b: Any = 10) -> dict[str, Any]:
    return {
        "n": {"class_type": "Numbers", "inputs": {"start": start}},
        "s": {"class_type": "Add", "inputs": {"a": ["n", 0], "b": b}},
        "t": {"class_type": "Add", "inputs": {"a": ["n", 1], "b": ["s", 0]}},
        "o": {"class_type": "Old", "inputs": {"n": ["s", 0]}},
    }


def test_lists_call_a_node_once_per_item_and_short_ones_repeat() -> None:
    run = Executor(NODES).run(graph(), ["t", "o"])
    assert run.outputs["n"] == [[1, 2, 3], [1]]
    assert run.outputs["s"] == [[11, 12, 13]]
    assert run.outputs["t"] == [[12, 13, 14]]
    assert run.outputs["o"] == [["11 in o", "12 in o", "13 in o"]]
    assert run.ui["t"] == {"text": ["12", "13", "14"]}


def test_only_what_changed_is_run_again() -> None:
    executor = Executor(NODES)
    executor.run(graph(), ["t"])
    again = executor.run(graph(), ["t"])
    assert again.executed == []
    assert again.cached == ["n", "s", "t"]
    other = executor.run(graph(b=20), ["t"])
    assert other.executed == ["s", "t"]


def test_a_fingerprint_decides() -> None:
    executor = Executor(NODES)
    only = {"c": {"class_type": "Changing", "inputs": {}}}
    assert executor.run(only, ["c"]).executed == ["c"]
    assert executor.run(only, ["c"]).executed == []
    Changing.value = 2
    assert executor.run(only, ["c"]).outputs["c"] == [[2]]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (graph(start=10), "bigger than max of 9"),
        (graph(start=-1), "smaller than min of 0"),
        (graph(b=13), "bad luck"),
        (graph(b=["o", 0]), "STRING does not fit INT"),
        ({"s": {"class_type": "Add", "inputs": {"a": 1}}}, "b: Required input is missing"),
        ({"s": {"class_type": "Nobody", "inputs": {}}}, "Nobody does not exist"),
    ],
)
def test_what_the_host_refuses_is_refused(changed: dict[str, Any], reason: str) -> None:
    if reason.startswith("STRING"):
        changed["o"]["inputs"]["n"] = 1
    with pytest.raises(GraphError, match=reason):
        Executor(NODES).run(changed, ["s"])

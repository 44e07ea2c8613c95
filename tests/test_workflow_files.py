"""The example graphs as files: whole, readable, and equal to what they were written from.

No ComfyUI is needed. ``tests/nodes/test_workflow_twins.py`` compares them with the nodes' schemas.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tools.workflows.__main__ import compact
from tools.workflows.convert import to_api
from tools.workflows.graph import Graph
from tools.workflows.graphs import CORE, GRAPHS
from tools.workflows.layout import PLAYER, size_of
from tools.workflows.schemas import OURS, stored_schemas

FOLDER = Path(__file__).resolve().parent.parent / "workflows"
SCHEMAS = stored_schemas()
WRITTEN: dict[str, Graph] = {graph.name: graph for graph in (make(SCHEMAS) for make in GRAPHS)}
NAMES = sorted(WRITTEN)

# The only files that graphs may name: ComfyUI's own example, and those of workflows/README.md.
INPUT_FILES = {"example.png", "voice.flac", "second.flac", "people.png", "driving.mp4", "clip.mp4"}


def read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def read_twin(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / "api" / f"{name}.json").read_text(encoding="utf-8"))


def test_there_are_at_least_twelve_and_no_other_file() -> None:
    assert len(NAMES) >= 12
    for folder in (FOLDER, FOLDER / "api"):
        assert sorted(path.stem for path in folder.glob("*.json")) == NAMES
    assert sorted(path.stem for path in FOLDER.glob("*.jpg")) == NAMES
    assert [name[:2] for name in NAMES] == [f"{n:02}" for n in range(1, len(NAMES) + 1)]


def test_the_stored_schemas_are_of_our_nodes_and_of_those_of_comfyui_in_use() -> None:
    used = {node.kind for graph in WRITTEN.values() for node in graph.nodes if node.spec}
    assert set(CORE) == {kind for kind in used if not kind.startswith(OURS)}
    assert {kind for kind in SCHEMAS if not kind.startswith(OURS)} == set(CORE)


def test_every_node_of_ours_is_in_a_graph() -> None:
    used = {node.kind for graph in WRITTEN.values() for node in graph.nodes}
    ours = {kind for kind in SCHEMAS if kind.startswith(OURS)}
    # For graphs of another pack only, which are rewritten to it.
    assert ours - used == {"TalkingPortraitsLivePortraitProcess"}


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_was_written(name: str) -> None:
    graph = WRITTEN[name].to_ui()
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == compact(graph) + "\n", "stale: python -m tools.workflows build"


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_is_the_graph(name: str) -> None:
    assert read_twin(name) == to_api(read(name), SCHEMAS)


@pytest.mark.parametrize("name", NAMES)
def test_wires_are_whole(name: str) -> None:
    graph = read(name)
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert graph["last_node_id"] >= max(nodes)
    assert len(nodes) == len(graph["nodes"])
    seen: set[int] = set()
    for number, source, slot, target, place, kind in graph["links"]:
        output, entry = nodes[source]["outputs"][slot], nodes[target]["inputs"][place]
        assert number in output["links"]
        assert entry["link"] == number
        assert output["type"] == kind
        spec = SCHEMAS[nodes[target]["type"]].input(entry["name"])
        assert spec.takes(kind)
        seen.add(number)
    wired = [e["link"] for n in graph["nodes"] for e in n["inputs"] if e["link"] is not None]
    assert sorted(wired) == sorted(seen)
    orders = {node["id"]: node["order"] for node in graph["nodes"]}
    assert sorted(orders.values()) == list(range(len(nodes)))
    assert all(orders[link[1]] < orders[link[3]] for link in graph["links"])


@pytest.mark.parametrize("name", NAMES)
def test_values_fit_their_widgets(name: str) -> None:
    for node in read(name)["nodes"]:
        if node["type"] not in SCHEMAS:
            assert node["type"] == "MarkdownNote"
            continue
        spec = SCHEMAS[node["type"]]
        names = spec.widget_names()
        values = dict(zip(names, node.get("widgets_values", []), strict=True))
        for widget in spec.widgets():
            value = values[widget.name]
            if widget.is_file and widget.upload:
                assert value in INPUT_FILES
            elif widget.choices:
                assert value in widget.choices
            elif widget.type in ("INT", "FLOAT"):
                assert (widget.low or value) <= value <= (widget.high or value)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps_and_everything_lies_in_a_frame(name: str) -> None:
    graph = read(name)
    boxes = [(*node["pos"], *node["size"]) for node in graph["nodes"]]
    for index, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[index + 1 :]:
            beside = x + width <= other_x or other_x + other_width <= x
            above = y + height + 30 <= other_y or other_y + other_height + 30 <= y
            assert beside or above
        frames = [
            frame
            for frame in (group["bounding"] for group in graph["groups"])
            if frame[0] <= x
            and frame[1] <= y - 30
            and x + width <= frame[0] + frame[2]
            and y + height <= frame[1] + frame[3]
        ]
        assert len(frames) == 1
    WRITTEN[name].to_ui()  # which lays the graph out
    for node in WRITTEN[name].nodes:
        assert node.box[2] >= size_of(node)[0] or node.kind == PLAYER


@pytest.mark.parametrize("name", NAMES)
def test_it_explains_itself_and_gives_something(name: str) -> None:
    graph = read(name)
    notes = [n["widgets_values"][0] for n in graph["nodes"] if n["type"] == "MarkdownNote"]
    assert notes
    assert sum(map(len, notes)) > 200
    assert all(note == note.strip() and note for note in notes)
    assert all(group["title"] for group in graph["groups"])
    kinds = [node["type"] for node in graph["nodes"]]
    assert any(kind in SCHEMAS and SCHEMAS[kind].is_output for kind in kinds)
    assert any(kind.startswith(OURS) for kind in kinds)


@pytest.mark.parametrize("name", NAMES)
def test_it_names_no_place_of_the_machine_it_was_made_on(name: str) -> None:
    for path in (FOLDER / f"{name}.json", FOLDER / "api" / f"{name}.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|work|tmp|Users)/|[A-Z]:\\\\", text)
        assert len(text) < 120_000


@pytest.mark.parametrize("name", NAMES)
def test_its_picture_is_small(name: str) -> None:
    path = FOLDER / f"{name}.jpg"
    assert path.stat().st_size < 60_000
    with Image.open(path) as picture:
        assert picture.size == (512, 320)


def test_the_readme_names_every_graph() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"({name}.json)" in text
        assert f"({name}.jpg)" in text
    assert INPUT_FILES <= set(re.findall(r"`([\w.]+)`", text)) | {"example.png"}

"""Help pages, translations and shapes of the nodes fit the nodes.

Names are compared with ``tests/nodes/object_info.json``, which needs no ComfyUI; whether every text
is the newest is a test of the hosts' stage (``tests/nodes/test_node_pages.py``).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sadtalker_core.jobs.workflows.shapes import OF_COMFYUI
from tools.node_schemas import inputs_of, outputs_of, shape_of

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "web" / "docs"
OURS = "TalkingPortraits"
_ALL: dict[str, Any] = json.loads(
    (ROOT / "tests" / "nodes" / "object_info.json").read_text(encoding="utf-8")
)
NODES = {name: info for name, info in _ALL.items() if name.startswith(OURS)}
_HAN = re.compile(r"[\u4e00-\u9fff]")


def _definitions(language: str) -> dict[str, Any]:
    path = ROOT / "locales" / language / "nodeDefs.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _table(page: str, title: str) -> list[list[str]]:
    part = page.split(f"## {title}\n", 1)[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def test_every_node_has_its_pages_and_no_page_is_of_none() -> None:
    assert len(NODES) > 40
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert pages == {f"{name}.md" for name in NODES} | {f"{name}/zh.md" for name in NODES}


@pytest.mark.parametrize("name", sorted(NODES))
def test_pages_list_the_inputs_and_outputs(name: str) -> None:
    inputs = [each["name"] for each in inputs_of(NODES[name])]
    outputs = outputs_of(NODES[name])
    english = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    chinese = (DOCS / name / "zh.md").read_text(encoding="utf-8")
    for page, title, other in ((english, "Inputs", "Outputs"), (chinese, "输入", "输出")):
        assert page.startswith("# ")
        if inputs:
            rows = _table(page, title)
            assert [row[0].rsplit("`", 2)[-2] for row in rows] == inputs
            for row, each in zip(rows, inputs_of(NODES[name]), strict=True):
                said, kind = row[1].rsplit("*", 2)[:2]
                assert len(said) > 3, "an input without a word on it"
                assert kind.startswith(each["type"].replace(",", ", "))
        if outputs:
            rows = _table(page, other)
            kinds = [row[1].rsplit("*", 2)[1].split(" (")[0] for row in rows]
            assert kinds == [out["type"] for out in outputs]
            assert all(len(row[1].rsplit("*", 2)[0]) > 3 for row in rows)
    intro = chinese.split("\n\n")[1]
    assert len(_HAN.findall(intro)) > 10
    assert ("## Tips" in english) == ("## 使用提示" in chinese)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_translations_name_every_input_and_output(language: str) -> None:
    found = _definitions(language)
    assert set(found) == set(NODES)
    for name, info in NODES.items():
        entry = found[name]
        assert entry["display_name"]
        assert entry["description"]
        assert list(entry["inputs"]) == [each["name"] for each in inputs_of(info)]
        assert list(entry["outputs"]) == [str(slot) for slot in range(len(info["output"]))]
        texts = [entry["display_name"], entry["description"]]
        for part in (*entry["inputs"].values(), *entry["outputs"].values()):
            assert part["name"]
            assert part["tooltip"]
            texts.append(part["tooltip"])
        for text in texts:
            # vue-i18n gives these a meaning of its own
            assert not re.search(r"[{}@|$]", text), text
            if language == "zh":
                assert _HAN.search(text), text


def test_chinese_names_differ_where_english_ones_do() -> None:
    chinese = {name: entry["display_name"] for name, entry in _definitions("zh").items()}
    assert len(set(chinese.values())) == len(chinese)
    for name, entry in _definitions("zh").items():
        labels = [part["name"] for part in entry["inputs"].values()]
        assert len(set(labels)) == len(labels), (name, labels)


def test_shapes_for_converted_graphs_are_those_of_the_nodes() -> None:
    path = ROOT / "sadtalker_core" / "jobs" / "workflows" / "node_shapes.json"
    shapes = json.loads(path.read_text(encoding="utf-8"))
    for name, shape in shapes.items():
        assert shape == shape_of(NODES[name]), f"{name}: run python -m tools.node_pages"


def test_shapes_of_comfyuis_own_nodes() -> None:
    for name, shape in OF_COMFYUI.items():
        if name not in _ALL:
            continue
        inputs = inputs_of(_ALL[name])
        assert [each.name for each in shape.inputs] == [each["name"] for each in inputs], name
        assert [kind for _, kind in shape.outputs] == _ALL[name]["output"], name

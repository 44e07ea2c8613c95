"""Prompts in API format are converted as the graphs that they were exported from."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from sadtalker_core.jobs.workflows.convert import convert_workflow
from sadtalker_core.jobs.workflows.graph import REROUTE, Graph
from sadtalker_core.jobs.workflows.old_nodes import OLD_NODES
from sadtalker_core.jobs.workflows.shapes import shapes

from .old_graphs import Drawn
from .test_replacements import live_portrait
from .test_workflow_convert import scripted, talker

Prompt = dict[str, dict[str, Any]]


def exported(graph: dict[str, Any]) -> Prompt:
    """What the editor exports: values by name, wires past reroutes, no notes."""
    level = Graph(copy.deepcopy(graph))
    prompt: Prompt = {}
    for node in level.nodes.values():
        if node["type"] in (REROUTE, "Note"):
            continue
        inputs: dict[str, Any] = {}
        values = node.get("widgets_values") or []
        if node["type"] in shapes():
            place = 0
            for each in shapes()[node["type"]].inputs:
                if each.is_widget:
                    inputs[each.name] = values[place]
                    place += 1 + len(each.extra)
        elif node["type"] in OLD_NODES:
            inputs.update(zip(OLD_NODES[node["type"]].fields, values))
        elif isinstance(values, dict):
            inputs.update(values)
        for entry in node["inputs"]:
            source = level.source(level.into(node, entry["name"]))
            if source is not None:
                inputs[entry["name"]] = [str(source[0]["id"]), source[1]]
        prompt[str(node["id"])] = {
            "class_type": node["type"],
            "inputs": inputs,
            "_meta": {"title": node.get("title", node["type"])},
        }
    return prompt


def described(prompt: Prompt) -> list[str]:
    """The prompt without its numbers: each node, and for each wire where it comes from."""
    rows: list[str] = []
    for node in prompt.values():
        inputs = {
            name: [prompt[value[0]]["class_type"], value[1]]
            if isinstance(value, list) and str(value[0]) in prompt
            else value
            for name, value in node["inputs"].items()
        }
        rows.append(json.dumps([node["class_type"], inputs], sort_keys=True))
    return sorted(rows)


@pytest.mark.parametrize(
    "drawn",
    [
        live_portrait(),
        live_portrait("source_video_smoothed", "VHS_LoadVideo"),
        scripted("1 = 1:10\n2 = 5:10\n0 = 2:50"),
        talker(poseStyle=9),
        talker(useRefVideo=True, refInfo="blink"),
    ],
    ids=["kj", "kj video", "script", "talker", "reference"],
)
def test_a_prompt_and_its_graph_give_the_same(drawn: Drawn) -> None:
    old = exported(drawn.graph)
    before = copy.deepcopy(old)
    made, report = convert_workflow(old)
    assert old == before
    graph, of_graph = convert_workflow(drawn.graph)
    assert described(made) == described(exported(graph))
    assert report.replaced == of_graph.replaced
    assert not {node["class_type"] for node in made.values()} & set(OLD_NODES)
    for node in made.values():
        for value in node["inputs"].values():
            if isinstance(value, list):
                assert value[0] in made


def test_the_first_version_is_known_by_its_inputs() -> None:
    prompt: Prompt = {
        "1": {"class_type": "DownloadAndLoadLivePortraitModels", "inputs": {}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "3": {
            "class_type": "LivePortraitProcess",
            "inputs": {
                "pipeline": ["1", 0],
                "source_image": ["2", 0],
                "driving_images": ["2", 0],
                **{"dsize": 512, "scale": 2.7, "vx_ratio": 0.0, "vy_ratio": -0.1},
                **{"lip_zero": True, "eye_retargeting": False, "lip_retargeting": False},
                **{"stitching": True, "relative": True},
            },
        },
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 1]}},
    }
    made, _ = convert_workflow(prompt)
    kinds = {node["class_type"]: node["inputs"] for node in made.values()}
    assert kinds["TalkingPortraitsPreparePortrait"]["crop_scale"] == 2.7
    shown = made[kinds["PreviewImage"]["images"][0]]
    assert shown["class_type"] == "TalkingPortraitsPasteBack"


def test_another_packs_node_of_the_same_name_stays() -> None:
    node = {"class_type": "LivePortraitProcess", "inputs": {"model": ["2", 0], "audio": "x"}}
    prompt = {"1": node, "2": {"class_type": "Loader", "inputs": {}}}
    made, report = convert_workflow(prompt)
    assert made == prompt
    assert report.replaced == {}


def test_numbers_of_subgraphs_and_lists_of_values_survive() -> None:
    prompt = exported(talker().graph)
    prompt["12:7"] = {
        "class_type": "PreviewImage",
        "inputs": {"images": ["1", 0], "sizes": [512, 512], "words": ["a", 1]},
    }
    made, _ = convert_workflow(prompt)
    assert made["12:7"] == prompt["12:7"]

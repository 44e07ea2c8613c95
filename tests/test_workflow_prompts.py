"""The way from a graph of the UI to a prompt of the API, and what graphs are written with."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tools.workflows.convert import to_api
from tools.workflows.graph import BLUE, Graph
from tools.workflows.schemas import Schemas, stored_schemas

CORE = stored_schemas()


def sampler_graph() -> dict[str, Any]:
    graph = Graph("sampler", "A sampler", CORE)
    with graph.group("All", BLUE):
        loaded = graph.node("CheckpointLoaderSimple", ckpt_name="a.safetensors")
        good = graph.node("CLIPTextEncode", text="a portrait", clip=loaded)
        bad = graph.node("CLIPTextEncode", text="blurred", clip=loaded)
        graph.column()
        empty = graph.node("EmptyLatentImage", width=768)
        graph.note("Read me", "## Head\nSome text.")
        wires: dict[str, Any] = {"model": loaded, "positive": good, "negative": bad}
        settings: dict[str, Any] = {"steps": 12, "sampler_name": "dpmpp_2m", "cfg": 6.5}
        sampled = graph.node("KSampler", **wires, latent_image=empty, seed=7, **settings)
        decoded = graph.node("VAEDecode", samples=sampled, vae=loaded["vae"])
        scaled = graph.node("ImageScaleBy", image=decoded, scale_by=2.0)
        graph.node("SaveImage", images=scaled, filename_prefix="portrait")
    return graph.to_ui()


def node_of(graph: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(node for node in graph["nodes"] if node["type"] == kind)


def test_a_graph_becomes_the_prompt_that_it_means() -> None:
    prompt = to_api(sampler_graph(), CORE)
    assert prompt["6"] == {
        "class_type": "KSampler",
        "inputs": {
            **{"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0]},
            **{"latent_image": ["4", 0], "seed": 7, "steps": 12, "cfg": 6.5},
            **{"sampler_name": "dpmpp_2m", "scheduler": "simple", "denoise": 1.0},
        },
        "_meta": {"title": "KSampler"},
    }
    assert prompt["7"]["inputs"] == {"samples": ["6", 0], "vae": ["1", 2]}
    assert prompt["4"]["inputs"] == {"width": 768, "height": 512, "batch_size": 1}
    assert "5" not in prompt, "a note does not run"


def test_values_behind_a_seed_are_not_taken_for_the_next_widget() -> None:
    values = node_of(sampler_graph(), "KSampler")["widgets_values"]
    assert values[:3] == [7, "fixed", 12]


def test_a_muted_node_is_gone_with_its_wires() -> None:
    graph = sampler_graph()
    node_of(graph, "VAEDecode")["mode"] = 2
    prompt = to_api(graph, CORE)
    assert "7" not in prompt
    assert "image" not in prompt["8"]["inputs"]


def test_a_bypassed_node_lets_through_what_is_of_the_same_type() -> None:
    graph = sampler_graph()
    node_of(graph, "ImageScaleBy")["mode"] = 4
    prompt = to_api(graph, CORE)
    assert "8" not in prompt
    assert prompt["9"]["inputs"]["images"] == ["7", 0]


def test_a_reroute_is_followed_and_a_primitive_gives_its_value() -> None:
    graph = sampler_graph()
    saved = node_of(graph, "SaveImage")
    number = saved["inputs"][0]["link"]
    graph["links"] = [link for link in graph["links"] if link[0] != number]
    graph["links"] += [[50, 8, 0, 20, 0, "IMAGE"], [51, 20, 0, 9, 0, "IMAGE"]]
    saved["inputs"][0]["link"] = 51
    sampler = node_of(graph, "KSampler")
    entry = next(entry for entry in sampler["inputs"] if entry["name"] == "steps")
    entry["link"] = 52
    graph["links"].append([52, 21, 0, 6, sampler["inputs"].index(entry), "INT"])
    reroute = {"inputs": [{"name": "", "type": "*", "link": 50}], "outputs": [{"links": [51]}]}
    graph["nodes"] += [
        {"id": 20, "type": "Reroute", **reroute},
        {"id": 21, "type": "PrimitiveNode", "widgets_values": [33, "fixed"], "outputs": []},
    ]
    prompt = to_api(graph, CORE)
    assert prompt["9"]["inputs"]["images"] == ["8", 0]
    assert prompt["6"]["inputs"]["steps"] == 33
    assert set(prompt) == {"1", "2", "3", "4", "6", "7", "8", "9"}


def test_a_subgraph_is_taken_apart() -> None:
    graph = sampler_graph()
    inner = copy.deepcopy(node_of(graph, "ImageScaleBy"))
    inner["inputs"][0]["link"] = 1
    wires = [(1, -10, 0, 8, 0), (2, 8, 0, -20, 0)]
    ends = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    graph["definitions"] = {
        "subgraphs": [
            {
                "id": "larger",
                "nodes": [inner],
                "links": [dict(zip(ends, wire, strict=True)) for wire in wires],
                "inputs": [{"name": "image", "type": "IMAGE"}],
                "outputs": [{"name": "IMAGE", "type": "IMAGE"}],
            }
        ]
    }
    outer = node_of(graph, "ImageScaleBy")
    outer.update({"type": "larger", "widgets_values": []})
    prompt = to_api(graph, CORE)
    assert prompt["9"]["inputs"]["images"] == ["8:8", 0]
    assert prompt["8:8"]["inputs"]["image"] == ["7", 0]
    assert prompt["8:8"]["inputs"]["scale_by"] == 2.0
    assert "8" not in prompt


def test_values_that_were_not_saved_yet_are_the_defaults() -> None:
    graph = sampler_graph()
    node_of(graph, "KSampler")["widgets_values"] = [5, "fixed", 9]
    inputs = to_api(graph, CORE)["6"]["inputs"]
    assert (inputs["steps"], inputs["cfg"], inputs["denoise"]) == (9, 8.0, 1.0)


def test_a_value_that_is_a_list_is_not_taken_for_a_wire() -> None:
    graph = sampler_graph()
    node_of(graph, "SaveImage")["widgets_values"] = [["1", 0]]
    assert to_api(graph, CORE)["9"]["inputs"]["filename_prefix"] == {"__value__": ["1", 0]}


def test_values_by_name_are_read_too() -> None:
    graph = sampler_graph()
    node_of(graph, "KSampler")["widgets_values"] = {"seed": 5, "control_after_generate": "fixed"}
    inputs = to_api(graph, CORE)["6"]["inputs"]
    assert inputs["seed"] == 5
    assert "control_after_generate" not in inputs


def test_an_unknown_kind_of_node_is_named() -> None:
    graph = sampler_graph()
    node_of(graph, "KSampler")["type"] = "Sampler9000"
    with pytest.raises(KeyError, match="Sampler9000"):
        to_api(graph, CORE)


@pytest.mark.parametrize(
    ("kind", "inputs", "problem"),
    [
        ("KSampler", {"stepz": 3}, KeyError),
        ("EmptyLatentImage", {"width": 8}, ValueError),
        ("EmptyLatentImage", {"width": "wide"}, TypeError),
        ("VAEDecode", {}, ValueError),
        ("ImageScaleBy", {"upscale_method": "magic"}, ValueError),
    ],
)
def test_what_the_schemas_do_not_know_cannot_be_written(
    kind: str, inputs: dict[str, Any], problem: type[Exception]
) -> None:
    graph = Graph("wrong", "Wrong", CORE)
    with graph.group("All"), pytest.raises(problem):
        graph.node(kind, **inputs)


def test_a_wire_must_fit() -> None:
    graph = Graph("wrong", "Wrong", CORE)
    with graph.group("All"):
        picture = graph.node("LoadImage", image="example.png")
        with pytest.raises(TypeError, match="PreviewAny has nothing"):
            graph.node("PreviewImage", images=graph.node("PreviewAny", source=picture))
        with pytest.raises(KeyError, match="IMAGE, MASK"):
            picture["latent"]


def test_v3_and_v1_choices_are_read_alike() -> None:
    old = {"input": {"required": {"mode": [["a", "b"], {}]}}, "output": []}
    new = {"input": {"required": {"mode": ["COMBO", {"options": ["a", "b"]}]}}, "output": []}
    first, second = (Schemas({"N": info})["N"].inputs[0] for info in (old, new))
    assert first == second
    assert first.default == "a"

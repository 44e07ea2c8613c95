"""Old nodes are registered for ComfyUI's replacement, where it has one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from .pack import node_classes, pack_module


@dataclass
class NodeReplace:
    """What ComfyUI 0.14 and later has as ``io.NodeReplace``."""

    new_node_id: str
    old_node_id: str
    old_widget_ids: list[str] | None = None
    input_mapping: list[dict[str, Any]] | None = None
    output_mapping: list[dict[str, int]] | None = None


@dataclass
class Registry:
    rows: list[NodeReplace] = field(default_factory=list)

    async def register(self, row: NodeReplace) -> None:
        self.rows.append(row)


def _registered(monkeypatch: pytest.MonkeyPatch) -> list[NodeReplace]:
    import comfy_api.latest as latest

    registry = Registry()

    class Api:
        node_replacement = registry

    monkeypatch.setattr(latest.io, "NodeReplace", NodeReplace, raising=False)
    monkeypatch.setattr(latest, "ComfyAPI", Api, raising=False)
    asyncio.run(pack_module("nodes.replacements").register())
    return registry.rows


def test_what_is_registered_names_nodes_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = _registered(monkeypatch)
    assert len({row.old_node_id for row in rows}) == len(rows) > 10
    ours = node_classes()
    for row in rows:
        if not row.new_node_id.startswith("TalkingPortraits"):
            continue
        schema = ours[row.new_node_id].GET_SCHEMA()
        names = {each.id for each in schema.inputs}
        assert {each["new_id"] for each in row.input_mapping or []} <= names
        assert all(each["new_idx"] < len(schema.outputs) for each in row.output_mapping or [])


def test_a_prompt_is_rewritten_as_comfyui_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core's own steps on a prompt of LivePortraitKJ: what comes out is valid for our nodes."""
    rows = {row.old_node_id: row for row in _registered(monkeypatch)}
    values = {
        "lip_zero": False,
        "lip_zero_threshold": 0.03,
        "stitching": True,
        "delta_multiplier": 1.0,
        "mismatch_method": "constant",
        "relative_motion_mode": "relative",
        "driving_smooth_observation_variance": 3e-6,
        "expression_friendly": False,
        "expression_friendly_multiplier": 1.0,
    }
    crop = {"dsize": 512, "scale": 2.3, "vx_ratio": 0.0, "vy_ratio": -0.125, "face_index": 0}
    prompt: dict[str, dict[str, Any]] = {
        "1": {"class_type": "DownloadAndLoadLivePortraitModels", "inputs": {"mode": "human"}},
        "2": {
            "class_type": "LivePortraitCropper",
            "inputs": {"pipeline": ["1", 0], "source_image": ["9", 0], "rotate": True, **crop},
        },
        "3": {
            "class_type": "LivePortraitProcess",
            "inputs": {
                "pipeline": ["1", 0],
                "crop_info": ["2", 1],
                "source_image": ["9", 0],
                "driving_images": ["8", 0],
                **values,
            },
        },
        "4": {
            "class_type": "LivePortraitComposite",
            "inputs": {
                "source_image": ["9", 0],
                "cropped_image": ["3", 0],
                "liveportrait_out": ["3", 1],
            },
        },
    }
    for number, node in prompt.items():
        row = rows[node["class_type"]]
        old = node["inputs"]
        node["inputs"] = {
            each["new_id"]: each["set_value"] if "set_value" in each else old[each["old_id"]]
            for each in row.input_mapping or []
        }
        node["class_type"] = row.new_node_id
        for other in prompt.values():
            for value in other["inputs"].values():
                if isinstance(value, list) and value[0] == number:
                    slots = {each["old_idx"]: each["new_idx"] for each in row.output_mapping or []}
                    value[1] = slots.get(value[1], value[1])
    kinds = node_classes()
    for node in prompt.values():
        schema = kinds[node["class_type"]].GET_SCHEMA()
        for each in schema.inputs:
            given = node["inputs"].get(each.id)
            if isinstance(given, list) and given[0] in prompt:
                origin = kinds[prompt[given[0]]["class_type"]].GET_SCHEMA()
                assert origin.outputs[given[1]].io_type == each.io_type, each.id
            needs = not each.optional and getattr(each, "default", None) is None
            assert not needs or given is not None, (node["class_type"], each.id)


def test_nothing_happens_where_comfyui_replaces_no_nodes() -> None:
    asyncio.run(pack_module("nodes.replacements").register())


def test_another_interface_does_not_take_the_pack_down(monkeypatch: pytest.MonkeyPatch) -> None:
    import comfy_api.latest as latest

    class Api:
        node_replacement = object()

    monkeypatch.setattr(latest.io, "NodeReplace", object, raising=False)
    monkeypatch.setattr(latest, "ComfyAPI", Api, raising=False)
    asyncio.run(pack_module("nodes.replacements").register())

"""Graphs of the shape that abandoned packs' own examples have, put together node by node."""

from __future__ import annotations

import copy
import json
from typing import Any

from sadtalker_core.jobs.workflows.convert import Report, convert_workflow
from sadtalker_core.jobs.workflows.shapes import shapes

OURS = "TalkingPortraits"
Graph = dict[str, Any]

SOCKETS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "DownloadAndLoadLivePortraitModels": ({}, {"live_portrait_pipe": "LIVEPORTRAITPIPE"}),
    "LivePortraitLoadCropper": ({}, {"cropper": "LPCROPPER"}),
    "LivePortraitCropper": (
        {"pipeline": "LIVEPORTRAITPIPE", "cropper": "LPCROPPER", "source_image": "IMAGE"},
        {"cropped_image": "IMAGE", "crop_info": "CROPINFO"},
    ),
    "LivePortraitRetargeting": (
        {"driving_crop_info": "CROPINFO"},
        {"retargeting_info": "RETARGETINGINFO"},
    ),
    "LivePortraitProcess": (
        {
            "pipeline": "LIVEPORTRAITPIPE",
            "crop_info": "CROPINFO",
            "source_image": "IMAGE",
            "driving_images": "IMAGE",
            "opt_retargeting_info": "RETARGETINGINFO",
        },
        {"cropped_image": "IMAGE", "output": "LP_OUT"},
    ),
    "LivePortraitComposite": (
        {"source_image": "IMAGE", "cropped_image": "IMAGE", "liveportrait_out": "LP_OUT"},
        {"full_images": "IMAGE", "mask": "MASK"},
    ),
    "ExpressionEditor": (
        {
            "src_image": "IMAGE",
            "motion_link": "EDITOR_LINK",
            "sample_image": "IMAGE",
            "add_exp": "EXP_DATA",
        },
        {"image": "IMAGE", "motion_link": "EDITOR_LINK", "save_exp": "EXP_DATA"},
    ),
    "AdvancedLivePortrait": (
        {"src_images": "IMAGE", "motion_link": "EDITOR_LINK", "driving_images": "IMAGE"},
        {"images": "IMAGE"},
    ),
    "SadTalker": (
        {"image": "IMAGE", "audio": "AUDIO", "refVideo": "VIDEOSTRING"},
        {"video_path": "STRING", "show_video_path": "STRING"},
    ),
    "ShowVideo": ({"show_video_path": "STRING"}, {}),
    "ShowText": ({"text": "STRING"}, {"STRING": "STRING"}),
    "ShowAudio": ({}, {"AUDIO": "AUDIO"}),
    "LoadRefVideo": ({}, {"video": "VIDEO", "video_path": "VIDEOSTRING"}),
    "KeypointsToImage": ({"crop_info": "CROPINFO"}, {"keypoints_image": "IMAGE"}),
    "LoadExpData": ({}, {"exp": "EXP_DATA"}),
    "SaveExpData": ({"save_exp": "EXP_DATA"}, {"file_name": "STRING"}),
    "Texts": ({}, {"STRING": "STRING"}),
    "LoadImage": ({}, {"IMAGE": "IMAGE", "MASK": "MASK"}),
    "VHS_LoadVideo": ({}, {"IMAGE": "IMAGE", "frame_count": "INT"}),
    "VHS_VideoCombine": ({"images": "IMAGE"}, {}),
    "PreviewImage": ({"images": "IMAGE"}, {}),
    "Reroute": ({"": "*"}, {"": "*"}),
    "SetNode": ({"value": "LIVEPORTRAITPIPE"}, {"*": "*"}),
    "GetNode": ({}, {"value": "LIVEPORTRAITPIPE"}),
    "FlexExpressionEditor": ({"src_image": "IMAGE"}, {"motion_link": "EDITOR_LINK"}),
}


class Drawn:
    """A graph that is put together node by node, as the editor saves it."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.links: list[list[Any]] = []

    def add(self, kind: str, values: Any = None, **more: Any) -> int:
        inputs, outputs = SOCKETS[kind]
        number = len(self.nodes) + 1
        node: dict[str, Any] = {
            "id": number,
            "type": kind,
            "pos": [400.0 * number, 100.0],
            "size": {"0": 315.0, "1": 200.0},  # as older editors write it
            "flags": {},
            "order": number,
            "mode": 0,
            "inputs": [{"name": n, "type": t, "link": None} for n, t in inputs.items()],
            "outputs": [{"name": n, "type": t, "links": None} for n, t in outputs.items()],
            "properties": {"Node name for S&R": kind},
            **more,
        }
        if values is not None:
            node["widgets_values"] = values
        self.nodes.append(node)
        return number

    def link(self, start: int, slot: int, end: int, name: str) -> None:
        origin, target = self.nodes[start - 1], self.nodes[end - 1]
        place = next(i for i, each in enumerate(target["inputs"]) if each["name"] == name)
        number = len(self.links) + 1
        out = origin["outputs"][slot]
        out["links"] = [*(out["links"] or []), number]
        target["inputs"][place]["link"] = number
        self.links.append([number, start, slot, end, place, out["type"]])

    @property
    def graph(self) -> Graph:
        return {
            "last_node_id": len(self.nodes),
            "last_link_id": len(self.links),
            "nodes": self.nodes,
            "links": self.links,
            "groups": [],
            "config": {},
            "extra": {},
            "version": 0.4,
        }


def check_whole(graph: Graph) -> None:
    """Both ends of every link agree, types fit, and our nodes have their values."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert len(nodes) == len(graph["nodes"])
    assert max(nodes) <= graph["last_node_id"]
    known = {link[0]: link for link in graph["links"]}
    assert len(known) == len(graph["links"])
    for number, start, slot, end, place, _ in graph["links"]:
        out, entry = nodes[start]["outputs"][slot], nodes[end]["inputs"][place]
        assert number in out["links"]
        assert entry["link"] == number
        kinds = set(str(out["type"]).split(",")), set(str(entry["type"]).split(","))
        assert "*" in kinds[0] | kinds[1] or kinds[0] & kinds[1], (nodes[start], nodes[end])
    for node in nodes.values():
        linked = [each["link"] for each in node.get("inputs") or [] if each["link"] is not None]
        for out in node.get("outputs") or []:
            linked += out["links"] or []
        assert set(linked) <= set(known)
        if node["type"].startswith(OURS):
            shape = shapes()[node["type"]]
            count = sum(1 + len(each.extra) for each in shape.inputs if each.is_widget)
            assert len(node["widgets_values"]) == count


def converted(graph: Graph) -> tuple[Graph, Report]:
    before = copy.deepcopy(graph)
    made, report = convert_workflow(graph)
    assert graph == before  # what is given stays as it is
    check_whole(made)
    json.dumps(made)
    return made, report


def one(graph: Graph, kind: str) -> dict[str, Any]:
    full = kind if kind in shapes() and not kind.startswith(OURS) else OURS + kind
    found = [node for node in graph["nodes"] if node["type"] in (full, kind)]
    assert len(found) == 1, [node["type"] for node in graph["nodes"]]
    return found[0]


def value(node: dict[str, Any], name: str) -> Any:
    place = 0
    for each in shapes()[node["type"]].inputs:
        if each.is_widget:
            if each.name == name:
                return node["widgets_values"][place]
            place += 1 + len(each.extra)
    raise AssertionError(name)


def before(graph: Graph, node: dict[str, Any], name: str) -> tuple[str, int]:
    """Type and output of the node that an input is fed by."""
    entry = next(each for each in node["inputs"] if each["name"] == name)
    link = next(each for each in graph["links"] if each[0] == entry["link"])
    origin = next(each for each in graph["nodes"] if each["id"] == link[1])
    return origin["type"].removeprefix(OURS), link[2]

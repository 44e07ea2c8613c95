"""What nodes there are: ComfyUI's ``/object_info`` as data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
STORED = ROOT / "tests" / "nodes" / "object_info.json"
OURS = "TalkingPortraits"

WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
UPLOADS = ("image_upload", "video_upload", "audio_upload")
SEED_NAMES = frozenset({"seed", "noise_seed"})
CONTROL = "control_after_generate"  # the widget that the frontend puts behind each seed


@dataclass(frozen=True)
class InputSpec:
    """One input of a node."""

    name: str
    type: str
    optional: bool = False
    default: Any = None
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    is_widget: bool = False
    is_seed: bool = False
    is_advanced: bool = False
    is_multiline: bool = False
    is_file: bool = False  # a choice of files: what is there differs from machine to machine
    upload: str = ""  # what a button beside it uploads: image, video or audio

    def takes(self, kind: str) -> bool:
        """Whether an output of type ``kind`` may be connected."""
        if "*" in (self.type, kind):
            return True
        return bool(set(self.type.split(",")) & set(kind.split(",")))


@dataclass(frozen=True)
class OutputSpec:
    """One output of a node."""

    name: str
    type: str


@dataclass(frozen=True)
class NodeSpec:
    """One kind of node."""

    kind: str
    display_name: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    is_output: bool
    module: str

    def input(self, name: str) -> InputSpec:
        """The input of that name; ``KeyError`` with the names that there are."""
        for spec in self.inputs:
            if spec.name == name:
                return spec
        names = ", ".join(spec.name for spec in self.inputs)
        raise KeyError(f"{self.kind} has no input {name!r}; it has {names or 'none'}")

    def sockets(self) -> list[InputSpec]:
        """Inputs without a widget, in their order."""
        return [spec for spec in self.inputs if not spec.is_widget]

    def widgets(self) -> list[InputSpec]:
        """Inputs with a widget, in their order."""
        return [spec for spec in self.inputs if spec.is_widget]

    def widget_names(self) -> list[str]:
        """Names of the widgets as the frontend stores their values, with those it adds itself."""
        names: list[str] = []
        for spec in self.widgets():
            names.append(spec.name)
            if spec.is_seed:
                names.append(CONTROL)
        # In this order since frontend 1.27; 1.58 stores the upload button of sound right behind
        # the file. Nothing reads these values.
        uploads = [spec.upload for spec in self.widgets() if spec.upload]
        return names + [name for kind in uploads for name in _added_by_upload(kind)]


def _added_by_upload(kind: str) -> list[str]:
    return ["audioUI", "upload"] if kind == "audio" else ["upload"]


class Schemas(Mapping[str, NodeSpec]):
    """Every kind of node of an ``/object_info`` answer."""

    def __init__(self, object_info: Mapping[str, Any]) -> None:
        self._specs = {kind: node_spec(kind, info) for kind, info in object_info.items()}

    def __getitem__(self, kind: str) -> NodeSpec:
        return self._specs[kind]

    def __iter__(self) -> Any:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


def node_spec(kind: str, info: Mapping[str, Any]) -> NodeSpec:
    """One node of ``/object_info``: V1's ``[[a, b], {...}]`` and V3's ``["COMBO", {...}]``."""
    inputs: list[InputSpec] = []
    for group in ("required", "optional"):
        for name, found in info.get("input", {}).get(group, {}).items():
            inputs.append(_input_spec(name, found, group == "optional"))
    names = info.get("output_name") or info["output"]
    outputs = tuple(OutputSpec(n, _type_of(t)) for n, t in zip(names, info["output"], strict=True))
    return NodeSpec(
        kind=kind,
        display_name=info.get("display_name") or kind,
        inputs=tuple(inputs),
        outputs=outputs,
        is_output=bool(info.get("output_node")),
        module=info.get("python_module", ""),
    )


def _type_of(found: Any) -> str:
    return "COMBO" if isinstance(found, list) else str(found)


def _input_spec(name: str, found: Any, optional: bool) -> InputSpec:
    kind = found[0]
    facts: Mapping[str, Any] = found[1] if len(found) > 1 else {}
    choices = tuple(kind if isinstance(kind, list) else facts.get("options", ()))
    kind = _type_of(kind)
    uploads = [key.partition("_")[0] for key in UPLOADS if facts.get(key)]
    is_file = bool(uploads) or bool(facts.get("files"))
    is_widget = kind in WIDGET_TYPES and not facts.get("forceInput")
    default = facts.get("default")
    if default is None and is_widget:
        default = choices[0] if choices else {"STRING": "", "BOOLEAN": False}.get(kind, 0)
    return InputSpec(
        name=name,
        type=kind,
        optional=optional,
        default=default,
        choices=() if is_file else choices,
        low=facts.get("min"),
        high=facts.get("max"),
        is_widget=is_widget,
        is_seed=kind == "INT" and (bool(facts.get(CONTROL)) or name in SEED_NAMES),
        is_advanced=bool(facts.get("advanced")),
        is_multiline=bool(facts.get("multiline")),
        is_file=is_file,
        upload=uploads[0] if uploads else "",
    )


def stored_schemas() -> Schemas:
    """Those of our nodes and of ComfyUI's own that the graphs use."""
    return Schemas(json.loads(STORED.read_text(encoding="utf-8")))


def for_storing(object_info: Mapping[str, Any], core: set[str]) -> dict[str, Any]:
    """Our nodes and those of ``core``, without the files that happen to lie on this machine."""
    kept = {
        kind: _without_files(kind, info)
        for kind, info in sorted(object_info.items())
        if kind.startswith(OURS) or kind in core
    }
    lost = sorted(core - set(kept))
    if lost:
        raise KeyError(f"the server has no {', '.join(lost)}")
    return kept


# Choices that list files without saying so.
FILE_CHOICES = frozenset(
    {
        *("CheckpointLoaderSimple.ckpt_name", "UpscaleModelLoader.model_name"),
        *("TalkingPortraitsLoadSound.audio", "TalkingPortraitsLoadMotion.file"),
    }
)


# Our script in the frontend gives this one the player and the button of ComfyUI's Load Audio.
BY_SCRIPT = "TalkingPortraitsLoadSound.audio"


def _without_files(kind: str, info: Mapping[str, Any]) -> dict[str, Any]:
    made = json.loads(json.dumps(info))
    for key in ("python_module", "description", "category", "api_node", "input_order"):
        if key != "python_module":
            made.pop(key, None)
    made.pop("output_tooltips", None)
    for group in made.get("input", {}).values():
        if not isinstance(group, dict):
            continue
        for name, found in group.items():
            if not isinstance(found, list):
                continue
            facts = found[1] if len(found) > 1 and isinstance(found[1], dict) else {}
            facts.pop("tooltip", None)
            if f"{kind}.{name}" == BY_SCRIPT:
                facts["audio_upload"] = True
            if f"{kind}.{name}" in FILE_CHOICES or any(facts.get(key) for key in UPLOADS):
                facts["files"] = True
                if isinstance(found[0], list):
                    found[0] = []
                else:
                    facts["options"] = []
                found[1:] = [facts]
    made["python_module"] = _module_of(made.get("python_module") or "")
    return made


def _module_of(name: str) -> str:
    """The pack's folder has the name that its user gave it."""
    return "custom_nodes" if name.startswith("custom_nodes.") else name

"""What every node says of itself, and what importing the pack does: nothing else.

``python -m tests.nodes.test_schemas`` (with .venv-nodes) writes surface.json anew: what saved
graphs rely on.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .pack import ROOT, node_classes, pack_module

HERE = Path(__file__).resolve().parent
SURFACE = HERE / "surface.json"
PREFIX = "TalkingPortraits"
CATEGORIES = {"talking portraits"} | {
    f"talking portraits/{part}"
    for part in (
        *("models", "portrait", "audio", "motion", "expression", "render", "lips", "enhance"),
        "tools",
    )
}
IDS = sorted(node_classes())
WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")


def core_nodes() -> dict[str, str]:
    """Ids and display names of ComfyUI's own nodes (0.3.64)."""
    lines = (HERE / "core_nodes.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def schema_of(node_id: str) -> Any:
    return node_classes()[node_id].GET_SCHEMA()


def declared(node_id: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Input name to type and facts, in order."""
    kinds = node_classes()[node_id].INPUT_TYPES()
    return {**kinds.get("required", {}), **kinds.get("optional", {})}


def has_widget(kind: Any, facts: dict[str, Any]) -> bool:
    return (isinstance(kind, list) or kind in WIDGETS) and not facts.get("forceInput")


def surface() -> dict[str, dict[str, list[str]]]:
    """What saved graphs rely on, by node: names of sockets and widgets, and outputs."""
    return {
        node_id: {
            "sockets": [n for n, (kind, facts) in inputs.items() if not has_widget(kind, facts)],
            "widgets": [n for n, (kind, facts) in inputs.items() if has_widget(kind, facts)],
            "outputs": [f"{o.display_name}: {o.io_type}" for o in schema_of(node_id).outputs],
        }
        for node_id, inputs in ((node_id, declared(node_id)) for node_id in IDS)
    }


def test_nodes_of_every_module_are_listed() -> None:
    """A module of nodes that the entry point does not know would be lost without a word."""
    found: set[str] = set()
    for path in sorted((ROOT / "nodes").glob("*.py")):
        if path.stem != "__init__" and "\nNODES" in path.read_text(encoding="utf-8"):
            found |= {node.GET_SCHEMA().node_id for node in pack_module(f"nodes.{path.stem}").NODES}
    assert found == set(IDS)


def test_ids_and_names_are_our_own() -> None:
    core = core_nodes()
    names = [schema_of(node_id).display_name for node_id in IDS]
    assert not [node_id for node_id in IDS if not node_id.startswith(PREFIX)]
    assert not set(IDS) & set(core)
    assert len(set(names)) == len(names)
    assert not set(names) & set(core.values())
    # Plain words, not the class's name again.
    assert not [n for n in names if not n or "_" in n or n.replace(" ", "") == n and len(n) > 12]


@pytest.mark.parametrize("node_id", IDS)
def test_node_explains_itself(node_id: str) -> None:
    schema = schema_of(node_id)
    assert schema.category in CATEGORIES
    assert schema.description.strip().endswith(".")
    assert schema.search_aliases, "no other words to find it by"
    assert all(alias.strip() for alias in schema.search_aliases)
    for name, (_, facts) in declared(node_id).items():
        assert facts.get("tooltip", "").strip(), f"{name} has no tooltip"
        assert name.isidentifier(), f"{name} cannot be an argument"
    for output in schema.outputs:
        assert output.display_name, f"output {output.id} has no name"
        assert output.tooltip, f"output {output.display_name} has no tooltip"


@pytest.mark.parametrize("node_id", IDS)
def test_inputs_and_outputs_share_no_id(node_id: str) -> None:
    """ComfyUI 0.3.64 refuses the whole pack else; later versions do not mind."""
    outputs = [output.id for output in schema_of(node_id).outputs]
    assert not set(outputs) & set(declared(node_id))


@pytest.mark.parametrize("node_id", IDS)
def test_defaults_are_values_that_pass(node_id: str) -> None:
    for name, (kind, facts) in declared(node_id).items():
        default = facts.get("default")
        if kind in ("INT", "FLOAT"):
            assert default is not None, f"{name} has no default"
            assert facts["min"] <= default <= facts["max"], name
            assert facts["min"] < facts["max"], name
            assert 0 < facts.get("step", 1) <= facts["max"] - facts["min"], name
            if kind == "INT":
                assert all(isinstance(facts[key], int) for key in ("default", "min", "max")), name
        elif kind == "BOOLEAN":
            assert isinstance(default, bool), name
        elif kind == "COMBO":
            assert isinstance(facts["options"], list), name
            if default is not None:
                assert default in facts["options"], name


@pytest.mark.parametrize("node_id", IDS)
def test_info_goes_to_the_frontend_as_json(node_id: str) -> None:
    node = node_classes()[node_id]
    for give in ("GET_NODE_INFO_V1", "GET_NODE_INFO_V3"):
        if hasattr(node, give):
            info = getattr(node, give)()
            text = json.dumps(info, allow_nan=False)
            assert node_id in text


@pytest.mark.parametrize("node_id", IDS)
def test_execute_takes_what_is_declared(node_id: str) -> None:
    """The host leaves out what is not connected: such inputs need a default in ``execute``."""
    node = node_classes()[node_id]
    for method in ("execute", "validate_inputs", "fingerprint_inputs"):
        own = method in node.__dict__ or method == "execute"
        if not own:
            continue
        parameters = inspect.signature(getattr(node, method)).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        kinds = node.INPUT_TYPES()
        known = set(declared(node_id)) | {"input_types"}
        named = {
            n for n, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }
        assert named <= known, f"{method} asks for {named - known}, which no input gives"
        if method != "validate_inputs" and not takes_all:
            assert set(declared(node_id)) <= named, f"{method} would fail on some inputs"
        for name in kinds.get("optional", {}):
            if name in named and method != "validate_inputs":
                assert parameters[name].default is not inspect.Parameter.empty, (method, name)


@pytest.mark.parametrize("node_id", IDS)
def test_seeds_count_on_and_nodes_without_chance_have_none(node_id: str) -> None:
    facts = declared(node_id).get("seed", (None, {}))[1]
    if facts:
        assert facts.get("control_after_generate")


def test_saved_graphs_stay_readable() -> None:
    """Graphs hold names of sockets, and widgets and outputs by number: those may only be added to.

    A change on purpose: write surface.json anew (see the top), say it in the changelog.
    """
    frozen = json.loads(SURFACE.read_text(encoding="utf-8"))
    now = surface()
    gone = sorted(set(frozen) - set(now))
    assert not gone, f"nodes removed: {gone}"
    for node_id, parts in frozen.items():
        missing = set(parts["sockets"]) - set(now[node_id]["sockets"])
        assert not missing, f"{node_id}: sockets removed: {missing}"
        for part in ("widgets", "outputs"):
            kept = now[node_id][part][: len(parts[part])]
            assert kept == parts[part], f"{node_id}: {part} removed or moved"
    assert sorted(now) == sorted(frozen), "new nodes are not in surface.json"


IMPORT = """
import json, os, sys
import torch
from tests.nodes import host_stand_ins
host_stand_ins.install()
import comfy.model_management, comfy.utils, comfy.model_patcher, folder_paths
before, environment, path = set(sys.modules), dict(os.environ), list(sys.path)
threads, mode = torch.get_num_threads(), torch.is_grad_enabled()
events = []
BAD = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostby",
       "socket.send", "subprocess.", "os.system", "os.putenv", "os.unsetenv", "os.exec", "os.fork",
       "os.spawn", "os.startfile", "urllib.", "http.", "pickle.find_class", "shutil.", "os.mkdir",
       "os.remove", "os.rename", "ftplib.", "webbrowser.")
watching = True
def hook(name, arguments):
    if not watching:
        return
    if name.startswith(BAD):
        events.append(f"{name} {arguments}")
    if name == "open" and isinstance(arguments[1], str) and set("wax+") & set(arguments[1]):
        if "__pycache__" not in str(arguments[0]):
            events.append(f"{name} {arguments}")
sys.addaudithook(hook)
from tests.nodes import pack
for node in pack.node_list():
    node.GET_NODE_INFO_V1()
watching = False
new = set(sys.modules) - before
print(json.dumps({
    "new": sorted(new), "events": events, "name": pack.NAME,
    "changed": {k: v for k, v in os.environ.items() if environment.get(k) != v},
    "path": [p for p in sys.path if p not in path],
    "torch": [threads == torch.get_num_threads(), mode == torch.is_grad_enabled()],
}))
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, Any]:
    """What a fresh Python saw while it imported the pack and asked for all schemas."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_import_reads_no_heavy_package(imported: dict[str, Any]) -> None:
    """What takes long is imported when a node runs."""
    heavy = ("cv2", "av", "PIL", "scipy", "librosa", "numba", "kornia", "torchvision", "torchaudio")
    heavy += ("huggingface_hub", "requests", "gradio", "transformers", "matplotlib", "safetensors")
    assert not [name for name in imported["new"] if name.split(".")[0] in heavy]


def test_import_reads_no_network_of_the_library(imported: dict[str, Any]) -> None:
    """Of the engines only the options, which the schemas are made of."""
    library = imported["name"] + ".sadtalker_core."
    ours = [name.removeprefix(library) for name in imported["new"] if name.startswith(library)]
    assert ours, "nothing of the library was seen: the test looks at the wrong names"
    engines = [name.split(".")[2:] for name in ours if name.startswith("systems.")]
    assert not [
        parts for parts in engines if parts and not parts[-1].endswith(("config", "options"))
    ]
    parts = ("jobs", "training", "cli", "ui", "metrics", "enhance", "faces.nets", "media.video_out")
    options = ("enhance", "enhance.options")
    assert not [name for name in ours if name.startswith(parts) and name not in options]
    assert "sadtalker_core" not in imported["new"], (
        "the library was imported under its own name too"
    )


def test_import_does_nothing_outside(imported: dict[str, Any]) -> None:
    assert not imported["events"]
    assert not imported["changed"]
    assert not imported["path"]
    assert all(imported["torch"])


if __name__ == "__main__":
    SURFACE.write_text(json.dumps(surface(), indent=1) + "\n", encoding="utf-8")

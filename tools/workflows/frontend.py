"""The graphs in ComfyUI's real frontend, in a headless browser (needs playwright and Chromium).

    python -m tools.workflows.frontend http://127.0.0.1:8188 [--vue] [--shots FOLDER] [name ...]

Loads every graph as a user would, and says: kinds of nodes that are missing, wires that were lost,
nodes that are too small for what is in them or that overlap, and every difference between the
prompt that the frontend would queue and the stored one. ``--shots`` keeps a picture of each.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .layout import PLAYER
from .schemas import ROOT, Schemas, stored_schemas

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
READY = (
    "window.app?.graph && Object.keys(window.LiteGraph?.registered_node_types ?? {}).length > 99"
)
SETTINGS = {"Comfy.Workflow.ShowMissingModelsWarning": False, "Comfy.Minimap.Visible": False}
LOAD = """async (graph) => {
  await app.loadGraphData(graph);
  await new Promise(done => setTimeout(done, 1200));
  const nodes = app.graph._nodes ?? app.graph.nodes;
  const found = nodes.map(node => ({
    id: node.id, type: node.type, known: node.type in LiteGraph.registered_node_types,
    pos: [...node.pos], size: [...node.size], least: [...node.computeSize()],
    wired: (node.inputs ?? []).filter(entry => entry.link != null).length,
  }));
  const prompt = await app.graphToPrompt();
  for (const node of found) {  // of Vue nodes, which are higher than they say
    const drawn = document.querySelector(`[data-node-id="${node.id}"]`);
    if (drawn) node.size = [drawn.offsetWidth, drawn.offsetHeight - 30];
  }
  const toasts = [...document.querySelectorAll(".p-toast-detail")].map(e => e.textContent);
  return { toasts, nodes: found, output: prompt.output, saved: app.graph.serialize() };
}"""


def differences(
    graph: dict[str, Any], twin: dict[str, Any], seen: dict[str, Any], schemas: Schemas
) -> Iterator[str]:
    """What the frontend made of a graph that is not as it was written."""
    yield from seen["toasts"]
    written = {str(node["id"]): node for node in graph["nodes"]}
    for node in seen["nodes"]:
        name = f"{node['id']} {node['type']}"
        if not node["known"]:
            yield f"{name}: missing"
        before = written.get(str(node["id"]))
        if before is None:
            yield f"{name}: not in the file"
            continue
        wired = sum(entry.get("link") is not None for entry in before["inputs"])
        if wired != node["wired"]:
            yield f"{name}: {wired} wires written, {node['wired']} after loading"
        for axis in (0, 1):
            if node["type"] != PLAYER and node["least"][axis] > before["size"][axis] + 1:
                yield f"{name}: needs {node['least']}, has {before['size']}"
    if len(written) != len(seen["nodes"]):
        yield f"{len(written)} nodes written, {len(seen['nodes'])} after loading"
    yield from _overlaps(seen["nodes"])
    yield from prompt_differences(twin, seen["output"], schemas)


def prompt_differences(
    twin: dict[str, Any], output: dict[str, Any], schemas: Schemas
) -> Iterator[str]:
    """Where a stored prompt and the frontend's are not equal.

    Inputs that no schema has are passed over: some versions put the state of a player there.
    """
    for key in sorted({*twin, *output}, key=str):
        if key not in twin or key not in output:
            yield f"node {key} is only in the {'frontend' if key in output else 'stored prompt'}"
            continue
        ours, theirs = twin[key], output[key]
        if ours["class_type"] != theirs["class_type"]:
            yield f"node {key}: {ours['class_type']} is {theirs['class_type']} in the frontend"
            continue
        names = {spec.name for spec in schemas[ours["class_type"]].inputs}
        for name in sorted(names):
            mine, other = ours["inputs"].get(name), theirs["inputs"].get(name)
            if mine != other:
                yield f"node {key} {ours['class_type']}.{name}: {mine!r} is {other!r} there"


def _overlaps(nodes: list[dict[str, Any]]) -> Iterator[str]:
    for index, a in enumerate(nodes):
        for b in nodes[index + 1 :]:
            apart = (
                a["pos"][0] + a["size"][0] <= b["pos"][0]
                or b["pos"][0] + b["size"][0] <= a["pos"][0]
                or a["pos"][1] + a["size"][1] <= b["pos"][1] - 30
                or b["pos"][1] + b["size"][1] <= a["pos"][1] - 30
            )
            if not apart:
                yield f"{a['id']} {a['type']} and {b['id']} {b['type']} overlap"


def _shoot(page: Any, graph: dict[str, Any], path: Path) -> None:
    """The whole graph, without the frontend's own panels around it."""
    boxes = [group["bounding"] for group in graph["groups"]]
    width, height = (max(box[i] + box[i + 2] for box in boxes) for i in (0, 1))
    scale, left, top = 0.75, 120, 110  # free of the frontend's bars
    size = {"width": int(width * scale) + left + 140, "height": int(height * scale) + top + 190}
    page.set_viewport_size(size)
    page.evaluate(
        """([scale, x, y]) => {
          app.canvas.ds.scale = scale;
          app.canvas.ds.offset[0] = x / scale;
          app.canvas.ds.offset[1] = y / scale;
          app.canvas.setDirty(true, true);
        }""",
        [scale, left, top],
    )
    page.wait_for_timeout(900)
    shown = page.evaluate("(r => [r.x, r.y])(app.canvas.canvas.getBoundingClientRect())")
    page.screenshot(
        path=path,
        clip={
            "x": shown[0] + left - 15,
            "y": shown[1] + top - 15,
            "width": width * scale + 30,
            "height": height * scale + 30,
        },
    )


def set_up(server: str, settings: dict[str, Any]) -> None:
    """Change settings of the server's user, which the frontend reads when it starts."""
    body = json.dumps(settings).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server}/api/settings", body, headers, method="POST")
    urllib.request.urlopen(request, timeout=20).close()


def main(arguments: list[str]) -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(prog="python -m tools.workflows.frontend")
    parser.add_argument("server")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--shots", type=Path)
    parser.add_argument("--vue", action="store_true", help="with Nodes 2.0")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args(arguments)
    schemas = stored_schemas()
    wrong = 0
    set_up(given.server, {**SETTINGS, "Comfy.VueNodes.Enabled": given.vue})
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=given.chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1800, "height": 950})
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(error.stack or str(error)))
        page.goto(given.server)
        page.wait_for_function(READY, timeout=120_000)
        complaints.clear()  # about its own start
        page.evaluate(
            "app.ui.settings.setSettingValue('Comfy.Workflow.ShowMissingModelsWarning', false)"
        )
        for path in sorted((ROOT / "workflows").glob("*.json")):
            if given.names and path.stem not in given.names:
                continue
            graph = json.loads(path.read_text(encoding="utf-8"))
            twin_path = path.parent / "api" / path.name
            twin = json.loads(twin_path.read_text(encoding="utf-8"))
            seen = page.evaluate(LOAD, graph)
            found = [*differences(graph, twin, seen, schemas), *complaints]
            complaints.clear()
            wrong += bool(found)
            print(path.stem, "as written" if not found else "")
            for line in found:
                print("   ", line)
            if given.shots is not None:
                given.shots.mkdir(parents=True, exist_ok=True)
                _shoot(page, graph, given.shots / f"{path.stem}.png")
        browser.close()
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

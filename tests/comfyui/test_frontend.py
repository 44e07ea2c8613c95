"""The real frontend loads every example graph, and sliders of the editors move their picture.

With the frontend of the server's own Python, and with the one unpacked at COMFYUI_FRONTEND (its
``static`` folder), classic and with Vue nodes. Screenshots stay: see the fixture ``pictures``.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import speech_like, write_wav
from tests.nodes.short_graphs import ROOT, load, names, write_inputs
from tools.workflows.frontend import prompt_differences
from tools.workflows.schemas import stored_schemas

from .browser import Browser, chromium
from .server import Server

# ComfyUI gives no scripts out of a folder whose name must be quoted in an address.
FOLDER = "talking-portraits-main"

READY = "!!window.app?.graph && Object.keys(LiteGraph.registered_node_types).length > 99"
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.Queue.ShowFlatList": False,
}
EDITOR = "TalkingPortraitsEditExpression"
LOAD = """(async (graph) => {
  await app.loadGraphData(graph);
  await new Promise(done => setTimeout(done, 800));
  const nodes = app.graph._nodes ?? app.graph.nodes;
  return {
    nodes: nodes.map(node => ({
      id: node.id, type: node.type, wrong: !!node.has_errors,
      known: node.type in LiteGraph.registered_node_types || node.isSubgraphNode?.() === true,
    })),
    links: Object.keys(app.graph.links ?? {}).length || (app.graph._links?.size ?? 0),
    output: (await app.graphToPrompt()).output,
    said: document.body.innerText,
  };
})"""


class Page:
    """The frontend of one server, open in a browser."""

    def __init__(self, browser: Browser, server: Server, name: str) -> None:
        self.browser = browser
        self.server = server
        self.name = name

    def complaints(self) -> list[str]:
        """What the console said about files or nodes of ours."""
        ours = ("TalkingPortraits", "Talking Portraits", "talking_portraits", FOLDER)
        return [
            f"{level}: {text}"
            for level, text in self.browser.console
            if level in ("error", "exception", "warning", "assert")
            and any(word in text for word in ours)
        ]

    def picture_of(self, node_id: str) -> np.ndarray:
        """(H, W, 3) the picture that is shown in a node."""
        found = f"JSON.stringify(app.nodeOutputs[{node_id!r}]?.images?.[0] ?? null)"
        entry = json.loads(self.browser.run(found))
        assert entry, "the node shows no picture"
        query = urllib.parse.urlencode(entry)
        with urllib.request.urlopen(f"{self.server.url}/view?{query}", timeout=30) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"), np.float32)


def _modes() -> list[Any]:
    other = os.environ.get("COMFYUI_FRONTEND")
    modes = [pytest.param(("", False), id="own frontend")]
    if other:
        modes.append(pytest.param((other, False), id="other frontend"))
        modes.append(pytest.param((other, True), id="other frontend, Vue nodes"))
    return modes


@pytest.fixture(scope="module", params=_modes())
def page(
    request: pytest.FixtureRequest,
    comfy_dir: Path,
    comfy_python: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Page]:
    """A browser on a server with the frontend in question."""
    if chromium() is None:
        pytest.skip("no Chromium is here")
    root, is_vue = request.param
    folder = tmp_path_factory.mktemp("frontend")
    arguments = ("--cpu", *(("--front-end-root", root) if root else ()))
    with Server(comfy_dir, comfy_python, folder / "base", FOLDER, arguments, False) as server:
        write_inputs(server.base / "input")
        write_named_inputs(server.base / "input")
        server.post("/settings", {**SETTINGS, "Comfy.VueNodes.Enabled": is_vue})
        with Browser(folder) as browser:
            browser.open(server.url)
            browser.wait(READY, 120)
            browser.listen(2)
            version = browser.run("window.__COMFYUI_FRONTEND_VERSION__ ?? ''")
            yield Page(browser, server, f"{version}{' vue' if is_vue else ''}")


# Their files are gigabytes, which the newer frontend says before anything is queued.
OTHERS_MODELS = ("CheckpointLoaderSimple", "UpscaleModelLoader")


def write_named_inputs(folder: Path) -> None:
    """Pictures, sounds and videos of the names that the example graphs have."""
    kinds = {"LoadImage": "head.png", "LoadAudio": "voice.wav", "LoadVideo": "driver.mp4"}
    kinds["TalkingPortraitsLoadSound"] = "voice.wav"
    for name in names():
        for node in load(name).values():
            file = next(iter(node["inputs"].values()), None)
            if node["class_type"] in kinds and isinstance(file, str):
                shutil.copy(folder / kinds[node["class_type"]], folder / file)


def test_the_extension_is_loaded_once_without_complaint(page: Page) -> None:
    found = page.browser.run("app.extensions.map(one => one.name)")
    ours = [name for name in found if name.startswith("TalkingPortraits")]
    assert ours
    assert len(ours) == len(set(ours))
    assert not page.complaints()


def test_the_video_plays_in_the_node(page: Page, pictures: Path) -> None:
    graph = json.loads((ROOT / "workflows" / "01_talking_portrait.json").read_text("utf-8"))
    # Long enough for previews: the frontend would show the last one in place of the video.
    write_wav(page.server.base / "input" / "voice.flac", speech_like(6.0))
    page.browser.run(f"{LOAD}({json.dumps(graph)})")
    page.browser.run("app.queuePrompt(0).then(() => true)")
    player = (
        "[...document.querySelectorAll('video')].find(one =>"
        " /talking_portrait/.test(one.currentSrc) && one.readyState >= 1)"
    )
    page.browser.wait(f"!!({player})", 120)
    page.browser.listen(1)
    page.browser.picture(pictures / f"video {page.name}.png")
    assert page.browser.run(f"({player}).duration") == pytest.approx(6.0, abs=0.1)
    assert page.browser.run(f"({player}).videoWidth") > 100
    assert not page.complaints()


@pytest.mark.parametrize("name", names())
def test_graph_opens_with_every_node(page: Page, pictures: Path, name: str) -> None:
    path = ROOT / "workflows" / f"{name}.json"
    graph = json.loads(path.read_text(encoding="utf-8"))
    seen = page.browser.run(f"{LOAD}({json.dumps(graph)})")
    page.browser.picture(pictures / f"{name} {page.name}.png")
    assert len(seen["nodes"]) == len(graph["nodes"])
    assert not [node["type"] for node in seen["nodes"] if not node["known"]]
    wrong = [node["type"] for node in seen["nodes"] if node["wrong"]]
    assert not set(wrong) - set(OTHERS_MODELS)
    assert seen["links"] == len(graph["links"])
    assert "missing node" not in seen["said"].lower()
    twin = json.loads((path.parent / "api" / path.name).read_text(encoding="utf-8"))
    assert not list(prompt_differences(twin, seen["output"], stored_schemas()))
    assert not page.complaints()


@pytest.mark.parametrize("slider", ["smile", "rotate_yaw"])
def test_a_slider_moves_the_picture(page: Page, pictures: Path, slider: str) -> None:
    """Moved with the mouse, twice, while nothing else is queued by hand."""
    node_id = open_editor(page)
    shown = []
    for number, share in enumerate((0.85, 0.25)):
        before = page.browser.run(f"JSON.stringify(app.nodeOutputs[{node_id!r}] ?? null)")
        value = page.browser.run(VALUE % (node_id, slider))
        page.browser.drag(*slider_places(page, node_id, slider, share))
        assert page.browser.run(VALUE % (node_id, slider)) != value, "the mouse missed the slider"
        changed = f"JSON.stringify(app.nodeOutputs[{node_id!r}] ?? null) !== {json.dumps(before)}"
        page.browser.wait(changed, 60)
        settle(page)
        page.browser.picture(pictures / f"editor {slider} {number} {page.name}.png")
        shown.append(page.picture_of(node_id))
    assert shown[0].shape == shown[1].shape
    assert np.abs(shown[0] - shown[1]).mean() > 0.2, "both pictures are the same"
    assert not page.complaints()


def test_switched_off_nothing_is_queued(page: Page) -> None:
    node_id = open_editor(page)
    find = f"app.graph.getNodeById({node_id}).widgets.find(one => one.name === 'live_preview')"
    page.browser.run(f"void ({find}.value = false)")
    page.browser.listen(1)
    before = page.browser.run(f"JSON.stringify(app.nodeOutputs[{node_id!r}] ?? null)")
    page.browser.drag(*slider_places(page, node_id, "smile", 0.9))
    page.browser.listen(3)
    assert page.browser.run(f"JSON.stringify(app.nodeOutputs[{node_id!r}] ?? null)") == before


VALUE = "app.graph.getNodeById(%s).widgets.find(one => one.name === %r).value"
PLACE = """(() => {
  const node = app.graph.getNodeById(%s);
  const widget = node.widgets.find(one => one.name === %r);
  const box = app.canvas.canvas.getBoundingClientRect();
  const { scale, offset } = app.canvas.ds;
  const at = (x, y) => [box.left + (node.pos[0] + x + offset[0]) * scale,
                        box.top + (node.pos[1] + y + offset[1]) * scale];
  const y = (widget.last_y ?? widget.y) + 10;
  return [at(20, y), at(node.size[0] - 20, y)];
})()"""
VUE_PLACE = """(() => {
  const node = document.querySelector(`[data-node-id="%s"]`);
  const names = [...node.querySelectorAll('*')].filter(
    (one) => !one.children.length && one.textContent.trim().replaceAll(" ", "_") === %r);
  let row = names[0];
  while (row && !row.querySelector('[role=slider], input[type=range]')) row = row.parentElement;
  const thumb = row.querySelector('[role=slider], input[type=range]');
  const track = (thumb.closest('[data-slider-impl], [data-slot=slider], .p-slider') ?? thumb)
    .getBoundingClientRect();
  const y = track.top + track.height / 2;
  return [[track.left + 2, y], [track.right - 2, y]];
})()"""


def open_editor(page: Page) -> str:
    """A graph of a picture and the editor, large in view; the editor's id."""
    path = ROOT / "workflows" / "03_edit_expression.json"
    graph = json.loads(path.read_text(encoding="utf-8"))
    page.browser.run(f"{LOAD}({json.dumps(graph)})")
    node_id = next(str(node["id"]) for node in graph["nodes"] if node["type"] == EDITOR)
    page.browser.run(
        f"""(() => {{
          const node = app.graph.getNodeById({node_id}), box = app.canvas.canvas;
          const tall = box.clientHeight - 160;
          const scale = Math.min(1, tall / (node.size[1] + 40));
          app.canvas.ds.scale = scale;
          app.canvas.ds.offset = [box.clientWidth / scale / 2 - node.pos[0] - node.size[0] / 2,
                                  110 / scale - node.pos[1] + 30];
          app.canvas.setDirty(true, true);
        }})()"""
    )
    page.browser.listen(1.5)
    return node_id


def slider_places(page: Page, node_id: str, slider: str, share: float) -> tuple[Any, Any]:
    """Where to press and where to let go, in pixels of the page."""
    script = VUE_PLACE if page.name.endswith("vue") else PLACE
    (x0, y), (x1, _) = page.browser.run(script % (node_id, slider))
    return (x0 + (x1 - x0) * 0.5, y), (x0 + (x1 - x0) * share, y)


def settle(page: Page) -> None:
    """Until nothing is queued any more."""
    quiet_since = time.monotonic()
    until = time.monotonic() + 60
    while time.monotonic() - quiet_since < 1.0 and time.monotonic() < until:
        queue = page.server.get("/queue")
        if queue["queue_running"] or queue["queue_pending"]:
            quiet_since = time.monotonic()
        page.browser.listen(0.2)
    page.browser.listen(1)  # the picture is still on its way

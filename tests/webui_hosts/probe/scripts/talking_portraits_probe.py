"""A second extension in the web UI of the tests: it looks at what ours does, from inside.

It also stands in for a model: it puts pictures into the galleries of txt2img and img2img, and holds
the queue as a picture that is generated does.
"""

from __future__ import annotations

import importlib.metadata
import sys
import threading
import time
from typing import Any

import gradio as gr  # pyright: ignore[reportMissingImports]
from modules import (  # pyright: ignore[reportMissingImports]
    call_queue,
    paths_internal,
    script_callbacks,
    shared,
)
from PIL import Image

SIZE = (192, 128)
_galleries: dict[str, Any] = {}
_made = {"count": 0}


def picture() -> Image.Image:
    """A picture that can be told by its colours, whatever it was written as."""
    made = Image.new("RGB", SIZE, (200, 40, 40))
    made.paste((40, 40, 200), (SIZE[0] // 2, 0, *SIZE))
    return made


def after_component(component: Any, **known: Any) -> None:
    for tab in ("txt2img", "img2img"):
        if known.get("elem_id") == f"{tab}_gallery":
            _galleries[tab] = component


def tab() -> list[tuple[Any, str, str]]:
    with gr.Blocks(analytics_enabled=False) as blocks:
        for name, gallery in _galleries.items():
            button = gr.Button(f"Fill {name}", elem_id=f"probe_fill_{name}")
            button.click(lambda: [picture()], inputs=[], outputs=[gallery])
        generate = gr.Button("Generate", elem_id="probe_generate")
        said = gr.HTML(elem_id="probe_said")
        work = call_queue.wrap_gradio_gpu_call(generated, extra_outputs=[])
        generate.click(work, inputs=[], outputs=[said])
    return [(blocks, "Probe", "probe")]


def generated() -> list[str]:
    """What a generated picture is to the queue."""
    _made["count"] += 1
    return [f"generated {_made['count']}"]


def app_started(_: Any, app: Any) -> None:
    def ready() -> dict[str, Any]:
        out = getattr(paths_internal, "default_output_dir", "")
        return {"outputs": str(out), "data": str(paths_internal.data_path)}

    loaded = sorted(sys.modules)

    def at_start() -> list[str]:
        """Modules that the start imported."""
        return loaded

    def versions() -> dict[str, str]:
        found = importlib.metadata.distributions()
        return {str(each.metadata["Name"]): str(each.version) for each in found}

    def option(name: str) -> Any:
        return {"value": getattr(shared.opts, name, None), "known": name in shared.opts.data_labels}

    def hold(seconds: float) -> str:
        """Hold the queue for a while, as a picture that is generated does."""
        taken = threading.Event()

        def held() -> None:
            with call_queue.queue_lock:
                taken.set()
                time.sleep(seconds)

        threading.Thread(target=held, daemon=True).start()
        return "held" if taken.wait(60) else "late"

    def made() -> int:
        return _made["count"]

    for name, fn in (
        ("ready", ready),
        ("at_start", at_start),
        ("versions", versions),
        ("option", option),
        ("hold", hold),
        ("made", made),
    ):
        app.add_api_route(f"/probe/{name}", fn, methods=["GET"])


script_callbacks.on_after_component(after_component)
script_callbacks.on_ui_tabs(tab)
script_callbacks.on_app_started(app_started)

"""A second extension in the web UI of the tests: it looks at what ours does, from inside.

It also stands in for a model: it puts pictures into the galleries of txt2img and img2img, and holds
the queue as a picture that is generated does. And it holds a job of ours at one of its frames, so
that tests look at what stays, and not at what passes.
"""

from __future__ import annotations

import gc
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
_built = {"seconds": -1.0}
HELD_AT_MOST_S = 900.0  # nobody may wait for ever


class Gate:
    """Holds whoever comes while it is shut.

    Attributes:
        is_shut: whether it holds who comes.
        held: set when somebody stands before it.
    """

    def __init__(self) -> None:
        self.is_shut = False
        self.held, self._open = threading.Event(), threading.Event()

    def shut(self) -> None:
        self.held.clear()
        self._open.clear()
        self.is_shut = True

    def open(self) -> None:
        self.is_shut = False
        self._open.set()

    def stand(self) -> None:
        self.held.set()
        self._open.wait(HELD_AT_MOST_S)


_queue, _job = Gate(), Gate()


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


def before_ui() -> None:
    """How long the building of our tab takes."""
    try:
        from sadtalker_core.ui import page  # pyright: ignore[reportMissingImports]
    except ImportError:
        return
    build = page.build

    def timed(*given: Any, **known: Any) -> Any:
        begun = time.perf_counter()
        try:
            return build(*given, **known)
        finally:
            _built["seconds"] = time.perf_counter() - begun

    page.build = timed


def watch_previews() -> None:
    """Let the gate of the job hold it at a frame: not the first, so that the page has seen one."""
    show = shared.state.assign_current_image
    seen = {"count": 0}

    def shown(picture: Image.Image) -> None:
        show(picture)
        seen["count"] = seen["count"] + 1 if _job.is_shut else 0
        if _job.is_shut and seen["count"] >= 3 and shared.state.sampling_step > 5:
            _job.stand()

    shared.state.assign_current_image = shown


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

    def hold() -> str:
        """Hold the queue until told, as a picture that is generated does."""
        _queue.shut()

        def held() -> None:
            with call_queue.queue_lock:
                _queue.stand()

        threading.Thread(target=held, daemon=True).start()
        return "held" if _queue.held.wait(HELD_AT_MOST_S) else "late"

    def hold_job() -> None:
        """Hold the next job of ours when it has rendered some frames, until told."""
        _job.shut()

    def job_is_held() -> bool:
        return _job.held.is_set()

    def jobs() -> list[dict[str, bool]]:
        """Of jobs of ours that have not ended: whether asked to stop, whether the page was left."""
        from sadtalker_core.ui.work import Run  # pyright: ignore[reportMissingImports]

        runs = [each for each in gc.get_objects() if type(each) is Run]
        return [
            {"stopping": run.stopped.is_set(), "left": run.is_left}
            for run in runs
            if not run.finished.is_set()
        ]

    def go_on() -> None:
        """Whatever is held goes on."""
        _queue.open()
        _job.open()

    def built() -> float:
        """Seconds that the building of our tab took."""
        return _built["seconds"]

    def made() -> int:
        return _made["count"]

    for name, fn in (
        ("ready", ready),
        ("at_start", at_start),
        ("versions", versions),
        ("option", option),
        ("hold", hold),
        ("hold_job", hold_job),
        ("job_is_held", job_is_held),
        ("jobs", jobs),
        ("go_on", go_on),
        ("built", built),
        ("made", made),
    ):
        app.add_api_route(f"/probe/{name}", fn, methods=["GET"])


watch_previews()
script_callbacks.on_before_ui(before_ui)
script_callbacks.on_after_component(after_component)
script_callbacks.on_ui_tabs(tab)
script_callbacks.on_app_started(app_started)

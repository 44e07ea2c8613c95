"""Serve the page with whatever gradio is here: ``python -m tests.ui.matrix.serve PORT OUT TEMP``.

The command ``ui`` asks for the newest gradio; this does not, for the tests alone. Old gradios are
those of web UIs, so there the page is a tab of another.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any


def serve(port: int, out: Path, temp: Path) -> tuple[Any, str]:
    """The page and its address."""
    os.environ["GRADIO_TEMP_DIR"] = str(temp)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from sadtalker_core.ui import versions
    from sadtalker_core.ui.host import LocalHost
    from sadtalker_core.ui.page import build
    from sadtalker_core.ui.style import LOCAL_STYLE

    host = LocalHost(out, temp)
    page = build(lambda: host, css=LOCAL_STYLE)
    if versions.version()[0] < 6:
        page = inside_tabs(page)
    versions.start_queue(page, 16, 100)
    folders = [str(host.output_folder()), str(host.temp_folder())]
    known: dict[str, Any] = {"allowed_paths": folders, "quiet": True, "prevent_thread_lock": True}
    if versions.version()[0] >= 6:
        known |= {"theme": versions.theme(), "css": LOCAL_STYLE, "ssr_mode": False}
    _, url, _ = page.launch(server_name="127.0.0.1", server_port=port, **known)
    return page, str(url)


def inside_tabs(page: Any) -> Any:
    """The page as one tab of another, as the web UIs have it."""
    import gradio as gr  # pyright: ignore[reportMissingImports]

    from sadtalker_core.ui import versions

    with versions.blocks("A web UI") as outer, gr.Tabs(elem_id="tabs"):
        with gr.TabItem("Talking Portraits", id="talking_portraits", elem_id="tab_ours"):
            page.render()
        with gr.TabItem("txt2img", id="txt2img"):
            gr.Textbox(label="Prompt")
    return outer


if __name__ == "__main__":
    _, address = serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    while True:
        time.sleep(1)

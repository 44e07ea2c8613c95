"""A Chromium whose camera shows a face and whose microphone hears a voice, both from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av

from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.settings import build_job


def write_y4m(video: Path, target: Path) -> Path:
    """Uncompressed frames, which is what the browser takes for a camera."""
    with av.open(str(video)) as file, target.open("wb") as written:
        stream = file.streams.video[0]
        size = f"W{stream.width} H{stream.height}"
        written.write(f"YUV4MPEG2 {size} F25:1 Ip A1:1 C420jpeg\n".encode())
        for frame in file.decode(stream):
            written.write(b"FRAME\n" + frame.reformat(format="yuv420p").to_ndarray().tobytes())
    return target


def with_camera(launch: Any, folder: Path, portrait: Path, voice: Path) -> Any:
    """A browser that sees ``portrait`` move and hears ``voice``, over and over."""
    seen = folder / "seen.mp4"
    run_animate(build_job({"portrait": portrait, "audio": voice, "out": seen, "engine": "lite"}))
    return launch(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={write_y4m(seen, folder / 'camera.y4m')}",
        f"--use-file-for-fake-audio-capture={voice}",
    )


def page_with_camera(browser: Any) -> Any:
    """An empty page that may use both."""
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, permissions=["camera", "microphone"]
    )
    return context.new_page()

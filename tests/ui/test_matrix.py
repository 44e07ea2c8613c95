"""The page in every gradio that hosts have: built, opened in Chromium, a job run to its video.

TALKING_PORTRAITS_UI_ENVS names the folder that ``tools.ui_environments`` made.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.settings import build_job
from tools.environments import python_of
from tools.ui_environments import ENVIRONMENTS

from .conftest import ROOT, Visit, watch

pytestmark = pytest.mark.hosts
SECONDS = 120_000


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(params=list(ENVIRONMENTS))
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, browser: Any
) -> Iterator[tuple[Any, Path]]:
    base = os.environ.get("TALKING_PORTRAITS_UI_ENVS", "")
    python = python_of(Path(base) / request.param)
    if not base or not python.exists():
        pytest.skip("TALKING_PORTRAITS_UI_ENVS names no such environment: make test-ui-matrix")
    out, temp = tmp_path / "out", tmp_path / "temp"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [str(python), "-m", "tests.ui.matrix.serve", str(free_port()), str(out), str(temp)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        # gradio 3 says a line of its own first.
        url = next((line for line in process.stdout if line.startswith("http")), "").strip()
        assert url, (tmp_path / "log").read_text()
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        found = Visit(context.new_page(), [], set())
        watch(found)
        found.page.goto(url)
        found.page.wait_for_selector("#tp-talk-go", timeout=SECONDS)
        yield found, out
        context.close()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def own_errors(found: Visit) -> list[str]:
    """Without those of old gradios that ask for scripts from elsewhere: their page, not ours."""
    known = ["ERR_NAME_NOT_RESOLVED"]
    if found.hosts - {"127.0.0.1"}:
        known.append("Failed to fetch")
    return [text for text in found.errors if not any(each in text for each in known)]


def test_a_job_runs_to_its_video(
    opened: tuple[Visit, Path], demo_portrait: Path, short_voice: Path
) -> None:
    found, out = opened
    page = found.page
    page.set_input_files("#tp-talk-portrait input[type=file]", str(demo_portrait))
    page.wait_for_selector("#tp-talk-portrait img", timeout=SECONDS)
    page.set_input_files("#tp-talk-sound input[type=file]", str(short_voice))
    page.wait_for_selector("#tp-talk-sound :is(audio, button[aria-label='Play'])", state="attached")
    page.wait_for_timeout(500)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-done", timeout=SECONDS)
    page.wait_for_function(
        "() => document.querySelector('#tp-talk-video video')?.duration > 0.9", timeout=SECONDS
    )
    (video,) = out.glob("*.mp4")
    with av.open(str(video)) as file:
        assert file.streams.video[0].frames == 25
        assert file.streams.audio
    assert not own_errors(found)


def test_a_video_says_something_else(
    opened: tuple[Visit, Path], demo_portrait: Path, voice: Path, short_voice: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "somebody.mp4"
    run_animate(build_job({"portrait": demo_portrait, "audio": voice, "out": clip}))
    found, out = opened
    page = found.page
    page.click("#tp-tabs button:has-text('Re-lip')")
    page.set_input_files("#tp-relip-clip input[type=file]", str(clip))
    page.wait_for_selector("#tp-relip-clip video", timeout=SECONDS)
    page.set_input_files("#tp-relip-sound input[type=file]", str(short_voice))
    page.wait_for_selector(
        "#tp-relip-sound :is(audio, button[aria-label='Play'])", state="attached"
    )
    page.wait_for_timeout(500)
    page.click("#tp-relip-go")
    page.wait_for_selector("#tp-relip-status .tp-done", timeout=SECONDS)
    page.wait_for_function(
        "() => document.querySelector('#tp-relip-video video')?.duration > 0.9", timeout=SECONDS
    )
    (video,) = out.glob("*.mp4")
    with av.open(str(video)) as file:
        assert file.streams.video[0].frames == 25
        assert file.streams.audio
    page.click("#tp-tabs button:has-text('Enhance')")
    page.wait_for_selector("#tp-enhance-needs:has-text('models download gfpgan-1.4')")
    network = page.locator("#tp-enhance .block:has-text('Which network restores faces') input")
    assert network.first.input_value() == "GFPGAN 1.4 (needs a download)"
    page.set_input_files("#tp-enhance-still input[type=file]", str(demo_portrait))
    page.wait_for_selector("#tp-enhance-still img", timeout=SECONDS)
    page.wait_for_timeout(500)
    page.click("#tp-enhance-go")
    page.wait_for_selector("#tp-enhance-status .tp-error", timeout=SECONDS)
    assert "models download gfpgan-1.4" in page.inner_text("#tp-enhance-status")
    assert not own_errors(found)


def test_a_slider_changes_the_preview(opened: tuple[Visit, Path], demo_portrait: Path) -> None:
    page = opened[0].page
    page.click("#tp-tabs button:has-text('Edit')")
    page.set_input_files("#tp-edit-portrait input[type=file]", str(demo_portrait))
    image = "#tp-edit-preview img"
    page.wait_for_selector(image, timeout=SECONDS)
    old = page.get_attribute(image, "src")
    page.locator("#tp-slider-smile input[type=range]").press("End")
    page.wait_for_function(
        "old => document.querySelector('#tp-edit-preview img').src != old", arg=old
    )


def test_a_face_is_clicked_and_settings_are_used_again(
    opened: tuple[Visit, Path], two_faces: Path, voice: Path
) -> None:
    page = opened[0].page
    page.set_input_files("#tp-talk-portrait input[type=file]", str(two_faces))
    page.wait_for_selector("#tp-talk-portrait img", timeout=SECONDS)
    page.set_input_files("#tp-talk-sound input[type=file]", str(voice))
    page.wait_for_selector("#tp-talk-faces .tp-face[data-face='1']", timeout=SECONDS)
    page.wait_for_selector("#tp-talk-sound :is(audio, button[aria-label='Play'])", state="attached")
    page.click("#tp-talk-faces .tp-face[data-face='1']")
    page.wait_for_selector("#tp-talk-faces .tp-face-chosen[data-face='1']", timeout=SECONDS)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-done", timeout=SECONDS)
    (made,) = opened[1].glob("*.json")
    assert json.loads(made.read_text())["settings"]["face"]["face_index"] == 1
    page.click("#tp-tabs button:has-text('Gallery')")
    page.click("#tp-gallery >> text=Refresh")  # gradio 3 does not tell when a part is opened
    page.wait_for_selector("#tp-gallery-pictures img", timeout=SECONDS)
    page.wait_for_timeout(500)
    page.locator("#tp-gallery-pictures img").first.click()
    page.wait_for_selector("#tp-gallery-use >> visible=true", timeout=SECONDS)
    page.click("#tp-gallery-use")
    page.wait_for_selector("#tp-talk-status:has-text('here again')", timeout=SECONDS)
    page.wait_for_selector("#tp-talk-go >> visible=true", timeout=SECONDS)
    assert "Choose again" not in page.inner_text("#tp-talk-status")

"""Jobs of the tab in a web UI: its queue, progress, buttons and folders."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from .conftest import give, show_part, show_tab, status, wait_for
from .webui import WebUI

PLAYS = "() => document.querySelector('#tp-talk-video video')?.currentTime > 0.5"


def begin(page: Any, portrait: Path, voice: Path) -> None:
    """A job of ten seconds of speech that has begun to render."""
    give(page, "talk", portrait, voice)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-frame")


def test_talk_from_upload_to_playing(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path, shot: Any
) -> None:
    page = visit(webui)
    before = webui.results()
    begin(page, demo_portrait, demo_voice)
    shot(page, "host-talk-working")
    seen = wait_for(lambda: _progress_with_frame(webui))
    assert seen["state"]["job"] == "Talking Portraits"
    assert 0.01 < seen["progress"] <= 1
    assert seen["textinfo"]
    frame = Image.open(io.BytesIO(base64.b64decode(seen["current_image"].split(",")[-1])))
    assert min(frame.size) > 100
    assert len(set(frame.convert("L").resize((16, 16)).tobytes())) > 8, "it is a picture"
    page.wait_for_selector("#tp-talk-status .tp-done")
    page.wait_for_function(PLAYS)
    heard = "() => document.querySelector('#tp-talk-video video').webkitAudioDecodedByteCount"
    assert page.evaluate(heard) > 0
    shot(page, "host-talk-done")
    (made,) = webui.results() - before
    with av.open(str(webui.outputs / made)) as file:
        assert file.streams.video[0].frames == 254
        assert file.streams.audio
    idle = webui.progress()
    assert idle["progress"] == 0
    assert not idle["state"]["job"]
    assert not page.errors


def _progress_with_frame(webui: WebUI) -> dict[str, Any] | None:
    found = webui.progress()
    return found if found.get("current_image") and found["state"]["sampling_step"] > 5 else None


@pytest.mark.parametrize("button", ["interrupt", "skip", "stop"])
def test_stopping_leaves_no_file(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path, button: str
) -> None:
    page = visit(webui)
    before = webui.results()
    begin(page, demo_portrait, demo_voice)
    assert webui.leftovers(), "the video is being written"
    if button == "stop":
        page.click("#tp-talk-stop")
    else:
        webui.post(f"/sdapi/v1/{button}")
    begun = time.monotonic()
    page.wait_for_selector("#tp-talk-status:has-text('Stopped')", timeout=30_000)
    print(button, "took", round(time.monotonic() - begun, 1), "s")  # noqa: T201
    assert page.is_enabled("#tp-talk-go")
    wait_for(lambda: not webui.leftovers(), 10)
    assert webui.results() == before
    state = webui.progress()["state"]
    assert not state["interrupted"], "the next picture would be interrupted too"
    assert not state["skipped"]
    assert not page.errors


def test_a_job_waits_for_a_picture_that_is_generated(
    webui: WebUI, visit: Any, demo_portrait: Path, short_voice: Path
) -> None:
    page = visit(webui)
    give(page, "talk", demo_portrait, short_voice)
    seconds = 8
    assert webui.get(f"/probe/hold?seconds={seconds}") == "held"
    begun = time.monotonic()
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-stop", state="visible")
    page.wait_for_timeout(2000)
    assert webui.progress()["state"]["job"] != "Talking Portraits"
    page.wait_for_selector("#tp-talk-status .tp-done")
    assert time.monotonic() - begun > seconds - 1


def test_who_waits_can_be_stopped(
    webui: WebUI, visit: Any, demo_portrait: Path, short_voice: Path
) -> None:
    page = visit(webui)
    before = webui.results()
    give(page, "talk", demo_portrait, short_voice)
    webui.get("/probe/hold?seconds=10")
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-stop", state="visible")
    page.click("#tp-talk-stop")
    page.wait_for_selector("#tp-talk-status:has-text('Stopped')", timeout=6000)
    webui.get("/probe/hold?seconds=0.1", timeout_s=60)  # comes after whoever waits
    assert webui.results() == before


def test_a_picture_waits_for_a_job(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path
) -> None:
    page, other = visit(webui), visit(webui)
    show_tab(other, "Probe")
    made = webui.get("/probe/made")
    begin(page, demo_portrait, demo_voice)
    other.click("#probe_generate")
    other.wait_for_timeout(1500)
    assert webui.get("/probe/made") == made, "the queue is ours while the job runs"
    webui.post("/sdapi/v1/interrupt")
    wait_for(lambda: webui.get("/probe/made") == made + 1)


def test_closing_the_page_stops_its_job(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path
) -> None:
    page = visit(webui)
    before = webui.results()
    begin(page, demo_portrait, demo_voice)
    page.context.close()
    wait_for(lambda: not webui.leftovers(), 60)
    assert webui.results() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\x89PNG\r\n\x1a\nnot a picture", "cannot be read"), (None, "Choose a portrait")],
)
def test_errors_are_sentences(
    webui: WebUI, visit: Any, tmp_path: Path, content: bytes | None, says: str
) -> None:
    page = visit(webui)
    if content is not None:
        bad = tmp_path / "bad.png"
        bad.write_bytes(content)
        page.set_input_files("#tp-talk-portrait input[type=file]", str(bad))
        page.wait_for_selector("#tp-talk-portrait img", state="attached")
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-error")
    text = status(page)
    assert says in text or "speech" in text
    assert "Traceback" not in text
    assert "/" not in text, "no folder of the machine is told"


def test_programs_find_the_parts(webui: WebUI) -> None:
    """gradio's own description of the endpoints, which --api pages link to."""
    named = webui.get("/info")["named_endpoints"]
    for name in ("/talk", "/drive", "/edit", "/batch"):
        assert name in named
    names = [each.get("parameter_name") or each["label"] for each in named["/talk"]["parameters"]]
    assert {"portrait", "audio", "engine"} <= {name.lower() for name in names} or any(
        "portrait" in name.lower() for name in names
    )
    assert not [name for name in named if "stop" in name.lower()]


def test_two_windows_take_turns(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path, short_voice: Path
) -> None:
    first, second = visit(webui), visit(webui)
    before = webui.results()
    begin(first, demo_portrait, demo_voice)
    give(second, "talk", demo_portrait, short_voice)
    second.click("#tp-talk-go")
    second.wait_for_selector("#tp-talk-status:has-text('1 job comes first')")
    first.click("#tp-talk-stop")
    first.wait_for_selector("#tp-talk-status:has-text('Stopped')")
    second.wait_for_selector("#tp-talk-status .tp-done")
    assert len(webui.results() - before) == 1


def test_drive(
    webui: WebUI, visit: Callable[..., Any], demo_portrait: Path, short_clip: Path
) -> None:
    page = visit(webui)
    show_part(page, "Drive")
    give(page, "drive", demo_portrait)
    page.set_input_files("#tp-drive-driver input[type=file]", str(short_clip))
    page.wait_for_selector("#tp-drive-driver video")
    page.click("#tp-drive-go")
    page.wait_for_selector("#tp-drive-status .tp-done")
    page.wait_for_function("() => document.querySelector('#tp-drive-video video')?.duration > 0.9")
    assert not page.errors

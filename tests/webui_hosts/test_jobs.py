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

from .conftest import give, give_sound, show_part, show_tab, status, wait_for
from .webui import WebUI

PLAYS = "() => document.querySelector('#tp-talk-video video')?.currentTime > 0.5"


def begin(webui: WebUI, page: Any, portrait: Path, voice: Path) -> None:
    """A job of ten seconds of speech, held at one of its frames until ``webui.go_on()``."""
    give(page, "talk", portrait, voice)
    webui.hold_job()
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-frame")
    wait_for(webui.job_is_held)


def test_talk_from_upload_to_playing(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path, shot: Any
) -> None:
    page = visit(webui)
    before = webui.results()
    begin(webui, page, demo_portrait, demo_voice)
    shot(page, "host-talk-working")
    seen = webui.progress()
    assert seen["state"]["sampling_step"] > 5
    assert seen["state"]["job"] == "Talking Portraits"
    assert 0.01 < seen["progress"] <= 1
    assert seen["textinfo"]
    frame = Image.open(io.BytesIO(base64.b64decode(seen["current_image"].split(",")[-1])))
    assert min(frame.size) > 100
    assert len(set(frame.convert("L").resize((16, 16)).tobytes())) > 8, "it is a picture"
    webui.go_on()
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


@pytest.mark.parametrize("button", ["interrupt", "skip", "stop"])
def test_stopping_leaves_no_file(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path, button: str
) -> None:
    page = visit(webui)
    before = webui.results()
    begin(webui, page, demo_portrait, demo_voice)
    assert webui.leftovers(), "the video is being written"
    if button == "stop":
        page.click("#tp-talk-stop")
        page.wait_for_selector("#tp-talk-stop:has-text('Stopping')")
    else:
        webui.post(f"/sdapi/v1/{button}")
    webui.go_on()
    begun = time.monotonic()
    page.wait_for_selector("#tp-talk-status:has-text('Stopped')")
    print(button, "took", round(time.monotonic() - begun, 1), "s")  # noqa: T201
    page.wait_for_selector("#tp-talk-go:not([disabled])")
    wait_for(lambda: not webui.leftovers())
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
    webui.hold()
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status:has-text('1 job comes first')")
    page.wait_for_timeout(2000)
    assert "1 job comes first" in status(page)
    assert webui.progress()["state"]["job"] != "Talking Portraits"
    webui.go_on()
    page.wait_for_selector("#tp-talk-status .tp-done")


def test_who_waits_can_be_stopped(
    webui: WebUI, visit: Any, demo_portrait: Path, short_voice: Path
) -> None:
    page = visit(webui)
    before = webui.results()
    give(page, "talk", demo_portrait, short_voice)
    webui.hold()
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status:has-text('1 job comes first')")
    page.click("#tp-talk-stop")
    page.wait_for_selector("#tp-talk-status:has-text('Stopped')")
    webui.go_on()
    webui.hold()  # comes after whoever waits
    assert webui.results() == before


def test_a_picture_waits_for_a_job(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path
) -> None:
    page, other = visit(webui), visit(webui)
    show_tab(other, "Probe")
    made = webui.get("/probe/made")
    begin(webui, page, demo_portrait, demo_voice)
    other.click("#probe_generate")
    other.wait_for_timeout(3000)
    assert webui.get("/probe/made") == made, "the queue is ours while the job runs"
    webui.post("/sdapi/v1/interrupt")
    webui.go_on()
    wait_for(lambda: webui.get("/probe/made") == made + 1)


def test_a_page_that_is_closed(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path
) -> None:
    """Its job ends with it in gradio 3; in others it goes on, and the next page shows it."""
    page = visit(webui)
    before = webui.results()
    begin(webui, page, demo_portrait, demo_voice)
    page.context.close()
    if webui.gradio < 4:
        wait_for(lambda: webui.job_is("stopping"))  # it may get to its end before
    else:
        page = visit(webui)
        page.wait_for_selector("#tp-talk-status .tp-frame")
        page.click("#tp-talk-stop")
        page.wait_for_selector("#tp-talk-stop:has-text('Stopping')")
    webui.go_on()
    if webui.gradio >= 4:
        page.wait_for_selector("#tp-talk-status:has-text('Stopped')")
    wait_for(lambda: not webui.leftovers())
    assert webui.results() == before
    assert not webui.progress()["state"]["job"]


def test_a_job_that_ended_while_its_page_was_closed_is_told(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path
) -> None:
    if webui.gradio < 4:
        pytest.skip("in gradio 3 a job ends with its page")
    page = visit(webui)
    before = webui.results()
    begin(webui, page, demo_portrait, demo_voice)
    page.context.close()
    wait_for(lambda: webui.job_is("left"))
    webui.go_on()
    wait_for(lambda: len(webui.results() - before) == 1)
    page = visit(webui)
    page.wait_for_selector("#tp-talk-status:has-text('is in Gallery')")
    assert not page.errors


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n\x1a\nnot a picture", "is not a picture that can be read"),
        (None, "Choose a portrait"),
    ],
)
def test_errors_are_sentences(
    webui: WebUI, visit: Any, tmp_path: Path, short_voice: Path, content: bytes | None, says: str
) -> None:
    page = visit(webui)
    give_sound(page, "talk", short_voice)
    if content is not None:
        bad = tmp_path / "bad.png"
        bad.write_bytes(content)
        page.set_input_files("#tp-talk-portrait input[type=file]", str(bad))
        page.wait_for_selector("#tp-talk-portrait img", state="attached")
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-error")
    text = status(page)
    assert says in text
    assert "Traceback" not in text
    assert "/" not in text, "no folder of the machine is told"


# What programs give each part: by name, or in gradio 3, which knows no names, in the page's words.
_NAMES = {
    "/talk": {"portrait", "audio", "engine"},
    "/relip": {"video", "audio", "engine"},
    "/enhance": {"video", "picture", "enhancer"},
}
_LABELS = {
    "/talk": {"Portrait", "Speech"},
    "/relip": {"Video of somebody", "What they say now"},
    "/enhance": {"Video", "Or a picture"},
}


def test_programs_find_the_parts(webui: WebUI) -> None:
    """gradio's own description of the endpoints, which --api pages link to."""
    named = webui.get("/info")["named_endpoints"]
    parts = ("/talk", "/drive", "/relip", "/edit", "/enhance", "/batch")
    assert set(parts) <= set(named)
    key, inputs = ("parameter_name", _NAMES) if webui.gradio >= 4 else ("label", _LABELS)
    for part, wanted in inputs.items():
        assert wanted <= {each[key] for each in named[part]["parameters"]}, part
    assert not [name for name in named if "stop" in name.lower()]


def test_two_windows_take_turns(
    webui: WebUI, visit: Any, demo_portrait: Path, demo_voice: Path, short_voice: Path
) -> None:
    first, second = visit(webui), visit(webui)
    before = webui.results()
    begin(webui, first, demo_portrait, demo_voice)
    give(second, "talk", demo_portrait, short_voice)
    second.click("#tp-talk-go")
    second.wait_for_selector("#tp-talk-status:has-text('1 job comes first')")
    first.click("#tp-talk-stop")
    first.wait_for_selector("#tp-talk-stop:has-text('Stopping')")
    webui.go_on()
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

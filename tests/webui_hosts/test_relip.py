"""Other words for a video, and clearer faces, in a web UI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from .conftest import give_sound, show_part, status, wait_for
from .webui import WebUI

PLAYS = "() => document.querySelector('#tp-relip-video video')?.duration > 0.9"


def give_clip(page: Any, clip: Path, sound: Path) -> None:
    show_part(page, "Re-lip")
    page.set_input_files("#tp-relip-clip input[type=file]", str(clip))
    page.wait_for_selector("#tp-relip-clip video")
    give_sound(page, "relip", sound)


def test_relip_from_upload_to_playing(
    webui: WebUI, visit: Any, short_clip: Path, short_voice: Path, shot: Any
) -> None:
    page = visit(webui)
    before = webui.results()
    give_clip(page, short_clip, short_voice)
    page.click("#tp-relip-go")
    page.wait_for_selector("#tp-relip-status .tp-done")
    page.wait_for_function(PLAYS)
    shot(page, "host-relip-done")
    (made,) = webui.results() - before
    assert made.startswith("driver-one-second")
    with av.open(str(webui.outputs / made)) as file:
        assert file.streams.video[0].frames == 25
        assert file.streams.audio
    assert not webui.progress()["state"]["job"]
    assert not webui.leftovers()
    assert not page.errors


@pytest.mark.parametrize("button", ["interrupt", "stop"])
def test_stopping_relip_leaves_no_file(
    webui: WebUI, visit: Any, short_clip: Path, demo_voice: Path, button: str, shot: Any
) -> None:
    page = visit(webui)
    before = webui.results()
    give_clip(page, short_clip, demo_voice)
    webui.hold_job()
    page.click("#tp-relip-go")
    page.wait_for_selector("#tp-relip-status .tp-frame")
    wait_for(webui.job_is_held)
    seen = webui.progress()
    assert seen["state"]["job"] == "Talking Portraits"
    assert seen["current_image"]
    assert webui.leftovers(), "the video is being written"
    shot(page, f"host-relip-working-{button}")
    if button == "stop":
        page.click("#tp-relip-stop")
        page.wait_for_selector("#tp-relip-stop:has-text('Stopping')")
    else:
        webui.post(f"/sdapi/v1/{button}")
    webui.go_on()
    page.wait_for_selector("#tp-relip-status:has-text('Stopped')")
    page.wait_for_selector("#tp-relip-go:not([disabled])")
    wait_for(lambda: not webui.leftovers())
    assert webui.results() == before
    assert not webui.progress()["state"]["interrupted"]
    assert not page.errors


def test_enhance_says_what_is_missing(
    webui: WebUI, visit: Any, demo_portrait: Path, tmp_path: Path, shot: Any
) -> None:
    """The line that gets it names this extension's own file and the web UI's folder of weights."""
    line = ("talking_portraits.py", "models download", str(webui.data / "models"))
    small = tmp_path / "small.png"
    with Image.open(demo_portrait) as portrait:
        portrait.resize((256, 256)).save(small)
    page = visit(webui)
    show_part(page, "Enhance")
    needs = page.wait_for_selector("#tp-enhance-needs .tp-partly").inner_text()
    assert "is not on this machine" in needs
    assert [word for word in line if word not in needs] == []
    shown = page.eval_on_selector_all("#tp-enhance input", "all => all.map(e => e.value)")
    assert "GFPGAN 1.4 (needs a download)" in shown
    page.set_input_files("#tp-enhance-still input[type=file]", str(small))
    page.wait_for_selector("#tp-enhance-still img")
    page.click("#tp-enhance-go")
    page.wait_for_selector("#tp-enhance-status .tp-error")
    shot(page, "host-enhance-missing")
    text = status(page, "enhance")
    assert "Traceback" not in text
    assert [word for word in line if word not in text] == []
    assert not list(webui.outputs.glob("small-restored*"))
    assert not page.errors


def test_enhance_asks_for_a_picture(webui: WebUI, visit: Any) -> None:
    page = visit(webui)
    show_part(page, "Enhance")
    page.click("#tp-enhance-go")
    page.wait_for_selector("#tp-enhance-status .tp-error")
    assert "Choose a video or a picture" in status(page, "enhance")
    assert not page.errors

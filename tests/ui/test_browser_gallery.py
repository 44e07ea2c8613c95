"""Results seen again, used again and deleted; faces chosen by clicking on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.settings import build_job

from .conftest import Served, wait_for
from .steps import SECONDS, choose, done, give, open_part, shot

pytestmark = [pytest.mark.hosts]


def open_newest(page: Any) -> None:
    """Go to the gallery and click on the first result."""
    open_part(page, "Gallery")
    page.wait_for_selector("#tp-gallery-pictures img", timeout=SECONDS)
    page.wait_for_timeout(300)
    page.locator("#tp-gallery-pictures img").first.click()
    page.wait_for_selector("#tp-gallery-use >> visible=true", timeout=SECONDS)


def newest(served: Served) -> Path:
    return max(served.out.glob("*.json"), key=lambda path: path.stat().st_mtime)


def set_number(page: Any, label: str, value: str) -> None:
    field = page.locator(f"#tp-talk input[aria-label*='{label}'] >> visible=true").first
    field.fill(value)
    field.press("Enter")


def test_settings_are_used_again_and_a_result_is_deleted(
    visit: Any, served: Served, small_portrait: Path, voice: Path
) -> None:
    found = visit()
    page = found.page
    give(page, "talk", small_portrait, voice)
    engine = "document.querySelector('#tp-talk-engine').innerText"
    old = page.evaluate(engine)
    choose(page, "#tp-talk-engine", "Built-in engine")
    # Controls of the other engines go then; until they have, the folds below are drawn anew.
    page.wait_for_function(f"old => {engine} != old", arg=old, timeout=SECONDS)
    set_number(page, "Head movement", "0.5")
    page.click("#tp-talk button:has-text('The job') >> visible=true")
    page.get_by_label("Seed", exact=False).first.fill("7")
    page.get_by_label("Seed", exact=False).first.press("Tab")
    done(page, "talk")
    first = newest(served)
    before = json.loads(first.read_text())
    assert before["settings"]["motion"]["pose_scale"] == 0.5
    assert before["settings"]["run"]["seed"] == 7

    # The same person, another time: everything is at its default.
    page.reload()
    page.wait_for_selector("#tp-talk-go", timeout=SECONDS)
    open_newest(page)
    assert str(served.out) in page.inner_text("#tp-gallery-where")
    shot(page, "gallery")
    page.click("#tp-gallery-use")
    page.wait_for_selector("#tp-talk-status:has-text('here again')", timeout=SECONDS)
    page.wait_for_selector("#tp-talk-go >> visible=true")
    said = page.inner_text("#tp-talk-status")
    # The first page was closed, and what it uploaded went with it.
    assert "Choose again: head.png, v.wav" in said
    give(page, "talk", small_portrait, voice)
    done(page, "talk")
    second = newest(served)
    assert second != first
    after = json.loads(second.read_text())
    assert after["settings"]["run"] == before["settings"]["run"]
    assert after["settings"]["motion"] == before["settings"]["motion"]

    # What was just made has its files still.
    open_newest(page)
    page.click("#tp-gallery-use")
    page.wait_for_selector("#tp-talk-status:has-text('here again')", timeout=SECONDS)
    assert "Choose again" not in page.inner_text("#tp-talk-status")

    open_newest(page)
    page.click("#tp-gallery-delete")
    page.wait_for_selector("text=for good?")
    page.click("#tp-gallery-keep")
    page.wait_for_selector("#tp-gallery-use >> visible=true")
    assert second.is_file()
    page.click("#tp-gallery-delete")
    page.click("#tp-gallery-really")
    page.wait_for_selector("#tp-gallery-about:has-text('is deleted')", timeout=SECONDS)
    wait_for(lambda: not second.exists())
    assert not second.with_suffix(".mp4").exists()
    assert first.with_suffix(".mp4").is_file()
    assert not found.errors


def test_pictures_in_a_folder_are_a_result_too(
    visit: Any, served: Served, small_portrait: Path, voice: Path
) -> None:
    page = visit().page
    give(page, "talk", small_portrait, voice)
    page.click("#tp-talk button:has-text('The file') >> visible=true")
    page.wait_for_timeout(300)
    field = page.get_by_label("Format", exact=False).locator("visible=true").first
    field.click()
    page.click("ul[role=listbox] li:has-text('a folder of pictures')")
    said = done(page, "talk")
    assert "pictures, the first is shown" in said
    folder = newest(served).with_suffix("")
    assert str(folder) in said
    page.wait_for_selector("#tp-talk-picture img", timeout=SECONDS)
    open_newest(page)
    page.wait_for_selector("#tp-gallery-picture img", timeout=SECONDS)
    assert str(folder) in page.inner_text("#tp-gallery-about")
    page.click("#tp-gallery-delete")
    page.click("#tp-gallery-really")
    page.wait_for_selector("#tp-gallery-about:has-text('is deleted')", timeout=SECONDS)
    assert not folder.exists()


def test_a_face_is_chosen_by_clicking_on_it(
    visit: Any, served: Served, two_faces: Path, small_portrait: Path, voice: Path
) -> None:
    found = visit()
    page = found.page
    give(page, "talk", two_faces, voice)
    page.wait_for_selector("#tp-talk-faces .tp-face", timeout=SECONDS)
    assert page.locator("#tp-talk-faces .tp-face").count() == 2
    boxes = [
        page.locator(f"#tp-talk-faces .tp-face[data-face='{n}']").bounding_box() for n in (0, 1)
    ]
    assert boxes[1]["x"] < boxes[0]["x"], "the smaller face is on the left"
    assert page.get_attribute("#tp-talk-faces .tp-face-chosen", "data-face") == "0"
    # With the keyboard as well.
    page.focus("#tp-talk-faces .tp-face[data-face='1']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#tp-talk-faces .tp-face-chosen[data-face='1']", timeout=SECONDS)
    shot(page, "faces")
    done(page, "talk")
    made = json.loads(newest(served).read_text())
    assert made["settings"]["face"]["face_index"] == 1
    # Another picture with one face: nothing to choose, and the number does not stay.
    page.click("#tp-talk button:has-text('Which face') >> visible=true")
    number = page.get_by_label("Face number").locator("visible=true").first
    assert number.input_value() == "1"
    page.click("#tp-talk-portrait button[aria-label='Remove Image']")
    give(page, "talk", small_portrait)
    wait_for(lambda: number.input_value() == "")
    assert not page.is_visible("#tp-talk-faces .tp-face")
    done(page, "talk")
    assert json.loads(newest(served).read_text())["settings"]["face"]["face_index"] is None
    assert not found.errors


def test_whom_a_clip_moves_and_whose_clip_are_chosen_too(
    visit: Any, served: Served, two_faces: Path, small_portrait: Path, voice: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "two.mp4"
    run_animate(build_job({"portrait": two_faces, "audio": voice, "out": clip}))
    found = visit()
    page = found.page
    open_part(page, "Drive")
    give(page, "drive", two_faces)
    page.set_input_files("#tp-drive-driver input[type=file]", str(clip))
    for name in ("drive", "driver"):
        page.wait_for_selector(f"#tp-{name}-faces .tp-face", timeout=SECONDS)
        page.click(f"#tp-{name}-faces .tp-face[data-face='1']")
        page.wait_for_selector(f"#tp-{name}-faces .tp-face-chosen[data-face='1']")
    shot(page, "drive-faces")
    done(page, "drive")
    made = json.loads(newest(served).read_text())["settings"]
    assert made["face"]["face_index"] == 1
    assert made["run"]["driver_face"] == "1"
    assert not found.errors


def test_a_picture_without_a_face_is_told_before_the_button_is_pressed(
    visit: Any, tmp_path: Path
) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (200, 200), "grey").save(grey)
    page = visit().page
    give(page, "talk", grey)
    page.wait_for_selector("#tp-talk-faces:has-text('No face was found')", timeout=SECONDS)

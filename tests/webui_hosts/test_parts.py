"""The other parts of the tab in a web UI, how it looks, and pictures that go from tab to tab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import give, show_part, show_tab
from .webui import WebUI

PARTS = ("Talk", "Re-lip", "Drive", "Edit", "Enhance", "Batch", "Gallery", "Models")
SRC = "() => document.querySelector('#tp-edit-preview img')?.src"


def test_sliders_change_the_face(webui: WebUI, visit: Any, demo_portrait: Path, shot: Any) -> None:
    page = visit(webui)
    show_part(page, "Edit")
    give(page, "edit", demo_portrait)
    page.wait_for_selector("#tp-edit-preview img")
    for name, key in (("smile", "End"), ("rotate_yaw", "Home")):
        old = page.evaluate(SRC)
        page.locator(f"#tp-slider-{name} input[type=range]").press(key)
        page.wait_for_function(
            "old => document.querySelector('#tp-edit-preview img')?.src != old", arg=old
        )
    shot(page, "host-edit")
    page.click("#tp-edit-go")
    page.wait_for_selector("#tp-edit-status .tp-done")
    assert list(webui.outputs.glob("portrait-edited-*.png"))
    assert not page.errors


def test_batch_and_gallery(
    webui: WebUI, visit: Any, demo_portrait: Path, short_voice: Path
) -> None:
    page = visit(webui)
    show_part(page, "Batch")
    page.set_input_files("#tp-batch-pictures input[type=file]", str(demo_portrait))
    page.set_input_files("#tp-batch-sounds input[type=file]", str(short_voice))
    page.wait_for_selector("#tp-batch-sounds :text('one')")
    page.click("#tp-batch-go")
    page.wait_for_selector("#tp-batch-status table")
    assert "1 of 1 made" in page.inner_text("#tp-batch-status")
    show_part(page, "Gallery")
    page.wait_for_selector("#tp-gallery-pictures img")
    page.locator("#tp-gallery-pictures img").first.click()
    page.wait_for_selector("#tp-gallery-about table")
    assert "one-second" in page.inner_text("#tp-gallery-about")
    assert not page.errors


def test_models_shows_the_line_and_no_button(webui: WebUI, visit: Any) -> None:
    page = visit(webui)
    show_part(page, "Models")
    page.wait_for_selector("#tp-models table")
    text = page.inner_text("#tp-models")
    assert "Built-in engine" in text
    assert "Download here" not in text
    lines = page.eval_on_selector_all("#tp-models textarea", "all => all.map(e => e.value)")
    (line,) = [one for one in lines if "models download" in one]
    assert str(webui.data / "models" / "talking-portraits") in line


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_every_part_fits(webui: WebUI, visit: Any, shot: Any, theme: str, width: int) -> None:
    page = visit(webui, width, 900, theme)
    for part in PARTS:
        show_part(page, part)
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width, f"{part} runs over"
        shot(page, f"host-{theme}-{width}-{part.lower().replace('-', '')}")
    box = page.locator("#tp-tabs").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_a_picture_of_another_tab_comes_to_talk(
    webui: WebUI, visit: Any, tab: str, shot: Any
) -> None:
    page = visit(webui)
    show_tab(page, "Probe")
    page.click(f"#probe_fill_{tab}")
    page.wait_for_selector(f"#{tab}_gallery img", state="attached")
    show_tab(page, tab)
    page.wait_for_selector(f"#{tab}_gallery img")
    shot(page, f"host-send-{tab}")
    page.click(f"#{tab}_send_to_talking_portraits")
    image = page.wait_for_selector("#tp-talk-portrait img", state="visible")
    page.wait_for_function("() => document.querySelector('#tp-talk-portrait img').complete")
    assert image.evaluate("e => [e.naturalWidth, e.naturalHeight]") == [192, 128]
    left, right = _colours(page, "#tp-talk-portrait img")
    # As it was: gradio would make a lossy WebP of it.
    assert left == [200, 40, 40]
    assert right == [40, 40, 200]
    assert not page.errors


def _colours(page: Any, selector: str) -> list[list[int]]:
    """Red, green and blue in the middle of both halves of a picture."""
    return page.eval_on_selector(
        selector,
        """image => {
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const pen = canvas.getContext('2d');
            pen.drawImage(image, 0, 0);
            return [0.25, 0.75].map(x => Array.from(
                pen.getImageData(canvas.width * x, canvas.height / 2, 1, 1).data.slice(0, 3)));
        }""",
    )


@pytest.mark.parametrize(
    ("tab", "arrives"),
    [
        ("img2img", "#img2img_image"),
        ("inpaint", "#img2maskimg"),
        ("extras", "#extras_image"),
    ],
)
def test_a_frame_goes_to_another_tab(
    webui: WebUI, visit: Any, demo_portrait: Path, short_voice: Path, tab: str, arrives: str
) -> None:
    page = visit(webui)
    give(page, "talk", demo_portrait, short_voice)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-done")
    ours = page.locator("#tp-talk")
    ours.locator(".label-wrap").filter(has_text="Send a frame to other tabs").first.click()
    ours.locator("button").filter(has_text="Take this frame").first.click()
    page.wait_for_selector("#tp-talk-frame img")
    ours.locator("button").filter(has_text=f"Send to {tab}").first.click()
    page.wait_for_function(_SHOWS_PICTURE, arg=arrives)
    assert not page.locator("#tab_talking_portraits").is_visible(), "and the tab is shown"
    assert not page.errors


# Forge draws on a canvas of its own, whose picture is an img inside; A1111 has gradio's.
_SHOWS_PICTURE = """where => [...document.querySelectorAll(`${where} img, ${where} canvas`)].some(
    e => e.offsetParent && (e.naturalWidth || e.width) >= 400)"""

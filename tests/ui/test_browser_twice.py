"""Impatient people: double clicks, and results that stand beside other inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .conftest import Served
from .steps import SECONDS, give, open_part, results

pytestmark = [pytest.mark.hosts]
AT_REST = (
    "part => !document.querySelector(`#tp-${part}-go`).disabled"
    " && !document.querySelector(`#tp-${part}-stop`)?.checkVisibility()"
)


def click_twice(page: Any, part: str) -> None:
    """Both clicks before the page can do anything, and what the first one changes at once."""
    page.evaluate(
        "part => { const go = document.querySelector(`#tp-${part}-go`); go.click(); go.click() }",
        part,
    )
    page.wait_for_function(
        "part => document.querySelector(`#tp-${part}-go`).disabled", arg=part, timeout=10_000
    )


def test_a_double_click_makes_one_video(
    visit: Any, served: Served, demo_portrait: Path, demo_voice: Path
) -> None:
    page = visit().page
    before = results(served)
    give(page, "talk", demo_portrait, demo_voice)
    click_twice(page, "talk")
    page.wait_for_selector("#tp-talk-status .tp-frame", timeout=SECONDS)
    assert page.is_visible("#tp-talk-stop")
    assert page.is_disabled("#tp-talk-go")
    assert "comes first" not in page.inner_text("#tp-talk-status")
    page.wait_for_selector("#tp-talk-status .tp-done", timeout=SECONDS)
    page.wait_for_function(AT_REST, arg="talk", timeout=5000)
    page.wait_for_timeout(1500)
    assert page.locator("#tp-talk-status .tp-done").count() == 1
    assert len(results(served) - before) == 1


def test_a_double_click_tells_what_is_wrong(visit: Any, tmp_path: Path, short_voice: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), "grey").save(grey)
    page = visit().page
    click_twice(page, "talk")
    page.wait_for_selector("#tp-talk-status:has-text('Choose a portrait first')", timeout=SECONDS)
    page.wait_for_function(AT_REST, arg="talk", timeout=5000)
    give(page, "talk", grey, short_voice)
    click_twice(page, "talk")
    page.wait_for_selector("#tp-talk-status:has-text('No face was found')", timeout=SECONDS)
    page.wait_for_timeout(1500)
    assert "No face was found" in page.inner_text("#tp-talk-status")
    page.wait_for_function(AT_REST, arg="talk", timeout=5000)


def edit_smiling(page: Any, portrait: Path) -> None:
    """A smile is put on a portrait and saved."""
    give(page, "edit", portrait)
    page.wait_for_selector("#tp-edit-preview img", timeout=SECONDS)
    page.locator("#tp-slider-smile input[type=range]").press("End")
    page.click("#tp-edit-go")
    page.wait_for_selector("#tp-edit-status .tp-done", timeout=SECONDS)
    page.wait_for_selector("#tp-edit-picture img", timeout=SECONDS)


def test_a_new_portrait_takes_the_old_result_away(
    visit: Any, served: Served, demo_portrait: Path, tmp_path: Path
) -> None:
    page = visit().page
    open_part(page, "Edit")
    edit_smiling(page, demo_portrait)
    page.wait_for_timeout(1000)
    assert page.is_visible("#tp-edit-picture"), "it stays while nothing changes"
    page.locator("#tp-edit-portrait button[aria-label*='emove']").first.click()
    page.wait_for_selector("#tp-edit-picture", state="hidden", timeout=SECONDS)
    page.wait_for_selector("#tp-edit-status .tp-done", state="detached", timeout=SECONDS)
    page.click("#tp-edit-go")
    page.wait_for_selector("#tp-edit-status .tp-error", timeout=SECONDS)
    assert not page.is_visible("#tp-edit-picture")


# Those of a part whose result is taken away when its portrait changes.
_TAKE_AWAY = """part => {
    const all = window.gradio_config, id = name =>
        all.components.find(each => each.props.elem_id == `tp-${part}-${name}`).id
    const outputs = ['status', 'video', 'picture', 'files'].map(id)
    return all.dependencies.filter(each =>
        each.targets.some(one => one[0] == id('portrait') && one[1] == 'change') &&
        JSON.stringify(each.outputs.slice(0, 4)) == JSON.stringify(outputs)
    ).map(each => each.id) }"""


def test_a_result_outlives_late_news_of_its_portrait(
    visit: Any, demo_portrait: Path, two_faces: Path
) -> None:
    page = visit().page
    late = page.evaluate(_TAKE_AWAY, "edit")
    assert len(late) == 1
    held: list[Any] = []

    def hold(route: Any) -> None:
        is_call = "json" in route.request.headers.get("content-type", "")  # others are uploads
        called = (is_call and route.request.post_data_json) or {}
        if called.get("fn_index") in late and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/gradio_api/**", hold)
    open_part(page, "Edit")
    edit_smiling(page, demo_portrait)
    assert held, "the page has not told of its portrait"
    with page.expect_response(lambda answer: answer.request == held[0].request):
        held[0].continue_()
    page.wait_for_timeout(1000)
    assert page.is_visible("#tp-edit-picture")
    assert page.is_visible("#tp-edit-status .tp-done")
    page.set_input_files("#tp-edit-portrait input[type=file]", str(two_faces))
    page.wait_for_selector("#tp-edit-picture", state="hidden", timeout=SECONDS)


def test_the_sample_takes_the_place_of_own_files_only_when_asked_twice(
    visit: Any, two_faces: Path
) -> None:
    page = visit().page
    button = "#tp-talk-sample"
    asks = f"{button}:has-text('Replace your portrait')"
    page.set_input_files("#tp-talk-portrait input[type=file]", str(two_faces))
    page.wait_for_selector("#tp-talk-faces .tp-face[data-face='1']", timeout=SECONDS)
    page.click(button)
    page.wait_for_selector(asks, timeout=SECONDS)
    assert page.is_visible("#tp-talk-faces .tp-face[data-face='1']"), "it is still one's own"
    page.click(button)
    page.wait_for_selector(f"{button}:has-text('Try it')", timeout=SECONDS)
    page.wait_for_selector("#tp-talk-sound button[aria-label='Play']", timeout=SECONDS)
    page.wait_for_selector("#tp-talk-faces .tp-face", state="hidden", timeout=SECONDS)
    page.click(button)
    page.wait_for_timeout(1500)
    assert not page.query_selector(asks), "the sample itself is no loss"

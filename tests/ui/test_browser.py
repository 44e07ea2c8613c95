"""The local page in Chromium: what people do with it, and what they should not be able to do."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import av
import pytest

from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.settings import build_job
from tests.conftest import speech_like, write_wav

from .conftest import Served, wait_for
from .steps import SECONDS, give, open_part, results, shot

pytestmark = [pytest.mark.hosts]


@pytest.fixture(scope="module")
def some_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds: enough to see a job at work."""
    return write_wav(tmp_path_factory.mktemp("voice") / "four seconds.wav", speech_like(4.0))


def test_talk_from_upload_to_playing(
    visit: Any, served: Served, demo_portrait: Path, demo_voice: Path
) -> None:
    found = visit()
    page = found.page
    before = results(served)
    give(page, "talk", demo_portrait, demo_voice)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-frame", timeout=SECONDS)
    page.wait_for_function(
        "() => /frame \\d+ of 254.*left/.test(document.querySelector('#tp-talk-status').innerText)",
        timeout=SECONDS,
    )
    shot(page, "talk-working")
    assert page.is_visible("#tp-talk-stop")
    assert page.is_disabled("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-done", timeout=SECONDS)
    page.wait_for_function(
        "() => document.querySelector('#tp-talk-video video')?.currentTime > 0.5", timeout=SECONDS
    )
    heard = "v => document.querySelector('#tp-talk-video video').webkitAudioDecodedByteCount"
    assert page.evaluate(heard) > 0
    shot(page, "talk-done")
    (made,) = results(served) - before
    with av.open(str(served.out / made)) as file:
        assert file.streams.video[0].frames == 254
        assert file.streams.audio
    settings = json.loads((served.out / made).with_suffix(".json").read_text())
    assert settings["settings"]["portrait"] == ["portrait.png"]
    assert not found.errors
    assert found.hosts == {"127.0.0.1"}, "the page asks nobody else"


def test_stop_ends_the_job_and_leaves_nothing(visit: Any, served: Served) -> None:
    page = visit().page
    before = results(served)
    page.click("#tp-talk-sample")  # the first thing that people press
    page.wait_for_selector("#tp-talk-portrait img", timeout=SECONDS)
    page.wait_for_selector("#tp-talk-sound button[aria-label='Play']", timeout=SECONDS)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-frame", timeout=SECONDS)
    page.click("#tp-talk-stop")
    begin = time.monotonic()
    page.wait_for_selector("#tp-talk-status:has-text('Stopped')", timeout=15_000)
    assert time.monotonic() - begin < 8
    assert page.is_enabled("#tp-talk-go")
    wait_for(lambda: not list(served.out.glob(".talking-portraits-*")), 10)
    assert results(served) == before


def test_sliders_change_the_preview(visit: Any, served: Served, demo_portrait: Path) -> None:
    found = visit()
    page = found.page
    open_part(page, "Edit")
    give(page, "edit", demo_portrait)
    image = "#tp-edit-preview img"
    page.wait_for_selector(image, timeout=SECONDS)
    times: list[float] = []
    for name, key in (("smile", "End"), ("aaa", "End"), ("rotate_yaw", "Home"), ("smile", "Home")):
        old = page.get_attribute(image, "src")
        begin = time.monotonic()
        page.locator(f"#tp-slider-{name} input[type=range]").press(key)
        page.wait_for_function(
            "old => document.querySelector('#tp-edit-preview img')?.src != old",
            arg=old,
            timeout=20_000,
            polling=20,
        )
        times.append(time.monotonic() - begin)
    print("slider to picture, seconds:", [round(each, 3) for each in times])  # noqa: T201
    shot(page, "edit")
    page.click("#tp-edit-go")
    page.wait_for_selector("#tp-edit-status .tp-done", timeout=SECONDS)
    assert list(served.out.glob("portrait-edited-*.png"))
    page.click("#tp-edit-reset")
    page.wait_for_function(
        "() => document.querySelector('#tp-slider-smile input[type=range]').value == 0"
    )
    assert not found.errors


def test_the_preview_stays_in_sight_on_a_phone(visit: Any, demo_portrait: Path) -> None:
    page = visit(390, 844).page
    open_part(page, "Edit")
    give(page, "edit", demo_portrait)
    page.wait_for_selector("#tp-edit-preview img", timeout=SECONDS)
    page.wait_for_timeout(500)
    slider = page.locator("#tp-slider-rotate_yaw input[type=range]")
    slider.evaluate("element => element.scrollIntoView({block: 'end'})")
    page.wait_for_timeout(300)
    picture = page.locator("#tp-edit-preview img").bounding_box()
    below = slider.bounding_box()
    assert 0 <= picture["y"] < 400, "the picture is seen"
    assert picture["y"] + picture["height"] < below["y"] <= 844, "and the slider below it"
    shot(page, "phone-edit")


def test_a_video_moves_a_portrait(
    visit: Any, served: Served, demo_portrait: Path, short_voice: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "driver.mp4"
    run_animate(build_job({"portrait": demo_portrait, "audio": short_voice, "out": clip}))
    found = visit()
    page = found.page
    open_part(page, "Drive")
    give(page, "drive", demo_portrait)
    page.set_input_files("#tp-drive-driver input[type=file]", str(clip))
    page.wait_for_selector("#tp-drive-driver video", timeout=SECONDS)
    page.click("#tp-drive-go")
    page.wait_for_selector("#tp-drive-status .tp-done", timeout=SECONDS)
    page.wait_for_function(
        "() => document.querySelector('#tp-drive-video video')?.duration > 0.9", timeout=SECONDS
    )
    shot(page, "drive")
    assert list(served.out.glob("portrait-driver-*.mp4"))
    assert not found.errors


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("noise.png", b"\x89PNG\r\n\x1a\nnot a picture", "picture that can be read"),
        ("empty.png", b"", "empty"),
    ],
)
def test_bad_pictures_are_told_in_a_sentence(
    visit: Any, tmp_path: Path, short_voice: Path, name: str, content: bytes, says: str
) -> None:
    bad = tmp_path / name
    bad.write_bytes(content)
    page = visit().page
    page.set_input_files("#tp-talk-portrait input[type=file]", str(bad))
    page.set_input_files("#tp-talk-sound input[type=file]", str(short_voice))
    page.wait_for_selector("#tp-talk-sound button[aria-label='Play']", timeout=SECONDS)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-error", timeout=SECONDS)
    text = page.inner_text("#tp-talk-status")
    assert says in text
    assert "Traceback" not in text
    assert "/" not in text, "no folder of the machine is told"


def test_nothing_given_is_told(visit: Any) -> None:
    page = visit().page
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-error", timeout=SECONDS)
    assert "Choose a portrait first" in page.inner_text("#tp-talk-status")


def test_html_in_names_stays_text(
    visit: Any, tmp_path: Path, demo_portrait: Path, short_voice: Path
) -> None:
    nasty = tmp_path / "<img src=x onerror=window.hacked=1>.png"
    nasty.write_bytes(demo_portrait.read_bytes())
    page = visit().page
    give(page, "talk", nasty, short_voice)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-done", timeout=SECONDS)
    open_part(page, "Gallery")
    page.wait_for_selector("#tp-gallery-pictures img", timeout=SECONDS)
    page.locator("#tp-gallery-pictures img").first.click()
    page.wait_for_selector("#tp-gallery-about table", timeout=SECONDS)
    assert page.evaluate("() => window.hacked") is None
    assert not page.query_selector(".tp-page img[src='x']")


def test_two_people_at_once_wait_for_each_other(
    visit: Any, served: Served, demo_portrait: Path, some_voice: Path, short_voice: Path
) -> None:
    first, second = visit().page, visit().page
    before = results(served)
    give(first, "talk", demo_portrait, some_voice)
    give(second, "talk", demo_portrait, short_voice)
    first.click("#tp-talk-go")
    first.wait_for_selector("#tp-talk-status .tp-frame", timeout=SECONDS)
    second.click("#tp-talk-go")
    second.wait_for_selector("#tp-talk-status:has-text('1 job comes first')", timeout=SECONDS)
    for page in (first, second):
        page.wait_for_selector("#tp-talk-status .tp-done", timeout=SECONDS)
    texts = [page.inner_text("#tp-talk-status") for page in (first, second)]
    names = [re.search(r"portrait-\S+\.mp4", text) for text in texts]
    assert {found.group() for found in names if found} == results(served) - before
    assert len(results(served) - before) == 2


@pytest.fixture(scope="module")
def long_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So long that a page is opened anew before its job ends, however busy the machine is."""
    return write_wav(tmp_path_factory.mktemp("long") / "long.wav", speech_like(25))


def test_a_page_that_is_loaded_anew_finds_its_job_again(
    visit: Any, served: Served, demo_portrait: Path, long_voice: Path
) -> None:
    page = visit().page
    before = results(served)
    give(page, "talk", demo_portrait, long_voice)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-frame", timeout=SECONDS)
    page.reload()
    page.wait_for_selector("#tp-talk-status .tp-frame", timeout=SECONDS)
    assert page.is_visible("#tp-talk-stop")
    page.wait_for_selector("#tp-talk-status .tp-done", timeout=SECONDS)
    page.wait_for_function(
        "() => document.querySelector('#tp-talk-video video')?.duration > 1", timeout=SECONDS
    )
    assert page.is_enabled("#tp-talk-go")
    assert len(results(served) - before) == 1


def test_the_part_whose_job_goes_on_is_shown_again(
    visit: Any, served: Served, demo_portrait: Path, long_voice: Path
) -> None:
    page = visit().page
    before = results(served)
    open_part(page, "Batch")
    page.set_input_files("#tp-batch-pictures input[type=file]", str(demo_portrait))
    page.set_input_files("#tp-batch-sounds input[type=file]", str(long_voice))
    page.wait_for_selector("#tp-batch-sounds :text('long')", timeout=SECONDS)
    page.click("#tp-batch-go")
    page.wait_for_selector("#tp-batch-status .tp-frame", timeout=SECONDS)
    page.reload()
    page.wait_for_selector("#tp-batch-status .tp-frame >> visible=true", timeout=SECONDS)
    page.click("#tp-batch-stop", timeout=SECONDS)
    page.wait_for_selector("#tp-batch-go:not([disabled])", timeout=SECONDS)
    wait_for(lambda: not list(served.out.glob(".talking-portraits-*")), 10)
    assert results(served) == before


def test_a_job_of_a_closed_page_is_stopped_on_the_next_or_told_of(
    visit: Any, served: Served, demo_portrait: Path, long_voice: Path, short_voice: Path
) -> None:
    page = visit().page
    before = results(served)
    give(page, "talk", demo_portrait, long_voice)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-status .tp-frame", timeout=SECONDS)
    page.context.close()
    page = visit().page
    page.click("#tp-talk-stop", timeout=SECONDS)
    page.wait_for_selector("#tp-talk-status:has-text('Stopped')", timeout=SECONDS)
    wait_for(lambda: not list(served.out.glob(".talking-portraits-*")), 10)
    assert results(served) == before
    give(page, "talk", demo_portrait, short_voice)
    page.click("#tp-talk-go")
    page.wait_for_selector("#tp-talk-stop", timeout=SECONDS)
    page.context.close()
    wait_for(lambda: len(results(served) - before) == 1, SECONDS / 1000)
    page = visit().page
    page.wait_for_selector("#tp-talk-status:has-text('is in Gallery')", timeout=SECONDS)
    page.reload()
    page.wait_for_selector("#tp-talk-status:has-text('Give a portrait')", timeout=SECONDS)


def test_a_batch_lists_what_was_made(
    visit: Any, demo_portrait: Path, short_voice: Path, tmp_path: Path
) -> None:
    page = visit().page
    bad = tmp_path / "grey.png"
    from PIL import Image

    Image.new("RGB", (64, 64), "grey").save(bad)
    open_part(page, "Batch")
    page.set_input_files("#tp-batch-pictures input[type=file]", [str(demo_portrait), str(bad)])
    page.set_input_files("#tp-batch-sounds input[type=file]", str(short_voice))
    page.wait_for_selector("#tp-batch-sounds :text('one')", timeout=SECONDS)
    page.click("#tp-batch-go")
    page.wait_for_selector("#tp-batch-status table", timeout=SECONDS)
    text = page.inner_text("#tp-batch-status")
    assert "1 of 2 made" in text
    assert "no face" in text.lower()
    shot(page, "batch")
    open_part(page, "Gallery")
    page.wait_for_selector("#tp-gallery-pictures img", timeout=SECONDS)
    page.locator("#tp-gallery-pictures img").first.click()
    page.wait_for_selector("#tp-gallery-about table", timeout=SECONDS)
    assert "one-second" in page.inner_text("#tp-gallery-about")
    shot(page, "gallery")


def test_the_result_stays_in_sight_beside_long_forms(visit: Any) -> None:
    page = visit(1400, 600).page
    for title in ("The job", "Motion"):
        page.click(f"#tp-talk button:has-text('{title}') >> visible=true")
    page.wait_for_timeout(400)
    page.evaluate("() => window.scrollTo(0, 700)")
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.scrollY") > 400
    box = page.locator("#tp-talk-go").bounding_box()
    assert 0 <= box["y"] < 600


def test_every_part_fits_a_phone(visit: Any) -> None:
    page = visit(390, 844).page
    for title in ("Talk", "Drive", "Edit", "Batch", "Gallery", "Models"):
        open_part(page, title)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390, title
        if title in ("Talk", "Models"):
            shot(page, f"phone-{title.lower()}")

"""Recording on the page: a portrait and a clip from the camera, speech from the microphone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from .camera import page_with_camera, with_camera
from .conftest import Served, Visit, watch
from .steps import SECONDS, done, give, open_part, shot

pytestmark = [pytest.mark.hosts]


@pytest.fixture
def recorder(
    launch: Any, served: Served, tmp_path: Path, small_portrait: Path, short_voice: Path
) -> Iterator[Visit]:
    browser = with_camera(launch, tmp_path, small_portrait, short_voice)
    found = Visit(page_with_camera(browser), [], set())
    watch(found)
    found.page.goto(served.url)
    found.page.wait_for_selector("#tp-talk-go", timeout=SECONDS)
    yield found
    browser.close()


def seconds_of(path: Path, kind: str) -> float:
    with av.open(str(path)) as file:
        stream = getattr(file.streams, kind)[0]
        return float(stream.duration * stream.time_base)


def test_what_camera_and_microphone_record_becomes_videos(
    recorder: Visit, served: Served, small_portrait: Path
) -> None:
    page = recorder.page
    page.click("#tp-talk-portrait button[aria-label='Capture from camera']")
    page.click("#tp-talk-portrait button:has-text('Webcam')")
    page.wait_for_selector("#tp-talk-portrait video", timeout=SECONDS)
    page.wait_for_timeout(800)  # the camera's first picture
    page.click("#tp-talk-portrait button[aria-label='capture photo']")
    page.wait_for_selector("#tp-talk-portrait img", timeout=SECONDS)
    page.click("#tp-talk-sound button[aria-label='Record audio']")
    page.click("#tp-talk-sound button:has-text('Record')")
    page.wait_for_selector("#tp-talk-sound button:has-text('Stop')", timeout=SECONDS)
    page.wait_for_timeout(2000)
    page.click("#tp-talk-sound button:has-text('Stop')")
    page.wait_for_selector("#tp-talk-sound button[aria-label='Play']", timeout=SECONDS)
    done(page, "talk")
    (spoken,) = served.out.glob("image-audio-*.mp4")
    assert 1 < seconds_of(spoken, "video") < 6
    assert abs(seconds_of(spoken, "audio") - seconds_of(spoken, "video")) < 0.1

    open_part(page, "Drive")
    give(page, "drive", small_portrait)
    page.click("#tp-drive-driver button[aria-label='Capture from camera']")
    page.click("#tp-drive-driver button:has-text('Webcam')")
    page.click("#tp-drive-driver button[aria-label='start recording']")
    page.wait_for_timeout(2000)
    page.click("#tp-drive-driver button:has-text('Stop')")
    page.wait_for_selector("#tp-drive-driver button[title='Clear']", timeout=SECONDS)
    done(page, "drive")
    shot(page, "drive-camera")
    (driven,) = served.out.glob("head-*.mp4")
    assert 1 < seconds_of(driven, "video") < 6
    assert not recorder.errors

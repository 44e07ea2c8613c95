"""Re-lip and Enhance in Chromium: other words for a video, clearer faces, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image

from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.settings import build_job
from sadtalker_core.media.audio_in import open_audio
from tests.conftest import speech_like, write_wav
from tests.enhance.toys import toy_file

from .conftest import Served, end, needs_gradio, start
from .steps import SECONDS, choose, done, open_part, shot

pytestmark = [pytest.mark.hosts, needs_gradio]
NETWORK = "#tp-enhance .block:has-text('Which network restores faces')"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, demo_portrait: Path, short_voice: Path) -> Path:
    """A second of somebody who speaks, 25 frames."""
    path = tmp_path_factory.mktemp("clip") / "somebody.mp4"
    run_animate(build_job({"portrait": demo_portrait, "audio": short_voice, "out": path}))
    return path


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Longer than the clip."""
    return write_wav(tmp_path_factory.mktemp("words") / "other words.wav", speech_like(1.6))


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory, demo_voice: Path) -> Path:
    """A second of real speech: lips part widely."""
    samples = torch.cat(list(open_audio(demo_voice).stream(16000)))[8000:24000]
    return write_wav(tmp_path_factory.mktemp("voice") / "one second.wav", samples)


@pytest.fixture(scope="module")
def equipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page with one small network that restores faces."""
    folder = tmp_path_factory.mktemp("equipped")
    toy_file(folder / "models")
    page = start(folder, TALKING_PORTRAITS_MODELS=str(folder / "models"))
    yield page
    end(page)


def give_file(page: Any, box: str, path: Path, seen: str) -> None:
    page.set_input_files(f"{box} input[type=file]", str(path))
    page.wait_for_selector(f"{box} {seen}", timeout=SECONDS)


def give_sound(page: Any, path: Path) -> None:
    give_file(page, "#tp-relip-sound", path, "button[aria-label='Play']")


def made_by(served: Served, start_of_name: str) -> Path:
    found = [path for path in served.out.glob(f"{start_of_name}*") if path.suffix != ".json"]
    return max(found, key=lambda path: path.stat().st_mtime)


def settings_of(path: Path) -> Any:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def unfold(page: Any, part: str, title: str) -> None:
    page.click(f"#tp-{part} button:has-text('{title}') >> visible=true")


def plays(page: Any, part: str, seconds: float) -> None:
    page.wait_for_function(
        f"() => document.querySelector('#tp-{part}-video video')?.duration > {seconds}",
        timeout=SECONDS,
    )


def test_a_video_says_something_else_and_is_made_again_from_the_gallery(
    visit: Any, served: Served, clip: Path, words: Path
) -> None:
    found = visit()
    page = found.page
    open_part(page, "Re-lip")
    give_file(page, "#tp-relip-clip", clip, "video")
    give_sound(page, words)
    choose(page, "#tp-relip .block:has-text('When the speech is longer')", "hold the last frame")
    page.click("#tp-relip-go")
    page.wait_for_selector("#tp-relip-status .tp-frame", timeout=SECONDS)
    page.wait_for_selector("#tp-relip-status .tp-done", timeout=SECONDS)
    said = page.inner_text("#tp-relip-status")
    assert "1.6 s of 512x512 at 25 fps" in said
    assert f"It is in {served.out}" in said
    plays(page, "relip", 1.5)
    page.evaluate("() => window.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    shot(page, "relip")
    result = made_by(served, "somebody-other-words")
    with av.open(str(result)) as file:
        assert file.streams.video[0].frames == 40
        assert file.streams.audio
    settings = settings_of(result)
    assert (settings["command"], settings["settings"]["run"]["repeat"]) == ("relip", "hold")
    open_part(page, "Gallery")
    page.wait_for_selector("#tp-gallery-pictures img", timeout=SECONDS)
    page.wait_for_timeout(500)
    page.locator("#tp-gallery-pictures img").first.click()
    page.wait_for_selector("#tp-gallery-use >> visible=true", timeout=SECONDS)
    assert "Built-in engine" in page.inner_text("#tp-gallery-about")
    page.click("#tp-gallery-use")
    page.wait_for_selector("#tp-relip-status:has-text('here again')", timeout=SECONDS)
    assert "Choose again" not in page.inner_text("#tp-relip-status")
    page.wait_for_selector("#tp-relip-clip video", timeout=SECONDS)
    assert not found.errors


def test_a_picture_with_two_people_says_it_and_the_one_that_is_clicked_speaks(
    visit: Any, served: Served, two_faces: Path, voice: Path
) -> None:
    found = visit()
    page = found.page
    open_part(page, "Re-lip")
    give_sound(page, voice)
    unfold(page, "relip", "Other sources of picture")
    give_file(page, "#tp-relip-still", two_faces, "img")
    page.click("#tp-relip-still-faces .tp-face[data-face='1']", timeout=SECONDS)
    page.wait_for_selector("#tp-relip-still-faces .tp-face-chosen[data-face='1']", timeout=SECONDS)
    said = done(page, "relip")
    assert "faces were found" not in said, "one was chosen"
    result = made_by(served, "two-one-second")
    assert settings_of(result)["settings"]["run"]["who"] == 1
    with av.open(str(result)) as file:
        shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(video=0)]
    moved = (abs(np.stack(shown) - shown[0]).max(3) > 24).any(0)
    assert moved[:, :160].sum() > 4 * moved[:, 160:].sum(), "the left one moves"
    assert not found.errors


def test_bad_files_are_told_in_a_sentence_at_once_and_when_it_is_made(
    visit: Any, served: Served, tmp_path: Path, clip: Path, short_voice: Path
) -> None:
    page = visit().page
    open_part(page, "Re-lip")
    page.click("#tp-relip-go")
    page.wait_for_selector("#tp-relip-status .tp-error:has-text('Choose a video first')")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[:3000])
    page.set_input_files("#tp-relip-clip input[type=file]", str(broken))
    page.wait_for_selector("#tp-relip-faces .tp-error:has-text('broken.mp4')", timeout=SECONDS)
    assert str(served.temp) not in page.inner_text("#tp-relip-faces"), "folders are not told"
    give_sound(page, short_voice)
    page.click("#tp-relip-go")
    page.wait_for_selector("#tp-relip-status .tp-error:has-text('broken.mp4')", timeout=SECONDS)
    assert page.is_enabled("#tp-relip-go")


def test_nobody_in_the_video_and_silence_are_told(
    visit: Any, served: Served, tmp_path: Path, short_voice: Path
) -> None:
    page = visit().page
    open_part(page, "Re-lip")
    wall = tmp_path / "wall.png"
    Image.new("RGB", (240, 200), (90, 120, 150)).save(wall)
    unfold(page, "relip", "Other sources of picture")
    give_file(page, "#tp-relip-still", wall, "img")
    page.wait_for_selector("#tp-relip-still-faces:has-text('No face was found')", timeout=SECONDS)
    give_sound(page, short_voice)
    page.click("#tp-relip-go")
    page.wait_for_selector("#tp-relip-status .tp-error:has-text('face')", timeout=SECONDS)
    page.reload()
    page.wait_for_selector("#tp-talk-go", timeout=SECONDS)
    open_part(page, "Re-lip")
    silence = write_wav(tmp_path / "silence.wav", speech_like(1.0) * 0)
    unfold(page, "relip", "Other sources of picture")
    give_file(page, "#tp-relip-still", wall, "img")
    give_sound(page, silence)
    page.click("#tp-relip-go")
    page.wait_for_selector("#tp-relip-status .tp-error:has-text('silence.wav')", timeout=SECONDS)
    assert not [path for path in served.out.glob("wall*") if path.suffix != ".json"]


def test_without_a_network_the_line_that_gets_one_is_shown(
    visit: Any, served: Served, demo_portrait: Path
) -> None:
    found = visit()
    page = found.page
    open_part(page, "Enhance")
    line = "talking-portraits models download gfpgan-1.4"
    assert line in page.inner_text("#tp-enhance-needs")
    choose(page, NETWORK, "CodeFormer")
    page.wait_for_selector("#tp-enhance-needs:has-text('models download codeformer')")
    assert "no commercial use" in page.inner_text("#tp-enhance-needs")
    give_file(page, "#tp-enhance-still", demo_portrait, "img")
    shot(page, "enhance")
    page.click("#tp-enhance-go")
    page.wait_for_selector("#tp-enhance-status .tp-error", timeout=SECONDS)
    assert "models download codeformer" in page.inner_text("#tp-enhance-status")
    assert not found.errors


def test_a_picture_and_a_video_are_restored_and_used_again(
    visit: Any, equipped: Served, small_portrait: Path, clip: Path
) -> None:
    found = visit(url=equipped.url)
    page = found.page
    open_part(page, "Enhance")
    assert not page.is_visible("#tp-enhance-needs")
    assert "GFPGAN 1.2 (ready)" in page.input_value(f"{NETWORK} input")
    give_file(page, "#tp-enhance-still", small_portrait, "img")
    said = done(page, "enhance")
    assert "192x192" in said
    assert "Licence of the weights" in said
    page.wait_for_selector("#tp-enhance-picture img", timeout=SECONDS)
    picture = made_by(equipped, "head-restored")
    assert settings_of(picture)["command"] == "enhance"
    give_file(page, "#tp-enhance-clip", clip, "video")
    page.click("#tp-enhance-go")
    page.wait_for_selector("#tp-enhance-status .tp-error:has-text('take one of them out')")
    page.click("#tp-enhance-still button[aria-label='Remove Image']")
    said = done(page, "enhance")
    assert "GFPGAN 1.2 on cpu" in said
    plays(page, "enhance", 0.9)
    with av.open(str(made_by(equipped, "somebody-restored"))) as file:
        assert file.streams.video[0].frames == 25
        assert file.streams.audio
    open_part(page, "Gallery")
    page.wait_for_selector("#tp-gallery-pictures img", timeout=SECONDS)
    page.wait_for_timeout(500)
    page.locator("#tp-gallery-pictures img").first.click()
    page.wait_for_selector("#tp-gallery-use >> visible=true", timeout=SECONDS)
    page.click("#tp-gallery-use")
    page.wait_for_selector("#tp-enhance-status:has-text('here again')", timeout=SECONDS)
    assert not found.errors


@pytest.mark.parametrize(("title", "part"), [("Re-lip", "relip"), ("Enhance", "enhance")])
def test_on_a_phone_nothing_runs_over(visit: Any, title: str, part: str) -> None:
    page = visit(390, 844).page
    open_part(page, title)
    page.wait_for_timeout(400)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    button = page.locator(f"#tp-{part}-go").bounding_box()
    assert button["x"] + button["width"] <= 390

"""Engines with weights on the page: toy networks at work, and more of them from a hub."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import pytest

from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.settings import build_job
from sadtalker_core.weights.catalog import WeightFile
from tests.systems.liveportrait import toy_files as liveportrait
from tests.systems.sadtalker import toy_files as sadtalker
from tests.weights.fake_hub import FakeHub, fake_hub

from .conftest import Served, end, needs_gradio, start
from .steps import SECONDS, choose, done, give, open_part, shot

pytestmark = [pytest.mark.hosts, needs_gradio]
MEGABYTE = 1_000_000
BACK = "Put the face back into the picture"
TERMS = "No commercial use: <b>research</b> alone."


@dataclass
class Equipped:
    """A page with toy weights, and the hub that it downloads from."""

    served: Served
    hub: FakeHub
    folder: Path


def weight(name: str, content: bytes, size: int) -> WeightFile:
    return WeightFile(
        name=name,
        file=f"{name}.bin",
        description="a toy",
        licence=TERMS,
        origin="tests",
        engines=(),
        sha256=hashlib.sha256(content).hexdigest(),
        size=size,
        repository="somebody/toys",
    )


@pytest.fixture(scope="module")
def equipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Equipped]:
    folder = tmp_path_factory.mktemp("equipped")
    models = folder / "models"
    sadtalker.write_toy_files(models)
    liveportrait.write_toy_files(models)
    good = random.Random(0).randbytes(3 * MEGABYTE)
    bad = b"\0" * MEGABYTE
    slow = random.Random(1).randbytes(30 * MEGABYTE)
    files = {
        "toy-good": weight("toy-good", good, len(good)),
        "toy-bad": weight("toy-bad", b"something else", len(bad)),
        "toy-slow": weight("toy-slow", slow, len(slow)),
    }
    with fake_hub() as hub:
        for (name, file), content in zip(files.items(), (good, bad, slow)):
            path = hub.put(file.repository, file.revision, file.file, content)
            hub.pace[path] = 3 * MEGABYTE
            assert name == file.name
            if name == "toy-good":
                hub.held[path] = MEGABYTE * 3 // 2
        toys = {name: [asdict(file)] for name, file in files.items()}
        page = start(
            folder,
            program="tests.ui.toy_page",
            TOY_SETS=json.dumps(toys),
            TALKING_PORTRAITS_MODELS=str(models),
            HF_ENDPOINT=hub.url,
            NO_PROXY="127.0.0.1",
            no_proxy="127.0.0.1",
        )
        yield Equipped(page, hub, models)
        end(page)


def frames_of(path: Path) -> int:
    with av.open(str(path)) as file:
        return file.streams.video[0].frames


def newest(served: Served) -> Path:
    return max(served.out.glob("*.mp4"), key=lambda path: path.stat().st_mtime)


@pytest.mark.parametrize(
    ("engine", "title", "own", "other"),
    [
        ("sadtalker", "SadTalker (", "What the video shows", BACK),
        ("liveportrait", "LivePortrait (", BACK, "What the video shows"),
    ],
)
def test_an_engine_with_weights_speaks(
    visit: Any,
    equipped: Equipped,
    small_portrait: Path,
    voice: Path,
    engine: str,
    title: str,
    own: str,
    other: str,
) -> None:
    found = visit(url=equipped.served.url)
    page = found.page
    give(page, "talk", small_portrait, voice)
    choose(page, "#tp-talk-engine", title)
    page.wait_for_selector(f"#tp-talk-engine:has-text('{title}')")
    page.click("#tp-talk button:has-text('The picture') >> visible=true")
    page.wait_for_selector(f"#tp-talk span:text-is('{own}') >> visible=true")
    assert not page.is_visible(f"#tp-talk span:text-is('{other}')")
    said = done(page, "talk")
    assert engine in said.lower()
    assert "Licence of the weights" in said
    page.wait_for_function(
        "() => document.querySelector('#tp-talk-video video')?.duration > 0.3", timeout=SECONDS
    )
    assert frames_of(newest(equipped.served)) in (10, 11)
    assert not found.errors


def test_weights_come_with_progress_after_their_terms_are_agreed_to(
    visit: Any, equipped: Equipped
) -> None:
    found = visit(url=equipped.served.url)
    page = found.page
    open_part(page, "Models")
    choose(page, "#tp-models-set", "toy-good")
    page.wait_for_selector("text=1 of 1 files missing")
    assert TERMS in page.inner_text("#tp-models"), "terms are text, not markup"
    page.click("#tp-models-go")
    page.wait_for_selector("#tp-models-status .tp-error:has-text('terms')")
    assert not equipped.hub.gets("toy-good")
    page.check("#tp-models-agreed input")
    page.click("#tp-models-go")
    page.wait_for_selector("#tp-models-status:has-text('1 of 3')", timeout=SECONDS)
    shot(page, "models")
    equipped.hub.held.clear()
    page.wait_for_selector("#tp-models-status .tp-done", timeout=SECONDS)
    assert (equipped.folder / "toy-good.bin").stat().st_size == 3 * MEGABYTE
    choose(page, "#tp-models-set", "toy-bad")
    page.wait_for_selector("text=1 of 1 files missing")
    assert not page.is_checked("#tp-models-agreed input"), "each set is agreed to by itself"
    assert not found.errors


def test_another_file_than_the_published_one_is_refused(visit: Any, equipped: Equipped) -> None:
    page = visit(url=equipped.served.url).page
    open_part(page, "Models")
    choose(page, "#tp-models-set", "toy-bad")
    page.wait_for_selector("text=1 of 1 files missing")
    page.check("#tp-models-agreed input")
    page.click("#tp-models-go")
    page.wait_for_selector("#tp-models-status .tp-error", timeout=SECONDS)
    said = page.inner_text("#tp-models-status")
    assert "it is another file: SHA-256" in said
    assert not list(equipped.folder.glob("*toy-bad*"))


def test_a_download_is_stopped_and_gone_on_with(visit: Any, equipped: Equipped) -> None:
    page = visit(url=equipped.served.url).page
    open_part(page, "Models")
    choose(page, "#tp-models-set", "toy-slow")
    page.wait_for_selector("text=1 of 1 files missing")
    page.check("#tp-models-agreed input")
    page.click("#tp-models-go")
    page.wait_for_selector("#tp-models-status:has-text(' of 30 ')", timeout=SECONDS)
    page.click("#tp-models-stop")
    page.wait_for_selector("#tp-models-status:has-text('goes on from here')", timeout=SECONDS)
    part = equipped.folder / ".toy-slow.bin.part"
    have = part.stat().st_size
    assert 0 < have < 30 * MEGABYTE
    equipped.hub.pace.clear()
    page.click("#tp-models-go")
    page.wait_for_selector("#tp-models-status .tp-done", timeout=SECONDS)
    assert equipped.hub.gets("toy-slow")[-1].endswith(f"bytes={have}-")
    assert (equipped.folder / "toy-slow.bin").stat().st_size == 30 * MEGABYTE


def test_liveportrait_is_driven_by_a_clip(
    visit: Any, equipped: Equipped, small_portrait: Path, voice: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    run_animate(build_job({"portrait": small_portrait, "audio": voice, "out": clip}))
    found = visit(url=equipped.served.url)
    page = found.page
    open_part(page, "Drive")
    give(page, "drive", small_portrait)
    page.set_input_files("#tp-drive-driver input[type=file]", str(clip))
    page.wait_for_selector("#tp-drive-driver video", timeout=SECONDS)
    choose(page, "#tp-drive-engine", "LivePortrait (")
    said = done(page, "drive")
    assert "LivePortrait" in said
    assert "Licence of the weights" in said
    assert frames_of(newest(equipped.served)) == frames_of(clip)
    assert not found.errors

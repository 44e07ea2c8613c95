"""Web UIs of the tests and a browser to look at them. All are left out unless WEBUI_DIR is set.

WEBUI_DIR        source of an A1111 or Forge that starts
WEBUI_PYTHON     its interpreter (else venv/ in there)
WEBUI_ARGS       what it needs on the command line (else --always-cpu, for Forge without a GPU)
WEBUI_ARTEFACTS  where screenshots go (else outputs/webui)
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .webui import WebUI

# What people's folders are called: spaces, brackets, dots, letters beyond ASCII.
FOLDER = "Talking Portraits [main] v1.0 é"
TITLE = "Talking Portraits"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
SECONDS = 150_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.hosts)


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., WebUI]]:
    """``start(**known)`` starts a web UI; all are stopped at the end."""
    source = Path(os.environ.get("WEBUI_DIR") or "-")
    if not (source / "launch.py").is_file():
        pytest.skip("WEBUI_DIR does not name an A1111 or Forge")
    default = source / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python = os.environ.get("WEBUI_PYTHON") or str(default)
    started: list[WebUI] = []

    def begun(data: Path | None = None, **known: Any) -> WebUI:
        folder = data or tmp_path_factory.mktemp("web ui data")
        started.append(WebUI(source.resolve(), python, folder, **known))
        return started[-1]

    yield begun
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def webui(start: Callable[..., WebUI]) -> WebUI:
    """The web UI of most tests: a copy of this extension in a folder with an awkward name."""
    return start(folder=FOLDER)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), "")
    if not program:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """``visit(webui)`` opens the tab; ``page.errors`` is what went wrong in the page."""
    contexts: list[Any] = []
    visited: list[WebUI] = []

    def opened(webui: WebUI, width: int = 1400, height: int = 900, theme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        visited.append(webui)
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.errors = []
        page.on("console", lambda said: _note(page.errors, said))
        page.on("pageerror", lambda error: _note_fault(page.errors, error))
        page.goto(f"{webui.url}/?__theme={theme}")
        show_tab(page, TITLE)
        return page

    yield opened
    for context in contexts:
        context.close()
    for webui in visited:
        if webui.is_running:
            webui.go_on()


def _note(errors: list[str], said: Any) -> None:
    # The web UIs ask for fonts and scripts from elsewhere, and for files that they do not have.
    where = str(said.location.get("url", ""))
    is_theirs = said.text.startswith("Failed to load resource") and "talking" not in where.lower()
    if said.type == "error" and not is_theirs:
        errors.append(said.text)


def _note_fault(errors: list[str], error: Any) -> None:
    # gradio 4's own client ends its streams of events with these, on a slow machine above all.
    text = f"{error.name}: {error.message}"
    if "signal is aborted" not in text and text != "TypeError: Failed to fetch":
        errors.append(text)


def show_tab(page: Any, title: str) -> None:
    """Open a tab of the web UI."""
    buttons = page.locator("#tabs > .tab-nav > button, #tabs > div > button")
    button = buttons.filter(has_text=title).first
    button.wait_for(state="visible")
    # The page is alive some time after it can be seen.
    page.wait_for_function("() => typeof opts === 'object' && Object.keys(opts).length > 0")
    page.wait_for_timeout(500)
    button.click()


def show_part(page: Any, part: str) -> None:
    """Open a part of our tab."""
    page.locator("#tp-tabs button").filter(has_text=part).first.click()
    page.wait_for_timeout(400)


def give(page: Any, part: str, portrait: Path, sound: Path | None = None) -> None:
    """Upload a portrait, and a sound."""
    page.set_input_files(f"#tp-{part}-portrait input[type=file]", str(portrait))
    page.wait_for_selector(f"#tp-{part}-portrait img")
    if sound is not None:
        give_sound(page, part, sound)


def give_sound(page: Any, part: str, sound: Path) -> None:
    """Upload a sound."""
    page.set_input_files(f"#tp-{part}-sound input[type=file]", str(sound))
    ready = f"#tp-{part}-sound button[aria-label='Play'], #tp-{part}-sound audio[src]"
    page.wait_for_selector(ready, state="attached")


def status(page: Any, part: str = "talk") -> str:
    """What a part says."""
    return page.inner_text(f"#tp-{part}-status")


def wait_for(check: Callable[[], Any], seconds: float = 150) -> Any:
    """Until ``check()`` gives something true, which is returned."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.1)


_HIDE_PROBE = """() => [...document.querySelectorAll('#tabs button')].forEach(
    e => { if (e.textContent.trim() === 'Probe') e.style.display = 'none'; })"""


@pytest.fixture(scope="session")
def short_clip(
    tmp_path_factory: pytest.TempPathFactory, demo_portrait: Path, short_voice: Path
) -> Path:
    """A second of a face that speaks."""
    from sadtalker_core.jobs.animate import run_animate
    from sadtalker_core.jobs.settings import build_job

    clip = tmp_path_factory.mktemp("clip") / "driver.mp4"
    run_animate(build_job({"portrait": demo_portrait, "audio": short_voice, "out": clip}))
    return clip


@pytest.fixture(scope="session")
def shot() -> Callable[..., None]:
    """``shot(page, name)`` writes a screenshot."""
    default = Path(__file__).resolve().parents[2] / "outputs" / "webui"
    folder = Path(os.environ.get("WEBUI_ARTEFACTS") or default)

    def taken(page: Any, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        page.evaluate(_HIDE_PROBE)
        page.screenshot(path=str(folder / f"{name}.jpg"), type="jpeg", quality=70)

    return taken

"""What the tests of the page share: a page without a browser, and one with it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from sadtalker_core.ui import versions
from sadtalker_core.ui.host import LocalHost
from sadtalker_core.weights.store import WeightStore
from tools import hosts_found

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO_PORTRAIT = ROOT / "sadtalker_core" / "data" / "demo" / "portrait.png"
HAS_GRADIO = importlib.util.find_spec("gradio") is not None
needs_gradio = pytest.mark.skipif(not HAS_GRADIO, reason="gradio is not installed here")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # gradio leaves event loops of its own open, and any later test may be the one that hears it.
    quiet = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(quiet)


@dataclass
class Served:
    """A page that is being served by the command ``ui``."""

    url: str
    out: Path
    temp: Path
    process: subprocess.Popen[str]


def left_out(reason: str) -> NoReturn:
    """Skip, or fail where REQUIRE_HOSTS says that nothing may be left out."""
    if os.environ.get("REQUIRE_HOSTS"):
        pytest.fail(f"REQUIRE_HOSTS is set, but {reason}")
    pytest.skip(reason)


def start(folder: Path, *flags: str, program: str = "sadtalker_core", **variables: str) -> Served:
    """Serve a page of its own, with its results and temporary files below ``folder``.

    Args:
        folder: an empty one.
        flags: of the command ``ui``.
        program: module to run.
        variables: of the environment, besides those of this process.
    """
    out, temp = folder / "out", folder / "temp"
    temp.mkdir()
    environment = {
        **os.environ,
        "TMPDIR": str(temp),
        "PYTHONPATH": str(ROOT),
        # Two workers share the cores, each with a page and a browser.
        "OMP_NUM_THREADS": "1",
        **dict.fromkeys(("TALKING_PORTRAITS_MODELS", "SADTALKER_CHECKPOINTS"), ""),
        "XDG_CACHE_HOME": str(folder / "cache"),  # weights of this machine are not for tests
        **variables,
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", program, "ui", "--out-dir", str(out), *flags],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if " at http" not in line:
        process.kill()
        process.wait(10)
        process.stdout.close()
        pytest.fail(f"the page did not start: {(folder / 'log').read_text()}")
    return Served(line.rsplit(" at ", 1)[1].strip().rstrip("/"), out, temp, process)


def end(served: Served) -> None:
    """Stop it as Ctrl-C or a service manager does."""
    served.process.terminate()
    served.process.wait(60)
    if served.process.stdout is not None:
        served.process.stdout.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One page for all tests that do not need another."""
    if not HAS_GRADIO:
        left_out("gradio is not installed here")
    page = start(tmp_path_factory.mktemp("served"))
    yield page
    end(page)


@pytest.fixture(scope="session")
def launch() -> Iterator[Any]:
    """``launch(*flags)`` opens a Chromium, driven by playwright."""
    try:
        from playwright import sync_api as playwright  # pyright: ignore[reportMissingImports]
    except ImportError:
        left_out("playwright is not installed")
    program = hosts_found.browser()
    if not program:
        left_out("there is no Chromium here")
    with playwright.sync_playwright() as driver:
        yield lambda *flags: driver.chromium.launch(executable_path=program, args=[*FLAGS, *flags])


@pytest.fixture(scope="session")
def browser(launch: Any) -> Iterator[Any]:
    """The Chromium of most tests."""
    opened = launch()
    yield opened
    opened.close()


@dataclass
class Visit:
    """One open page, and what went wrong in it."""

    page: Any
    errors: list[str]
    hosts: set[str]


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Any]:
    """``visit(width, height)`` opens the page as another person would."""
    contexts: list[Any] = []

    def opened(width: int = 1400, height: int = 900, url: str = "") -> Visit:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        found = Visit(context.new_page(), [], set())
        watch(found)
        found.page.goto(url or served.url)
        found.page.wait_for_selector("#tp-talk-go", timeout=60_000)
        return found

    yield opened
    for context in contexts:
        context.close()


def watch(found: Visit) -> None:
    """Note errors of the page and whom it asks."""

    def said(message: Any) -> None:
        if message.type == "error":
            found.errors.append(message.text)

    def asked(request: Any) -> None:
        if request.url.startswith("http"):
            found.hosts.add(request.url.split("/")[2].split(":")[0])

    found.page.on("console", said)
    found.page.on("pageerror", lambda error: found.errors.append(str(error)))
    found.page.on("request", asked)


def wait_for(check: Any, seconds: float = 30) -> None:
    """Until ``check()`` is true."""
    end_time = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end_time, "it did not come to be"
        time.sleep(0.1)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalHost:
    """A page that has no weights, and uploads in a folder of the test."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(versions, "upload_folder", lambda: folder)
    made = LocalHost(tmp_path / "out", tmp_path / "temp")
    empty = WeightStore(environment={}, cache=tmp_path / "cache")
    monkeypatch.setattr(made, "weights", lambda: empty)
    return made

"""What people do on the page, for the tests that do it too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .conftest import ROOT, Served

PICTURES = ROOT / "docs" / "images" / "webui"
SECONDS = 90_000
# Folders of the machine that tests are nobody's business.
_NO_FOLDERS = """() => document.querySelectorAll('.tp-done, .tp-small').forEach(each => {
    each.innerHTML = each.innerHTML.replace(/\\/[^ <]*\\/out\\b/, '/home/me/outputs') })"""


def shot(page: Any, name: str) -> None:
    """A picture for the documentation, where TALKING_PORTRAITS_SHOTS asks for one."""
    if os.environ.get("TALKING_PORTRAITS_SHOTS"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.evaluate(_NO_FOLDERS)
        page.screenshot(path=str(PICTURES / f"{name}.jpg"), type="jpeg", quality=70)


def open_part(page: Any, title: str) -> None:
    page.click(f"button[role=tab]:has-text('{title}')")
    page.wait_for_timeout(400)


def give(page: Any, part: str, portrait: Path, sound: Path | None = None) -> None:
    page.set_input_files(f"#tp-{part}-portrait input[type=file]", str(portrait))
    page.wait_for_selector(f"#tp-{part}-portrait img", timeout=SECONDS)
    if sound is not None:
        page.set_input_files(f"#tp-{part}-sound input[type=file]", str(sound))
        page.wait_for_selector(f"#tp-{part}-sound button[aria-label='Play']", timeout=SECONDS)


def results(served: Served) -> set[str]:
    return {path.name for path in served.out.glob("*.mp4")} if served.out.is_dir() else set()


def done(page: Any, part: str) -> str:
    """Press the button and wait for the end; what the page says then."""
    status = f"#tp-{part}-status .tp-done"
    text = "where => document.querySelector(where)?.innerText || ''"
    before = page.evaluate(text, status)  # of the job before
    page.click(f"#tp-{part}-go")
    page.wait_for_function(
        f"([where, old]) => {{ const now = ({text})(where); return now && now != old }}",
        arg=[status, before],
        timeout=SECONDS,
    )
    return str(page.inner_text(status))


def choose(page: Any, box: str, text: str) -> None:
    """Pick an entry of a dropdown."""
    page.click(f"{box} input")
    page.click(f"ul[role=listbox] li:has-text('{text}')")

"""The page as a whole: its parts as tabs, or a sentence about what is missing."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import versions
from .style import style_html

if TYPE_CHECKING:
    from .desk import Desk
    from .host import UiHost

# Import name and the name that pip knows. torch and gradio are the hosts' own.
NEEDED = {
    "torch": "torch",
    "numpy": "numpy",
    "av": "av",
    "PIL": "Pillow",
    "safetensors": "safetensors",
}
# PyAV is no host's own: another extension may have left one that lacks what media/ calls.
AV_LEAST = (14, 2)
_AV_SPEC = f"av>={'.'.join(map(str, AV_LEAST))}"
# Title, module of this folder.
PARTS = (
    ("Talk", "talk"),
    ("Drive", "drive"),
    ("Re-lip", "relip"),
    ("Edit", "edit"),
    ("Enhance", "enhance"),
    ("Batch", "batch"),
    ("Gallery", "gallery"),
    ("Models", "models_page"),
)


def missing_packages() -> list[str]:
    """What is not here or too old, as pip is asked for it, without importing anything."""
    missing = [pip for name, pip in NEEDED.items() if importlib.util.find_spec(name) is None]
    return missing if "av" in missing or not _av_is_too_old() else [*missing, _AV_SPEC]


def _av_is_too_old() -> bool:
    try:
        numbers = re.findall(r"\d+", importlib.metadata.version("av"))
    except importlib.metadata.PackageNotFoundError:
        return False  # built by hand: its number is not known
    return tuple(map(int, numbers[:2])) < AV_LEAST


def build(make_host: Callable[[], UiHost], css: str = "") -> Any:
    """The page. Where packages are missing it says so instead of failing.

    Args:
        make_host: called only when everything is there.
        css: more style, for gradio before 6.
    """
    missing = missing_packages()
    page = versions.blocks("Talking Portraits", css)
    with page:
        versions.html(style_html())
        if missing:
            versions.html(missing_html(missing))
        else:
            _lay_out(page, make_host())
    return page


def _lay_out(page: Any, host: UiHost) -> None:
    from .desk import Desk
    from .words import note_html

    gr = versions.gradio()
    desk = Desk(host)
    desk.page = page
    with gr.Column(elem_classes="tp-page"):
        versions.html(_HEAD)
        with versions.tabs(elem_id="tp-tabs") as desk.tabs:
            for title, module in PARTS:
                name = title.lower().replace("-", "")
                with gr.Tab(title, id=name, elem_id=f"tp-{name}") as tab:
                    _part(module)(desk, tab)

    def left(request: Any) -> None:
        desk.left(versions.session_of(request))

    versions.on_leave(page, left)
    status = desk.targets["talk"].status

    def opened() -> Any:
        news = desk.news()
        return note_html(news) if news else versions.update()

    if not versions.is_old():
        versions.on(page.load, opened, [], [status], queue=False)


def _part(module: str) -> Callable[[Desk, Any], None]:
    build_part: Callable[[Desk, Any], None] = importlib.import_module(
        f".{module}", __package__
    ).build
    return build_part


_HEAD = (
    '<div class="tp-head"><h1>Talking Portraits</h1>'
    "<p>Portraits speak and move, videos say other words, faces become clearer.</p></div>"
)


def missing_html(missing: list[str]) -> str:
    """What to do about missing packages."""
    from html import escape

    names = escape(" ".join(f'"{name}"' if ">" in name else name for name in missing))
    return (
        '<div class="tp-status tp-error" role="alert"><b>Talking Portraits cannot work yet without '
        f"{escape(', '.join(missing))}.</b><br>Restart the web UI, whose "
        "installer runs install.py of this extension; the log says what it did. By hand, with the "
        f"Python that runs this page: <code>python -m pip install {names}</code></div>"
    )

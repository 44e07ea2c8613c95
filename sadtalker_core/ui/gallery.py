"""The part of the page that shows results again, with the settings that made them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..errors import TalkingPortraitsError
from ..media.thumbnails import poster_of
from . import versions
from .controls import label_of_name
from .keeping import read_settings
from .panel import Desk, shown_files
from .words import escape, note_html

POSTER_PX = 320
MOST = 60
EMPTY = "Nothing was made yet; results appear here."
CHOOSE = "Choose a result."
_STAMP = re.compile(r"-\d{8}-\d{6}-[0-9a-f]{8}$")


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    gr = versions.gradio()
    names = versions.component("State", value=[])
    with gr.Row(elem_classes="tp-part"):
        with gr.Column(scale=6, min_width=320):
            refresh = versions.component("Button", value="Refresh", size="sm")
            pictures = versions.gallery(
                "Results, the newest first", columns=3, height=560, elem_id="tp-gallery-pictures"
            )
        with gr.Column(scale=5, min_width=320, elem_classes="tp-result"):
            video = versions.video_output("Result", visible=False, elem_id="tp-gallery-video")
            picture = versions.picture_output("Result", visible=False)
            files = versions.component(
                "File", label="Files", visible=False, interactive=False, file_count="multiple"
            )
            about = versions.html(note_html(CHOOSE), elem_id="tp-gallery-about")

    def look(request: Any) -> tuple[Any, ...]:
        found = posters(desk, versions.session_of(request))
        status = note_html(CHOOSE if found else EMPTY)
        hidden = versions.update(visible=False)
        shown = [(str(poster), caption(path)) for path, poster in found]
        return [path.name for path, _ in found], shown, status, hidden, hidden, hidden

    def choose(known: Any, request: Any, chosen: Any) -> tuple[Any, ...]:
        hidden = versions.update(visible=False)
        results = {path.name: path for path in desk.pages.results(versions.session_of(request))}
        index = int(chosen.index)
        path = results.get(known[index]) if 0 <= index < len(known) else None
        if path is None:
            return note_html("This result is not there any more."), hidden, hidden, hidden
        return (settings_html(path), *shown_files(path))

    outputs = [names, pictures, about, video, picture, files]
    versions.asks_who(look)
    versions.on(refresh.click, look, [], outputs)
    if hasattr(tab, "select"):
        versions.on(tab.select, look, [], outputs)
    versions.gives_selection(versions.asks_who(choose))
    versions.on(pictures.select, choose, [names], [about, video, picture, files])


def posters(desk: Desk, owner: str) -> list[tuple[Path, Path]]:
    """Results with their small pictures, which are made once."""
    folder = desk.host.temp_folder() / "posters"
    folder.mkdir(exist_ok=True)
    found: list[tuple[Path, Path]] = []
    for path in desk.pages.results(owner, MOST):
        poster = folder / f"{path.name}-{path.stat().st_mtime_ns}.jpg"
        try:
            if not poster.is_file():
                poster.write_bytes(poster_of(path, POSTER_PX))
        except (TalkingPortraitsError, OSError):
            continue  # somebody else's file, or one that is gone by now
        found.append((path, poster))
    return found


def caption(path: Path) -> str:
    """What stands below a small picture."""
    name = _STAMP.sub("", path.stem)
    return name if len(name) <= 28 else f"{name[:27]}…"


def settings_html(path: Path) -> str:
    """What is known of a result, as a table."""
    found = read_settings(path)
    tables: list[str] = []
    for section in ("result", "settings"):
        values = found.get(section)
        rows = _flat(values) if isinstance(values, dict) else []
        tables.append(_table(rows))
    made, settings = tables
    fold = f"<summary>All settings</summary>{settings}"
    return (
        f'<div class="tp-status"><b>{escape(path.name)}</b>{made}'
        f'<details class="tp-fold">{fold if settings else ""}</details></div>'
    )


def _table(rows: list[tuple[str, Any]]) -> str:
    body = "".join(
        f"<tr><th>{escape(label_of_name(name))}</th><td>{escape(value)}</td></tr>"
        for name, value in rows
        if value not in ("", None, [], {})
    )
    return f'<table class="tp-table">{body}</table>' if body else ""


def _flat(values: dict[str, Any]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += _flat(value)
        elif isinstance(value, list):
            plain = [each.get("name", each) if isinstance(each, dict) else each for each in value]
            rows.append((str(name), ", ".join(map(str, plain))))
        else:
            rows.append((str(name), value))
    return rows

"""The part of the page that shows results again: their settings, once more, or away with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import TalkingPortraitsError
from ..media.thumbnails import poster_of
from . import again, versions
from .controls import label_of_name
from .desk import Desk
from .keeping import OWN_NAME, frames_of, read_settings
from .panel import folder_note, shown_files
from .words import error_html, escape, note_html, title_of

POSTER_PX = 480
MOST = 60
READING = "Reading the results …"
UNREAD = "Press Refresh to see the results."
EMPTY = "Nothing was made yet; results appear here."
CHOOSE = "Choose a result."
_OF_VIDEOS = ("frames", "fps", "duration_s")
GONE = "This result is not there any more."


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    _Gallery(desk, tab)


class _Gallery:
    def __init__(self, desk: Desk, tab: Any) -> None:
        gr = versions.gradio()
        self.desk = desk
        self.names: Any = versions.component("State", value=[])
        self.most: Any = versions.component("State", value=MOST)
        self.chosen: Any = versions.component("State", value="")
        with gr.Row(elem_classes="tp-part"):
            with gr.Column(scale=6, min_width=320):
                refresh = versions.component("Button", value="Refresh", size="sm")
                versions.html('<div class="tp-small">The newest first.</div>')
                self.pictures = versions.gallery(
                    "Results",
                    show_label=False,  # it would lie on the first faces
                    columns=3,
                    height=560,
                    elem_id="tp-gallery-pictures",
                )
                self.older = versions.component(
                    "Button", value="Show older ones", size="sm", visible=False
                )
                self.where = versions.html("", elem_id="tp-gallery-where")
            with gr.Column(scale=5, min_width=320, elem_classes="tp-result"):
                self.video = versions.video_output(
                    "Result", visible=False, elem_id="tp-gallery-video"
                )
                self.picture = versions.picture_output(
                    "Result", visible=False, elem_id="tp-gallery-picture"
                )
                self.files = versions.component(
                    "File", label="Files", visible=False, interactive=False, file_count="multiple"
                )
                self._add_buttons()
                # gradio 3 does not tell when a part is opened.
                first = note_html(UNREAD if versions.is_old() else READING)
                self.about = versions.html(first, elem_id="tp-gallery-about")
        look = versions.asks_who(self._look)
        shown = [self.names, self.pictures, self.older, self.where, *self._one]
        versions.on(refresh.click, look, [self.most], shown)
        if hasattr(tab, "select"):
            versions.on(tab.select, look, [self.most], shown)
        event = versions.on(self.older.click, lambda most: most + MOST, [self.most], [self.most])
        versions.on(event.then, look, [self.most], shown)
        choose = versions.gives_selection(versions.asks_who(self._choose))
        versions.on(self.pictures.select, choose, [self.names], self._one)
        self._connect_buttons(look, shown)

    def _add_buttons(self) -> None:
        gr = versions.gradio()

        def button(text: str, name: str, **known: Any) -> Any:
            return versions.component("Button", value=text, elem_id=f"tp-gallery-{name}", **known)

        with gr.Row(visible=False, elem_classes="tp-buttons") as self.row:
            self.use = button("Use these settings again", "use", variant="primary")
            self.delete = button("Delete", "delete")
        with gr.Column(visible=False) as self.confirm:
            self.question = versions.html("")
            with gr.Row(elem_classes="tp-buttons"):
                self.really = button("Delete", "really", variant="stop")
                self.keep = button("Keep it", "keep")

    def _connect_buttons(self, look: Any, shown: list[Any]) -> None:
        rows = [self.row, self.confirm]

        def ask(name: str) -> tuple[Any, Any, Any]:
            question = versions.update(visible=True, value=note_html(f"Delete {name} for good?"))
            return versions.update(visible=False), versions.update(visible=True), question

        def do_not() -> tuple[Any, Any]:
            return versions.update(visible=True), versions.update(visible=False)

        versions.on(self.delete.click, ask, [self.chosen], [*rows, self.question], queue=False)
        versions.on(self.keep.click, do_not, [], rows, queue=False)
        delete = versions.asks_who(self._delete)
        versions.on(self.really.click, delete, [self.chosen, self.most], shown)
        targets = [each for target in self.desk.targets.values() for each in target.components]
        use = versions.asks_who(self._use)
        versions.on(self.use.click, use, [self.chosen], [*targets, self.desk.tabs, self.about])

    @property
    def _one(self) -> list[Any]:
        """What changes with the result that is chosen."""
        own = [self.chosen, self.about, self.video, self.picture, self.files]
        return [*own, self.row, self.confirm]

    def _nothing(self, status: str) -> tuple[Any, ...]:
        hidden = versions.update(visible=False)
        return ("", status, hidden, hidden, hidden, hidden, hidden)

    def _look(self, most: Any, request: Any) -> tuple[Any, ...]:
        found, count = posters(self.desk, versions.session_of(request), int(most or MOST))
        shown = [(str(poster), caption(path)) for path, poster in found]
        return (
            [path.name for path, _ in found],
            shown,
            versions.update(visible=count > int(most or MOST)),
            where_html(self.desk, len(found), count),
            *self._nothing(note_html(CHOOSE if found else EMPTY)),
        )

    def _choose(self, known: Any, request: Any, chosen: Any) -> tuple[Any, ...]:
        index = int(chosen.index)
        name = known[index] if 0 <= index < len(known) else ""
        path = self._path(name, request)
        if path is None:
            return self._nothing(note_html(GONE))
        hidden, seen = versions.update(visible=False), versions.update(visible=True)
        about = settings_html(path, folder_note(self.desk, path) if path.is_dir() else "")
        return (path.name, about, *shown_files(self.desk, path), seen, hidden)

    def _path(self, name: Any, request: Any) -> Path | None:
        results = self.desk.pages.results(versions.session_of(request), None)
        return next((path for path in results if path.name == name), None)

    def _delete(self, name: Any, most: Any, request: Any) -> tuple[Any, ...]:
        path = self._path(name, request)
        try:
            if path is None:
                raise TalkingPortraitsError(GONE)
            self.desk.pages.delete(versions.session_of(request), path)
            status = note_html(f"{path.name} is deleted.")
        except TalkingPortraitsError as error:
            status = error_html(str(error))
        seen = self._look(most, request)
        return (*seen[:4], *self._nothing(status))

    def _use(self, name: Any, request: Any) -> list[Any]:
        path = self._path(name, request)
        same = [versions.update() for t in self.desk.targets.values() for _ in t.components]
        try:
            if path is None:
                raise TalkingPortraitsError(GONE)
            owner = versions.session_of(request)
            files = self.desk.pages.files_for(owner, path)
            self.desk.note_filled(owner)
            updates, title = again.fill(self.desk, read_settings(path), files, path.name)
        except TalkingPortraitsError as error:
            return [*same, versions.update(), error_html(str(error))]
        return [*updates, note_html(f"The settings are in the part {title} now.")]


def posters(desk: Desk, owner: str, most: int) -> tuple[list[tuple[Path, Path]], int]:
    """Results with their small pictures, which are made once, and how many results there are."""
    folder = desk.host.temp_folder() / "posters"
    folder.mkdir(exist_ok=True)
    found: list[tuple[Path, Path]] = []
    results = desk.pages.results(owner, None)
    for path in results[:most]:
        try:
            poster = folder / f"{path.name}-{path.stat().st_mtime_ns}.jpg"
            if not poster.is_file():
                first = frames_of(path)[0] if path.is_dir() else path
                poster.write_bytes(poster_of(first, POSTER_PX))
        except (TalkingPortraitsError, OSError, IndexError):
            continue  # somebody else's file, or one that is gone by now
        found.append((path, poster))
    return found, len(results)


def where_html(desk: Desk, shown: int, count: int) -> str:
    """How many there are and, for who sits at the machine, where."""
    number = f"{shown} of {count} results. " if shown < count else ""
    folder = "" if desk.host.is_shared else f"They are in {desk.host.output_folder()}"
    return f'<div class="tp-small">{escape(number + folder)}</div>'


def caption(path: Path) -> str:
    """What stands below a small picture."""
    name = OWN_NAME.sub("", path.stem)
    return name if len(name) <= 28 else f"{name[:27]}…"


def settings_html(path: Path, note: str = "") -> str:
    """What is known of a result, as a table."""
    found = read_settings(path)
    tables: list[str] = []
    command = str(found.get("command", ""))
    for section in ("result", "settings"):
        values = found.get(section)
        rows = _flat(values) if isinstance(values, dict) else []
        if section == "result":
            rows = _told(rows)
        tables.append(_table(rows, command))
    made, settings = tables
    fold = f"<summary>All settings</summary>{settings}"
    return (
        f'<div class="tp-status"><b>{escape(path.name)}</b>'
        f"{f'<br>{escape(note)}' if note else ''}{made}"
        f'<details class="tp-fold">{fold if settings else ""}</details></div>'
    )


def _table(rows: Sequence[tuple[str, Any]], command: str) -> str:
    body = "".join(
        f"<tr><th>{escape(label_of_name(name, command))}</th><td>{escape(value)}</td></tr>"
        for name, value in rows
        if value not in ("", None, [], {})
    )
    return f'<table class="tp-table">{body}</table>' if body else ""


def _told(rows: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """What was made, in the page's words: a picture has no length, an engine has a title."""
    facts = dict(rows)
    if facts.get("frames") == 1:
        facts = {name: each for name, each in facts.items() if name not in _OF_VIDEOS}
    if "engine" in facts:
        facts["engine"] = title_of(str(facts["engine"]))
    return list(facts.items())


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

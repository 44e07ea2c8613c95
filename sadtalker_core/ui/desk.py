"""The desk: jobs, files and faces of one page, which its parts share."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import MediaError
from . import versions
from .again import Target
from .face_finder import Finder
from .host import UiHost
from .keeping import Pages
from .work import Runs

FILLING_S = 5.0  # after settings are put back, files that come with them may still arrive


class Desk:
    """What all parts of one page share.

    Attributes:
        host: the program around.
        runs: jobs that have not ended.
        pages: who has which files.
        finder: of faces.
        targets: parts that settings of a result can be put back into, by name.
        tabs: the row of parts.
        page: all of it, as gradio has it.
    """

    def __init__(self, host: UiHost) -> None:
        self.host = host
        self.runs = Runs(host, hears_of_leaving=versions.tells_who_left())
        self.pages = Pages(host)
        self.finder = Finder()
        self.targets: dict[str, Target] = {}
        self.tabs: Any = None
        self.page: Any = None
        self._leaving: list[Callable[[str], None]] = []
        self._filled_at: dict[str, float] = {}

    def on_leave(self, forget: Callable[[str], None]) -> None:
        """Call ``forget(owner)`` when a page is closed."""
        self._leaving.append(forget)

    def left(self, owner: str) -> None:
        """Somebody closed their page: what was theirs alone goes when no job needs it."""
        self.runs.left(owner)
        self._filled_at.pop(owner, None)
        for forget in self._leaving:
            forget(owner)
        self.pages.left(owner)

    def news(self) -> str:
        """What became of jobs whose page was closed, in one sentence; told once."""
        ended = self.runs.take_ended_alone()
        if failed := [run.error for run in ended if run.error]:
            return f"A job went wrong while its page was closed: {failed[-1]}"
        made = [run.value.path.name for run in ended if hasattr(run.value, "path")]
        what = made[-1] if made else "what it made"
        return f"A job ended while its page was closed: {what} is in Gallery." if ended else ""

    def note_filled(self, owner: str) -> None:
        """The settings of a result are put back into a part of somebody's page now."""
        self._filled_at[owner] = time.monotonic()

    def was_filled(self, owner: str) -> bool:
        """Whether that was a moment ago: what changes then was not changed by hand."""
        return time.monotonic() - self._filled_at.get(owner, -FILLING_S) < FILLING_S

    def watch_uploads(self, *inputs: Any) -> None:
        """Note whose each uploaded file is, so that it goes with the page."""

        def noted(value: Any, request: Any) -> None:
            self.pages.uploaded(versions.session_of(request), versions.paths_of(value))

        # Not the event of an upload: recordings have none.
        if not versions.is_old():
            for each in inputs:
                versions.on(each.change, versions.asks_who(noted), [each], queue=False)


def single_path(desk: Desk, value: Any, what: str) -> Path | None:
    """The file of a component, checked; None when it is empty."""
    paths = versions.paths_of(value)
    desk.pages.check(paths)
    if paths and paths[0].is_file() and paths[0].stat().st_size == 0:
        raise MediaError(f"The {what} is an empty file; choose it again, or record it for longer.")
    return paths[0] if paths else None

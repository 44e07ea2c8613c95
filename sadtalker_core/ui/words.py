"""What the page says: progress, results and errors as HTML, with everything foreign escaped."""

from __future__ import annotations

import base64
import html
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..jobs.enhance import EnhanceResult
from ..jobs.result import AnimateResult
from ..jobs.stage_names import stage_name, time_left
from ..jobs.steps import clock_text
from ..registry import ENGINES, RELIPPERS
from .plain_words import CHOICES

# Names of options in sentences: two words or more, not part of a file's name.
_NAME = re.compile(r"(?<![\w./-])[a-z]+(?:_[a-z]+)+(?![\w./-]*[\w/-])")
_FLAG = re.compile(r"--([a-z][a-z-]*)")
# What a person copies into a terminal.
_PROGRAM = "talking-portraits"
_LINE = re.compile(
    rf"(?<![\w/-]){_PROGRAM}( models (?:download|check --accept)(?: (?!--)[\w./*-]*[\w*])+"
    r"(?: --models-dir (?:'[^']*'|[^\s;)]+))?)"
)


@dataclass
class Progress:
    """Where a job is.

    Attributes:
        stage: its name, empty before the first.
        done: of the stage.
        total: of the stage, 0 when unknown.
        since: when the stage began, seconds of ``time.monotonic``.
        told: when ``done`` was last told; between two reports the time left only falls.
        batch: such as ``2 of 5: anna.jpg``, or nothing.
        notes: sentences for the user.
        frame: a JPEG of the latest frame, or nothing.
    """

    stage: str = ""
    done: int = 0
    total: int = 0
    since: float = 0.0
    told: float = 0.0
    batch: str = ""
    notes: tuple[str, ...] = ()
    frame: bytes = b""


def escape(text: object) -> str:
    """Text that cannot become markup."""
    return html.escape(str(text), quote=True)


def picture_html(jpeg: bytes, alt: str, name: str = "tp-frame") -> str:
    """A picture that is part of the page's text: nothing is written, nothing is fetched."""
    data = base64.b64encode(jpeg).decode("ascii")
    return f'<img class="{name}" alt="{escape(alt)}" src="data:image/jpeg;base64,{data}">'


def progress_html(progress: Progress, place: int = 0, now: float | None = None) -> str:
    """A bar, the stage, the time left, and the latest frame; ``place`` jobs come first."""
    title, detail, share = _progress_words(
        progress, place, time.monotonic() if now is None else now
    )
    if progress.batch:
        title = f"{progress.batch} · {title}"
    width = "100" if share is None else f"{100 * share:.1f}"
    kind = "tp-bar tp-unknown" if share is None else "tp-bar"
    percent = "" if share is None else f"{share:.0%}"
    frame = picture_html(progress.frame, "The latest frame") if progress.frame else ""
    return (
        f'<div class="tp-status tp-working" role="status">'
        f'<div class="tp-line"><b>{escape(title)}</b><span>{escape(percent)}</span></div>'
        f'<div class="{kind}"><i style="width:{width}%"></i></div>'
        f'<div class="tp-small">{escape(detail)}</div>'
        f"{_notes_html(progress.notes)}{frame}</div>"
    )


def _progress_words(progress: Progress, place: int, now: float) -> tuple[str, str, float | None]:
    if place:
        jobs = "1 job comes" if place == 1 else f"{place} jobs come"
        return "Waiting for its turn", f"{jobs} first. You can leave this page open.", None
    if not progress.stage:
        return "Starting", "", None
    name = stage_name(progress.stage)
    if progress.total <= 0 or (progress.stage != "render" and progress.done == 0):
        return name, "", None
    share = min(1.0, progress.done / progress.total)
    told = max(progress.told, progress.since) if progress.told else now
    elapsed = told - progress.since
    detail = f"{progress.done} of {progress.total}"
    if progress.stage == "render":
        detail = f"frame {detail}"
    if progress.done and elapsed > 0.5 and share < 1:
        left = (progress.total - progress.done) * elapsed / progress.done - (now - told)
        left = max(1.0, left)
        detail += f" · {time_left(left)} left"
    return name, detail, share


def _notes_html(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="tp-notes">{items}</ul>' if items else ""


def error_html(sentence: str) -> str:
    """One sentence of what went wrong."""
    return f'<div class="tp-status tp-error" role="alert">{escape(sentence)}</div>'


def note_html(sentence: str) -> str:
    """Something worth knowing."""
    return (
        f'<div class="tp-status tp-note" role="status">{escape(sentence)}</div>' if sentence else ""
    )


def done_html(sentence: str, notes: Iterable[str] = ()) -> str:
    """What was made."""
    return (
        f'<div class="tp-status tp-done" role="status">{escape(sentence)}{_notes_html(notes)}</div>'
    )


def title_of(engine: str) -> str:
    """What the page calls an engine."""
    return next((each.title for each in (*ENGINES, *RELIPPERS) if each.id == engine), engine)


def result_sentence(result: AnimateResult | EnhanceResult, folder: str = "") -> str:
    """What a job made, in one line, and in which folder it is."""
    height, width = result.size
    name = result.path.name
    where = f" It is in {folder}." if folder else ""
    if result.frames == 1:
        return f"Ready: {name}, {width}x{height}, in {clock_text(result.total_s)}.{where}"
    if isinstance(result, EnhanceResult):
        seconds, by = float(result.frames / result.fps), result.weights[0].name
        by = CHOICES["enhancer"].get(by, by)
    else:
        seconds, by = result.duration_s, title_of(result.engine)
    return (
        f"Ready: {name}, {clock_text(seconds)} of {width}x{height} at "
        f"{float(result.fps):.4g} fps, made in {clock_text(result.total_s)} "
        f"({by} on {result.device}).{where}"
    )


def for_page(
    sentence: str, files: Iterable[Path] = (), program: str = "", command: str = ""
) -> str:
    """A sentence of the library as this page says it.

    Files have their names without folders, which here are temporary ones, and flags of the command
    line the names that their controls have here. Lines for a terminal stay as they are, but for
    how the ``program`` is started where it is no command. ``command`` is the kind of job whose
    controls are meant.
    """
    text = sentence.replace(" (see the command faces)", "")
    for path in sorted(files, key=lambda path: -len(str(path))):
        text = text.replace(str(path), path.name)
    said: list[str] = []
    end = 0
    for line in _LINE.finditer(text):
        said += [_in_words(text[end : line.start()], command), program or _PROGRAM, line[1]]
        end = line.end()
    return "".join([*said, _in_words(text[end:], command)])


def _in_words(text: str, command: str) -> str:
    from .controls import label_of_name

    def label(name: str) -> str:
        return f'"{label_of_name(name.replace("-", "_"), command)}"'

    text = _FLAG.sub(lambda match: label(match[1]), text)
    return _NAME.sub(lambda match: label(match[0]), text)

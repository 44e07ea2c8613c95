"""The part of the page that makes many results at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import Cancelled, OptionError, TalkingPortraitsError
from ..jobs.drive_settings import DRIVE, build_drive_job
from ..jobs.enhance_settings import build_enhance_job
from ..jobs.kinds import flatten
from ..jobs.relip_settings import RELIP, build_relip_job
from ..jobs.settings import ANIMATE, build_job
from ..media.pictures import is_picture_name
from . import versions
from .any_job import ENHANCE, Job, Result
from .controls import Form, check_named, names_shown
from .desk import Desk
from .host import result_name
from .panel import Panel
from .words import escape, for_page
from .work import FORMATS, Run, with_suffix_of

EACH = "every picture with every sound"
PAIRS = "first with first, second with second"
GALLERY = "See them in Gallery."
MOST_JOBS = 200
MOST_BYTES = 2_000_000
# One job a line; names of options are those of the settings beside each result.
_EXAMPLE = """{"portrait": "anna.jpg", "audio": "hello.wav"}
{"portrait": "ben.png", "audio": "news.mp3", "pose_scale": 0.5, "format": "webm"}
{"command": "drive", "portrait": "anna.jpg", "driving": "dance.mp4"}
{"command": "relip", "video": "dance.mp4", "audio": "hello.wav"}
{"command": "enhance", "input": "ben.png"}"""
_KINDS = {"animate": ANIMATE, "drive": DRIVE, "edit": DRIVE, "relip": RELIP, "enhance": ENHANCE}
_BUILDERS = {
    "animate": build_job,
    "drive": build_drive_job,
    "relip": build_relip_job,
    "enhance": build_enhance_job,
}
# Folders and files of this machine, which a list from elsewhere may not name.
_REFUSED = ("models_dir", "preview", "save_motion", "save_config", "config")


@dataclass
class Line:
    """One job of a batch: what it is called, and the job or why there is none."""

    title: str
    job: Job | None = None
    error: str = ""
    result: Result | None = None


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    gr = versions.gradio()
    store = desk.host.weights()
    form = Form(ANIMATE, desk.host)
    shown = names_shown(ANIMATE, "auto", store)
    with gr.Row(elem_classes="tp-part tp-job"):
        with gr.Column(scale=5, min_width=320):
            pictures = versions.file_input(
                "Portraits", ["image"], many=True, height=150, elem_id="tp-batch-pictures"
            )
            sounds = versions.file_input(
                "Speech", ["audio", "video"], many=True, height=150, elem_id="tp-batch-sounds"
            )
            pairing = versions.component(
                "Radio", choices=[EACH, PAIRS], value=EACH, label="Which with which"
            )
            form.add_engine(store)
            with gr.Column(elem_classes="tp-more"):
                with gr.Accordion(label="A list of jobs instead", open=False):
                    versions.html(list_html())
                    jobs = versions.file_input("The list", [".jsonl", ".json", ".txt"], height=140)
                    others = versions.file_input(
                        "All files that the list names",
                        ["image", "audio", "video", "file"],
                        many=True,
                        height=140,
                    )
                form.add_folded(shown)
        with gr.Column(scale=6, min_width=320, elem_classes="tp-result"):
            panel = Panel(
                desk,
                "batch",
                "Make all",
                "Give several portraits, several sounds, or both. A job that fails stops no other.",
            )

    def work_of(values: Sequence[Any]) -> Any:
        chosen = [versions.paths_of(value) for value in (*values[:2], *values[3:5])]
        for paths in chosen:
            desk.pages.check(paths)
        options = form.values(values[5:])
        if chosen[2]:
            lines = lines_of_list(desk, chosen[2][0], [p for ps in chosen for p in ps], options)
        else:
            lines = lines_of_files(desk, chosen[0], chosen[1], str(values[2]), options)
        return lambda run: run_all(desk, panel, run, lines)

    names = ["portraits", "sounds", "pairing", "jobs", "files", *form.components]
    inputs = [pictures, sounds, pairing, jobs, others, *form.components.values()]
    panel.bind_work(inputs, names, work_of, _shown, waits=False)
    desk.watch_uploads(pictures, sounds, jobs, others)

    form.follow_engine()


def list_html() -> str:
    """What a list of jobs looks like."""
    return (
        '<div class="tp-small">A text file with one job a line, for jobs that differ in more than '
        "picture and sound. Other settings are those of this page. Such as:"
        f'<pre class="tp-example">{escape(_EXAMPLE)}</pre></div>'
    )


def lines_of_files(
    desk: Desk,
    pictures: Sequence[Path],
    sounds: Sequence[Path],
    pairing: str,
    options: Mapping[str, Any],
) -> list[Line]:
    """Jobs of pictures and sounds.

    Raises:
        OptionError: there are none, too many, or pairs that do not come out even.
    """
    if not pictures:
        raise OptionError("Choose the portraits first.")
    if not sounds and options.get("idle") is None:
        raise OptionError("Choose the speech, or say under 'The job' how many seconds without.")
    if pairing == PAIRS and sounds and len(pictures) != len(sounds):
        raise OptionError(
            f"{len(pictures)} portraits and {len(sounds)} sounds do not make pairs; give as many "
            "of each."
        )
    spoken: list[Path | None] = list(sounds) or [None]
    if pairing == PAIRS and sounds:
        pairs = list(zip(pictures, spoken))
    else:
        pairs = [(picture, sound) for picture in pictures for sound in spoken]
    if len(pairs) > MOST_JOBS:
        raise OptionError(f"{len(pairs)} jobs are more than the {MOST_JOBS} of one batch.")
    lines: list[Line] = []
    for picture, sound in pairs:
        values = {**options, "portrait": picture, "audio": sound}
        title = picture.name if sound is None else f"{picture.name} + {sound.name}"
        lines.append(_line(desk, title, "animate", values))
    return lines


def lines_of_list(
    desk: Desk, path: Path, files: Sequence[Path], options: Mapping[str, Any]
) -> list[Line]:
    """Jobs of a file of JSON lines, whose names mean files that were uploaded with it.

    Raises:
        OptionError: it is no such file, or has no jobs.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise OptionError(f"{path.name} is too large for a list of {MOST_JOBS} jobs.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path.name} is not text in UTF-8.") from error
    known = {file.name: file for file in files}
    twice = sorted({file.name for file in files if known[file.name] != file})
    if twice:
        raise OptionError(f"Two files are called {twice[0]}; give them different names.")
    lines: list[Line] = []
    for number, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        if len(lines) >= MOST_JOBS:
            raise OptionError(f"{path.name} has more than {MOST_JOBS} jobs.")
        title = f"line {number}"
        try:
            command, values = _values_of(row, known)
        except TalkingPortraitsError as error:
            lines.append(Line(title, error=str(error)))
            continue
        kind = _KINDS[command]
        fitting = {name for names in kind.option_names().values() for name in names}
        engines = {"auto", *(engine.id for engine in kind.engines)}
        rest = {name: value for name, value in options.items() if name in fitting}
        if rest.get("engine", "auto") not in engines:
            del rest["engine"]
        title = f"{title}: {_subject(values).name}"
        lines.append(_line(desk, title, command, {**rest, **values}))
    if not lines:
        raise OptionError(f"{path.name} has no jobs; write one JSON object a line.")
    return lines


def _values_of(row: str, known: Mapping[str, Path]) -> tuple[str, dict[str, Any]]:
    try:
        values = json.loads(row)
    except (ValueError, RecursionError) as error:
        raise OptionError("This is not JSON.") from error
    if not isinstance(values, dict):
        raise OptionError('A JSON object is needed, such as {"portrait": "me.jpg"}.')
    command = str(values.pop("command", "animate"))
    if command not in _KINDS:
        raise OptionError(f"command is {command!r}, known are: {', '.join(_KINDS)}.")
    kind = _KINDS[command]
    flat = flatten(values, kind)
    refused = [name for name in _REFUSED if name in flat]
    if refused:
        raise OptionError(f"{refused[0]} cannot be used in a list on this page.")
    check_named(flat)
    for name in kind.inputs:
        given = flat.get(name)
        if given is None:
            continue
        if isinstance(given, list) and name not in kind.many:
            raise OptionError(f"{name} must be the name of one file.")
        several = given if isinstance(given, list) else [given]
        found = [_uploaded(str(each), known) for each in several]
        flat[name] = found if isinstance(given, list) else found[0]
    return command, flat


def _uploaded(name: str, known: Mapping[str, Path]) -> Path:
    plain = name.replace("\\", "/").rsplit("/", 1)[-1]
    if plain not in known:
        raise OptionError(f"{plain} was not uploaded with the list.")
    return known[plain]


def _subject(values: Mapping[str, Any]) -> Path:
    """The picture or video that a job is about."""
    named = (values.get(name) for name in ("portrait", "video", "input"))
    return Path(str(next(filter(None, named), "")))


def _line(desk: Desk, title: str, command: str, values: Mapping[str, Any]) -> Line:
    wanted = Path(str(values.get("out", "")).replace("\\", "/")).stem
    portrait = _subject(values)
    sound = values.get("audio")
    stems = [wanted] if wanted else [portrait.stem, *([Path(sound).stem] if sound else [])]
    file_format = str(values.get("format", "auto"))
    if file_format not in FORMATS:
        return Line(title, error=f"format must be one of {', '.join(FORMATS)}.")
    folder = desk.host.output_folder()
    out = with_suffix_of(folder / result_name(*stems, suffix=".mp4"), file_format)
    if command == "enhance" and is_picture_name(portrait):
        out = out.with_suffix(".png")
    if command == "edit" and is_picture_name(Path(str(values.get("out", "x.png")))):
        out = out.with_suffix(".png")
    models = {"models_dir": desk.host.models_dir()} if desk.host.models_dir() else {}
    try:
        return Line(title, job=_BUILDERS[_KINDS[command].name]({**models, **values, "out": out}))
    except TalkingPortraitsError as error:
        return Line(title, error=for_page(str(error), program=desk.host.program()))


def run_all(desk: Desk, panel: Panel, run: Run, lines: list[Line]) -> list[Line]:
    """Every job in its turn; a failed one stops no other, Stop ends all that are left."""
    for number, line in enumerate(lines, 1):
        if line.job is None:
            continue
        run.progress = replace(
            run.progress, batch=f"{number} of {len(lines)}: {line.title}", stage="", notes=()
        )
        try:
            with desk.runs.turn(run):
                line.result = panel.keep(run, line.job, desk.runs.make(run, line.job))
        except Cancelled:
            for rest in lines[number - 1 :]:
                rest.error = rest.error or "stopped"
            break
        except TalkingPortraitsError as error:
            line.error = str(error)
        except Exception as error:  # one job's fault must not cost the others
            line.error = "Something unexpected went wrong."
            if not desk.host.is_shared:
                line.error = f"Something unexpected went wrong ({type(error).__name__}: {error})."
    return lines


def _shown(run: Run) -> tuple[Any, ...]:
    lines: list[Line] = run.value
    done = [line.result.path for line in lines if line.result is not None]
    hidden = versions.update(visible=False)
    files = [str(path) for path in done if path.is_file()]
    shown = versions.update(value=files, visible=True) if files else hidden
    return (table_html(lines, GALLERY if done else ""), hidden, hidden, shown)


def table_html(lines: Sequence[Line], more: str = "") -> str:
    """What became of each job, and a sentence about all."""
    done = sum(line.result is not None for line in lines)
    rows = "".join(
        f"<tr><td>{escape(line.title)}</td><td>{_outcome(line)}</td></tr>" for line in lines
    )
    kind = "tp-done" if done == len(lines) else "tp-partly" if done else "tp-error"
    return (
        f'<div class="tp-status {kind}" role="status"><b>{done} of {len(lines)} made.</b> '
        f"{escape(more)}"
        f'<div class="tp-scroll"><table class="tp-table">{rows}</table></div></div>'
    )


def _outcome(line: Line) -> str:
    if line.result is not None:
        return f'<span class="tp-yes">✓</span> {escape(line.result.path.name)}'
    return f'<span class="tp-cross">✗</span> {escape(line.error or "not made")}'

"""The command batch: many jobs from a file of JSON lines."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from ..errors import Cancelled, MediaError, OptionError, TalkingPortraitsError
from ..jobs.drive_settings import DRIVE, build_drive_job
from ..jobs.kinds import flatten
from ..jobs.relip_settings import RELIP, RelipJob, build_relip_job
from ..jobs.settings import ANIMATE, build_job
from ..media.files import check_input_file
from .animate import AnyJob, run_with_console, summary
from .console import Console
from .flags import given_values

EXIT_SOME_FAILED = 1
_COMMANDS = ("animate", "drive", "edit", "relip")


def run(args: argparse.Namespace, console: Console) -> int:
    """Run every job, report each, and say at the end which failed."""
    entries = read_jobs(Path(args.jobs), given_values(args))
    reports: list[dict[str, Any]] = []
    for number, (line, entry) in enumerate(entries, 1):
        place = f"[{number}/{len(entries)}] line {line}"
        try:
            if isinstance(entry, TalkingPortraitsError):
                raise entry
            shown = entry.video if isinstance(entry, RelipJob) else entry.portrait
            console.note(f"{place}: {shown} -> {entry.out}")
            result = run_with_console(entry, console)
        except Cancelled:
            raise
        except TalkingPortraitsError as error:
            report = {"type": type(error).__name__, "message": str(error)}
            report["exit_code"] = str(error.exit_code)
            reports.append({"line": line, "ok": False, "error": report})
            _tell(console, f"{place}: failed: {error}")
        except Exception as error:  # one job's fault must not cost the others
            report = {"type": type(error).__name__, "message": str(error), "exit_code": "70"}
            reports.append({"line": line, "ok": False, "error": report})
            _tell(console, f"{place}: failed: unexpected {type(error).__name__}: {error}")
        else:
            reports.append({"line": line, "ok": True, **result.as_dict()})
            _tell(console, f"{place}: {summary(result)}")
    failed = [report for report in reports if not report["ok"]]
    for report in failed:
        report["error"]["exit_code"] = int(report["error"]["exit_code"])
    values = {"ok": not failed, "done": len(reports) - len(failed), "failed": len(failed)}
    lines = [f"{values['done']} of {len(reports)} jobs done, {len(failed)} failed."]
    console.result({**values, "jobs": reports}, lines)
    return EXIT_SOME_FAILED if failed else 0


def _tell(console: Console, line: str) -> None:
    """The outcome of one job, at once: on stdout for a person, nowhere with --json."""
    console.progress.clear()
    if not console.as_json:
        print(line, flush=True)


def read_jobs(
    path: Path, defaults: dict[str, Any]
) -> list[tuple[int, AnyJob | TalkingPortraitsError]]:
    """Line number and job of each line that is not empty; a wrong line gives its error instead.

    Raises:
        MediaError: the file cannot be read or has no jobs.
    """
    check_input_file(path, "job")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise MediaError(
            f"{path} is not text in UTF-8; one JSON object a line is needed."
        ) from error
    entries: list[tuple[int, AnyJob | TalkingPortraitsError]] = []
    outputs: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            job = _job_of(line, defaults)
            out = os.path.abspath(job.out)
            if out in outputs:
                raise OptionError(f"line {outputs[out]} writes {job.out} too; give another out.")
            outputs[out] = number
            entries.append((number, job))
        except TalkingPortraitsError as error:
            entries.append((number, error))
    if not entries:
        raise MediaError(f"{path} has no jobs; write one JSON object a line.")
    return entries


def _job_of(line: str, defaults: dict[str, Any]) -> AnyJob:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise OptionError(f"this is not JSON ({error.msg} at column {error.colno}).") from error
    if not isinstance(values, dict):
        raise OptionError('a JSON object is needed, such as {"portrait": "me.jpg"}.')
    command = str(values.pop("command", "animate"))
    if command not in _COMMANDS:
        raise OptionError(f"command is {command!r}, known are: {', '.join(_COMMANDS)}.")
    if command != "animate":
        kind, build = (RELIP, build_relip_job) if command == "relip" else (DRIVE, build_drive_job)
        known = {name for names in kind.option_names().values() for name in names}
        fitting = {name: value for name, value in defaults.items() if name in known}
        return build({**fitting, **flatten(values, kind)})
    own = flatten(values, ANIMATE)
    rest = {k: v for k, v in defaults.items() if not (k == "idle" and "audio" in own)}
    return build_job({**rest, **own})

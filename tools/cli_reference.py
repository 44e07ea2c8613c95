"""Write docs/cli.md from the command line itself: ``python -m tools.cli_reference``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sadtalker_core.cli.flags import SECTION_TITLES, defaults_text, flag, sections
from sadtalker_core.cli.parser import EXIT_CODES, build_parser
from sadtalker_core.jobs.drive_settings import DRIVE
from sadtalker_core.jobs.kinds import JobKind
from sadtalker_core.jobs.relip_settings import RELIP
from sadtalker_core.jobs.settings import ANIMATE
from sadtalker_core.options import OptionSpec

PATH = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

KINDS = {
    ANIMATE: "Options of animate",
    DRIVE: "Options of drive and edit",
    RELIP: "Options of relip",
}

_CLOSING = """\
With `--json` stdout has exactly one JSON object, and everything else is on stderr:
`{"ok": true, ...}`, or
`{"ok": false, "error": {"type": "NoFaceError", "message": "...", "exit_code": 5}}`.

## Settings files

`--save-config my.toml` writes every setting with its explanation; `--config my.toml` reads them
back, and flags beat the file. A line of a batch file is a JSON object with the same names, flat or
by section:

```
{"portrait": "a.jpg", "audio": "a.mp3", "out": "a.mp4", "seed": 3}
{"portrait": "b.jpg", "idle": 5, "out": "b.mp4", "motion": {"pose_style": 12}}
{"command": "drive", "portrait": "c.jpg", "driving": "dance.mp4", "out": "c.mp4"}
{"command": "edit", "portrait": "c.jpg", "smile": 0.8, "out": "d.png"}
{"command": "relip", "video": "e.mp4", "audio": "a.mp3", "out": "e-dubbed.mp4"}
```

Paths are relative to the current folder.
"""


def _cell(text: str) -> str:
    return text.replace("%%", "%").replace("|", "\\|")


def _kind_of(command: str) -> JobKind:
    if command == "relip":
        return RELIP
    return DRIVE if command in ("drive", "edit", "template") else ANIMATE


def _row(spec: OptionSpec, kind: JobKind) -> str:
    name = flag(spec.name)
    if spec.kind is bool:
        name, values = f"{name}`, `{name.replace('--', '--no-', 1)}", "on, off"
    elif spec.choices:
        values = ", ".join(spec.choices)
    elif spec.low is not None and spec.high is not None:
        values = f"{spec.low:.16g} to {spec.high:.16g} {spec.unit}".strip()
    else:
        values = spec.unit or "text"
    if spec.keyframes:
        values += ", or keyframes"
    default = defaults_text(spec, kind)
    notes = " (advanced)" if spec.advanced else ""
    owners = kind.owners(spec.name)
    if owners and len(owners) < len(kind.engines):
        notes += f" [{', '.join(engine.id for engine in owners)}]"
    return f"| `{name}` | {values} | {default} | {_cell(spec.help)}{notes} |"


def reference() -> str:
    """The text of docs/cli.md."""
    lines = [
        "# The command line",
        "",
        "Made from the program by `python -m tools.cli_reference`; a test keeps it current.",
        "`python -m sadtalker_core` is the same command as `talking-portraits`.",
        "",
    ]
    parser = build_parser()
    commands: dict[str, Any] = next(
        action.choices for action in parser._actions if isinstance(action.choices, dict)
    )
    for name, command in commands.items():
        lines += [f"## {name}", "", str(command.description), ""]
        lines += ["```", command.format_usage().removeprefix("usage: ").strip(), "```", ""]
        lines += ["| | |", "| --- | --- |"]
        below = [
            (SECTION_TITLES[section], {flag(spec.name) for spec in specs})
            for section, specs in sections(_kind_of(name))
            if any(flag(specs[0].name) in a.option_strings for a in command._actions)
        ]
        generated = {each for _, flags in below for each in flags}
        for action in command._actions:
            if "--help" in action.option_strings:
                continue
            flags = action.option_strings
            if flags and flags[0] in generated:
                continue
            shown = flags[0] if flags else ""
            metavar = "" if action.nargs == 0 else f" {action.metavar or ''}".rstrip()
            lines.append(f"| `{(shown + metavar).strip()}` | {_cell(str(action.help))} |")
        if below:
            lines += ["", f"Options, below: {', '.join(title for title, _ in below)}."]
        lines.append("")
    for kind, title in KINDS.items():
        lines += [f"## {title}", ""]
        for section, specs in sections(kind):
            lines += [f"### {SECTION_TITLES[section].capitalize()}", ""]
            if kind is not ANIMATE and (section, specs) in list(sections(ANIMATE)):
                lines += ["As for animate.", ""]
                continue
            lines += ["| option | values | default | what it does |", "| --- | --- | --- | --- |"]
            lines += [_row(spec, kind) for spec in specs]
            lines.append("")
    lines += ["## Exit codes", "", "| code | meaning |", "| --- | --- |"]
    lines += [f"| {code} | {text} |" for code, text in EXIT_CODES]
    lines += ["", *_CLOSING.splitlines()]
    return "\n".join(lines) + "\n"


def main() -> int:
    PATH.write_text(reference(), encoding="utf-8")
    print(f"wrote {PATH}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

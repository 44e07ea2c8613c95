"""Settings in TOML files: read, and written with the help of each option beside it."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from ..errors import MediaError, OptionError
from ..jobs.kinds import JobKind, describe, input_files
from ..media.files import check_output_path, replaced_when_complete
from ..options import option_specs
from .flags import describe as describe_option

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]


def load_config(path: Path) -> dict[str, Any]:
    """The values of a TOML file, by section as they stand there.

    Raises:
        MediaError: the file cannot be read.
        OptionError: it is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MediaError(f"the config {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"the config {path} is not text in UTF-8.") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"the config {path} is not valid TOML: {error}.") from error


def save_config(path: Path, job: Any) -> None:
    """Write every setting of a job so that ``load_config`` gives the same job.

    Raises:
        OutputError: the file cannot be written or is one of the job's inputs.
    """
    check_output_path(path, [*input_files(job), job.out])
    with replaced_when_complete(path) as temporary:
        temporary.write_text(config_text(job), encoding="utf-8")


def config_text(job: Any) -> str:
    """A job as TOML, with a comment for each option."""
    kind: JobKind = job.kind
    values = describe(job)
    lines = [
        "# Settings of Talking Portraits. Use them with: talking-portraits "
        f"{kind.name} --config FILE",
        "# Flags on the command line beat what is here. Paths are relative to the current folder.",
        "",
    ]
    lines += [_line(name, values[name]) for name in kind.files]
    for section, cls in kind.sections(job.engine).items():
        specs = option_specs(cls)
        if not specs:
            continue
        lines += ["", f"[{section}]"]
        for spec in specs:
            lines += textwrap.wrap(
                describe_option(spec, kind), 98, initial_indent="# ", subsequent_indent="# "
            )
            lines.append(_line(spec.name, values[section][spec.name]))
    return "\n".join(lines) + "\n"


def _line(name: str, value: Any) -> str:
    return f"# {name} =" if value is None else f"{name} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are TOML's, except that TOML wants DEL escaped as well.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)

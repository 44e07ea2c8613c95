"""Running the command line in this process and looking at all that it says."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from sadtalker_core.cli import main


@dataclass(frozen=True)
class Run:
    """One run of the command line."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The last line on stderr: what an error says."""
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""


def run(*words: object) -> Run:
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return Run(code, out.getvalue(), err.getvalue())


def all_files(folder: Path) -> set[str]:
    """Every path below a folder, hidden ones included."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}

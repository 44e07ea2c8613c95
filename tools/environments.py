"""What the host tests' environments have in common: each folder knows what it is made of."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path


def python_of(folder: Path) -> Path:
    """The interpreter inside the environment at ``folder``."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def reason(output: str) -> str:
    """The line that says why a command failed, of all that it wrote."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if not line.lower().startswith(("warning", "[notice]"))]
    lines = told or lines
    errors = [line for line in lines if line.lower().startswith("error")]
    # pip heads a traceback with this one: the reason is where the traceback ends.
    if errors and not errors[-1].lower().endswith("exception:"):
        return errors[-1]
    return lines[-1] if lines else "no reason was given"


def run(*command: str) -> str:
    """What a command prints; RuntimeError with the line that says what is wrong."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(reason(done.stderr or done.stdout))
    return done.stdout.strip()


def made(folder: Path, recipe: str, what_for: str, make: Callable[[Path], None]) -> bool:
    """Whether an environment is there: nothing happens where it is made of ``recipe`` already.

    What is half made is taken away again, and the reason is printed.
    """
    mark = folder / ".ready"
    if mark.is_file() and mark.read_text(encoding="utf-8") == recipe:
        return True
    try:
        if folder.exists():
            shutil.rmtree(folder)
        print(f"Setting up {folder} for {what_for} (once; a few minutes)", flush=True)
        make(folder)
        mark.write_text(recipe, encoding="utf-8")
    except (RuntimeError, OSError) as problem:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"{folder} could not be made: {problem}")
        return False
    return True

"""Lines that a person copies into a terminal."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

_PROGRAM = Path(__file__).resolve().parents[2] / "talking_portraits.py"


def quoted(text: str, system: str = os.name) -> str:
    """One word of a command line.

    Args:
        text: the word.
        system: ``nt`` for Windows, whose terminals know no single quotes.
    """
    if system == "nt":
        return f'"{text}"' if re.search(r"[\s&()^%;,=]", text) else text
    return shlex.quote(text)


def program(python: str = sys.executable or "python", system: str = os.name) -> str:
    """How to start the command line from any folder, with the Python that runs this page.

    An extension is not installed as a package: the command ``talking-portraits`` is not there.
    """
    return f"{quoted(python, system)} {quoted(str(_PROGRAM), system)}"

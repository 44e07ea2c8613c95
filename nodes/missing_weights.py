"""What to do about missing weight files, in short lines: an error dialog of ComfyUI shows it."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ..sadtalker_core.weights.catalog import WeightFile
from ..sadtalker_core.weights.store import WeightStore, what_to_download
from .licence_words import commercial_use, strictest

_PROGRAM = Path(__file__).resolve().parent.parent / "talking_portraits.py"
_TERMS_LENGTH = 80


def missing_text(title: str, missing: Sequence[WeightFile], store: WeightStore) -> str:
    """Which files are missing, the folder for them, and the command that gets them.

    Args:
        title: of what needs them.
        missing: one file or more.
        store: where they were looked for; its first folder is where new ones go.
    """
    known = sum(file.size for file in missing)
    total = f", {known / 1e6:.0f} MB" if all(file.size for file in missing) else ""
    answer = strictest(commercial_use(file.licence) for file in missing)
    terms = dict.fromkeys(_first_sentence(file.licence) for file in missing)
    return "\n".join(
        [
            f"{title} needs weights that are not here "
            f"({len(missing)} {'file' if len(missing) == 1 else 'files'}{total}):",
            *(f"  {file.file} ({_size(file)})" for file in missing),
            *(line for file in missing for line in _passed_over(file, store)),
            "Put them into this folder:",
            f"  {store.folders[0]}",
            "or let this command, in a terminal, do it:",
            f"  {program()} models download {what_to_download(missing)} "
            f"--models-dir {_quoted(str(store.folders[0]), os.name)}",
            " ".join(["Licence:", *filter(None, terms), f"Commercial use: {answer}."]),
            "The Model Report node lists all addresses, terms and folders that are read.",
        ]
    )


def program(python: str = sys.executable or "python", system: str = os.name) -> str:
    """How to start this pack's command line from any folder, with the Python that runs ComfyUI.

    Args:
        python: the program that runs ComfyUI.
        system: ``nt`` for Windows.
    """
    return f"{_quoted(python, system)} {_quoted(str(_PROGRAM), system)}"


def _quoted(text: str, system: str) -> str:
    if system == "nt":
        return f'"{text}"' if re.search(r"[\s&()^%;,=]", text) else text
    return shlex.quote(text)


def _size(file: WeightFile) -> str:
    return f"{file.size / 1e6:.0f} MB" if file.size else "size not known"


def _passed_over(file: WeightFile, store: WeightStore) -> list[str]:
    path = store.find(file, any_size=True)
    if path is None:
        return []
    return [
        "Passed over, cut short or another version:",
        f"  {path} ({path.stat().st_size} bytes instead of {file.size})",
    ]


def _first_sentence(licence: str) -> str:
    """The first sentence of the terms, if it is short."""
    sentence = re.split(r"(?<=\.)\s", licence, maxsplit=1)[0]
    return sentence if len(sentence) <= _TERMS_LENGTH else ""

"""What the terms of weights mean for people who sell what they make, in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..sadtalker_core.weights.catalog import WeightFile

if TYPE_CHECKING:
    from .host_models import Loadable

ALLOWED = "allowed"
IN_DOUBT = "in doubt"
NOT_ALLOWED = "not allowed"
_WORDS = {
    ALLOWED: "You may sell what you make with these weights.",
    IN_DOUBT: "Their own licence allows it, but what they learnt from may not: ask a lawyer "
    "before you sell results.",
    NOT_ALLOWED: "You may not use results commercially.",
}
_ORDER = (NOT_ALLOWED, IN_DOUBT, ALLOWED)
_FORBIDS = re.compile(
    r"non-?commercial|\bBY-NC\b|research licen[cs]e|^no commercial use|forbid any commercial"
    r"|no commercial use without",
    re.IGNORECASE,
)
_DOUBTS = re.compile(
    r"research|doubt|no commercial|needs a licen[cs]e|lawyer|rights are their own", re.IGNORECASE
)
_PERMITS = re.compile(r"\b(MIT|Apache-2\.0|BSD|CC0|ISC|Unlicense)\b")
_NOT_OURS = re.compile(r"[^.;]*\bnot used here\b[.;]?")


def commercial_use(licence: str) -> str:
    """``allowed``, ``in doubt`` or ``not allowed``; what no known licence permits is in doubt.

    Args:
        licence: terms as the catalog states them.
    """
    # what is said of parts that were left out says nothing of ours
    text = _NOT_OURS.sub("", licence)
    if _FORBIDS.search(text):
        return NOT_ALLOWED
    if _DOUBTS.search(text) or not _PERMITS.search(text):
        return IN_DOUBT
    return ALLOWED


def strictest(answers: Iterable[str]) -> str:
    """What holds for a result that all of them went into."""
    return min(answers, key=_ORDER.index, default=ALLOWED)


def licence_report(used: Sequence[tuple[Loadable, Sequence[WeightFile]]]) -> dict[str, Any]:
    """Terms of everything that a run uses.

    Args:
        used: engines with their weight files.

    Returns:
        Plain values: ``commercial_use``, ``meaning``, ``engines``, and each of ``weights`` once.
    """
    files = {file.name: file for _, weights in used for file in weights}
    weights = [
        {
            "name": file.name,
            "file": file.file,
            "what": file.description,
            "origin": file.origin,
            "licence": file.licence,
            "commercial_use": commercial_use(file.licence),
        }
        for file in files.values()
    ]
    answer = strictest(str(entry["commercial_use"]) for entry in weights)
    engines = {engine.id: engine for engine, _ in used}
    return {
        "commercial_use": answer,
        "meaning": _WORDS[answer],
        "engines": [
            {"id": engine.id, "title": engine.title, "licence": engine.licence}
            for engine in engines.values()
        ],
        "weights": weights,
        "note": "Terms as their publishers state them, gathered with care and no legal advice.",
    }


def licence_text(report: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"Commercial use: {report['commercial_use']}. {report['meaning']}", ""]
    for engine in report["engines"]:
        lines.append(f"{engine['title']}: {engine['licence']}")
    by_terms: dict[str, list[str]] = {}
    for entry in report["weights"]:
        named = f"{entry['name']} ({entry['what']}; {entry['origin']})"
        by_terms.setdefault(f"{entry['commercial_use']}: {entry['licence']}", []).append(named)
    for terms, names in by_terms.items():
        lines += ["", *names, f"    {terms}"]
    return "\n".join([*lines, "", report["note"]])

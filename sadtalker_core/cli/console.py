"""What the commands say and where: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from .progress import ProgressLine


class Console:
    """Voice of one run of the command line.

    Args:
        as_json: stdout gets exactly one JSON object and nothing else.
        quiet: no progress and no notes on stderr.
    """

    def __init__(self, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        # In a script's log a bar is noise; the JSON object has all that matters.
        self.shows_progress = not quiet and (not as_json or sys.stderr.isatty())
        self.quiet = quiet
        self.progress = ProgressLine(sys.stderr, self.shows_progress)
        self.stopped = False

    def note(self, sentence: str) -> None:
        """Something worth knowing while the job runs."""
        if self.shows_progress:
            self.progress.clear()
            print(sentence, file=sys.stderr, flush=True)

    def result(self, values: dict[str, Any], lines: Sequence[str]) -> None:
        """The outcome: ``values`` as JSON, or ``lines`` for a person."""
        self.progress.clear()
        if self.as_json:
            print(json.dumps({"ok": True, **values}, ensure_ascii=False))
        else:
            for line in lines:
                print(line)
        sys.stdout.flush()

    def failure(self, message: str, kind: str, exit_code: int) -> None:
        """One sentence on stderr; with ``--json`` also an object on stdout."""
        self.progress.clear()
        if self.as_json:
            error = {"type": kind, "message": message, "exit_code": exit_code}
            print(json.dumps({"ok": False, "error": error}, ensure_ascii=False), flush=True)
        print(f"talking-portraits: {message}", file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table with aligned columns."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in [head, *rows]
    ]

"""The command models: engines and weights, what is on disk, what each adds, under which terms."""

from __future__ import annotations

import argparse

from ..registry import ENGINES
from .console import Console, table


def run(args: argparse.Namespace, console: Console) -> int:
    """List engines and weight files."""
    from ..weights.catalog import BUNDLED

    engines = [
        {
            "id": engine.id,
            "title": engine.title,
            "description": engine.description,
            "licence": engine.licence,
            "needs_download": engine.needs_download,
        }
        for engine in ENGINES
    ]
    weights = [
        {
            "name": file.name,
            "description": file.description,
            "licence": file.licence,
            "path": str(file.path),
            "present": file.path.is_file(),
            "bytes": file.size,
            "sha256": file.sha256,
        }
        for file in BUNDLED
    ]
    lines = ["Engines"]
    for engine in ENGINES:
        state = "needs a download" if engine.needs_download else "ready, nothing to download"
        lines += [f"  {engine.id}: {engine.title} ({state})", f"      {engine.description}"]
        lines += [f"      {engine.licence}"]
    lines += ["", "Weights"]
    rows = [
        [
            f"  {file.name}",
            f"{file.size / 1e6:.2f} MB",
            "here" if file.path.is_file() else "MISSING",
            file.licence,
            file.sha256[:12],
            file.description,
        ]
        for file in BUNDLED
    ]
    lines += table(["  name", "size", "state", "licence", "sha256", "what it does"], rows)
    console.result({"engines": engines, "weights": weights}, lines)
    return 0

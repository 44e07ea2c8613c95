"""The command models: engines and weights, what is on disk, what each adds, under which terms."""

from __future__ import annotations

import argparse
from typing import Any

from ..registry import ENGINES
from .console import Console, table


def run(args: argparse.Namespace, console: Console) -> int:
    """List engines and weight files."""
    from ..weights.catalog import BUNDLED, file_sha256

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
    weights: list[dict[str, Any]] = [
        {
            "name": file.name,
            "description": file.description,
            "licence": file.licence,
            "path": str(file.path),
            "present": file.path.is_file(),
            "bytes": file.path.stat().st_size if file.path.is_file() else 0,
            "sha256": file_sha256(file.path) if file.path.is_file() else "",
            "origin": file.origin,
            "engines": list(file.engines),
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
            f"  {entry['name']}",
            f"{entry['bytes'] / 1e6:.2f} MB" if entry["present"] else "MISSING",
            str(entry["licence"]),
            str(entry["origin"]),
            str(entry["sha256"])[:12],
            str(entry["description"]),
        ]
        for entry in weights
    ]
    lines += table(["  name", "size", "licence", "origin", "sha256", "what it does"], rows)
    console.result({"engines": engines, "weights": weights}, lines)
    return 0

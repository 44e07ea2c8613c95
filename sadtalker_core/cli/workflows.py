"""The command workflows: graphs of abandoned ComfyUI packs as graphs of our nodes."""

from __future__ import annotations

import argparse
from pathlib import Path

from .console import Console


def add_flags(parser: argparse.ArgumentParser) -> None:
    """What this command takes beside the flags that all have."""
    parser.add_argument(
        "action",
        metavar="convert",
        choices=("convert",),
        help="convert rewrites a saved graph that uses ComfyUI-LivePortraitKJ, "
        "ComfyUI-AdvancedLivePortrait or Comfyui-SadTalker.",
    )
    parser.add_argument(
        "old",
        metavar="OLD.json",
        help="Workflow, as ComfyUI's editor saves it or exports it for the API.",
    )
    parser.add_argument(
        "new", metavar="NEW.json", help="Workflow to write; an old file of that name is replaced."
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Convert a workflow and say what could not be carried over."""
    from ..jobs.workflows.convert import convert_file

    new = Path(args.new)
    report = convert_file(Path(args.old), new)
    lines = [_summary(new, report.replaced)]
    if report.kept:
        lines.append(f"Left as they were: {_counted(report.kept)}.")
    lines += [f"- {sentence}" for sentence in report.sentences]
    console.result({"path": str(new), **report.as_dict()}, lines)
    return 0


def _summary(new: Path, replaced: dict[str, int]) -> str:
    if not replaced:
        return f"Wrote {new}: nothing in it could be replaced."
    return f"Wrote {new}: replaced {_counted(replaced)}."


def _counted(table: dict[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(table.items()))

"""The command enhance: faces of a picture or video restored."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..jobs.enhance_settings import SECTIONS, build_enhance_job, option_table
from ..options import option_specs
from .console import Console
from .flags import SECTION_TITLES, add_option_flag, fact_text

if TYPE_CHECKING:
    from ..jobs.enhance import EnhanceResult


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--input",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="Picture or video with faces.",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="File to write: a picture, or a video where the input is one. An old file of that "
        "name is replaced.",
    )
    for section, cls in SECTIONS.items():
        group = parser.add_argument_group(SECTION_TITLES[section])
        for spec in sorted(option_specs(cls), key=lambda spec: spec.advanced):
            add_option_flag(group, spec, fact_text(spec))


def run(args: argparse.Namespace, console: Console) -> int:
    """Restore the faces of one file."""
    from ..jobs.devices import make_runtime
    from ..jobs.enhance import run_enhance

    names = {"input", "out", *option_table()}
    job = build_enhance_job({name: value for name, value in vars(args).items() if name in names})
    runtime = make_runtime(job.run.common(), console.progress.update, lambda: console.stopped)
    result = run_enhance(job, runtime, console.note)
    lines = [f"Note: {warning}" for warning in result.warnings if not console.shows_progress]
    lines.append(_summary(result))
    lines += [f"{file.name}: {file.licence}" for file in result.weights]
    console.result(result.as_dict(), lines)
    return 0


def _summary(result: EnhanceResult) -> str:
    height, width = result.size
    frames = "" if result.frames == 1 else f", {result.frames} frames"
    return f"Wrote {result.path}: {width}x{height}{frames}, in {result.total_s:.1f} s."

"""The command template."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..jobs.drive_settings import DRIVE
from .console import Console
from .flags import given_values


def run(args: argparse.Namespace, console: Console) -> int:
    """Keep the motion of a video, or change the form of a motion file."""
    from ..jobs.devices import make_runtime
    from ..jobs.template import build_template_job, run_template

    values = given_values(args, DRIVE)
    for name in ("driving", "out"):
        values.pop(name, None)
    job = build_template_job(Path(args.driving), Path(args.out), values)
    runtime = make_runtime(job.run, console.progress.update, lambda: console.stopped)
    result = run_template(job, runtime, console.note)
    line = (
        f"Wrote {result.path}: {result.frames} frames at {result.fps:g} fps ({result.motion_type})."
    )
    console.result(result.as_dict(), [line])
    return 0

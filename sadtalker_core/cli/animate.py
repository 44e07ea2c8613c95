"""The commands animate and demo."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..jobs.drive_settings import DriveJob
from ..jobs.kinds import flatten
from ..jobs.relip_settings import RelipJob
from ..jobs.result import AnimateResult
from ..jobs.settings import ANIMATE, SPEAKERS, AnimateJob, build_job
from .config_file import load_config, save_config
from .console import Console
from .flags import given_values

AnyJob = AnimateJob | DriveJob | RelipJob
DEMO = Path(__file__).resolve().parent.parent / "data" / "demo"
DEMO_OUT = "outputs/demo.mp4"


def run(args: argparse.Namespace, console: Console) -> int:
    """Make one video."""
    values = merged_values(args)
    if args.command == "demo":
        values = {"portrait": str(DEMO / "portrait.png"), "out": DEMO_OUT, **values}
        if not set(SPEAKERS) & values.keys():
            values = {"audio": str(DEMO / "voice.flac"), **values}
    return run_job(build_job(values), args, console)


def run_job(job: AnyJob, args: argparse.Namespace, console: Console) -> int:
    """Keep the settings if that is asked for, run the job, and say what was made."""
    if args.save_config:
        save_config(Path(args.save_config), job)
    result = run_with_console(job, console)
    lines = [f"Note: {warning}" for warning in result.warnings if not console.shows_progress]
    lines.append(summary(result))
    if result.preview:
        lines.append(f"Contact sheet: {result.preview}")
    console.result(result.as_dict(), lines)
    return 0


def merged_values(args: argparse.Namespace) -> dict[str, Any]:
    """The config file with the flags over it, by option name."""
    flags = given_values(args)
    if not args.config:
        return flags
    try:
        config = flatten(load_config(Path(args.config)), ANIMATE)
        # Checked with the file's name in front; what is missing may still come as a flag.
        missing = {"portrait": "-", "out": "-"}
        if not set(SPEAKERS) & config.keys():
            missing["audio"] = "-"
        build_job({**missing, **config})
    except OptionError as error:
        raise OptionError(f"{args.config}: {error}") from error
    if "audio" in flags:
        config.pop("idle", None)
    if "idle" in flags:
        config.pop("audio", None)
    return {**config, **flags}


def run_with_console(
    job: AnyJob, console: Console, announce: Callable[[str], None] | None = None
) -> AnimateResult:
    """Run a job with its progress shown and Ctrl-C heard."""
    from ..jobs.animate import run_animate
    from ..jobs.devices import make_runtime
    from ..jobs.drive import run_drive
    from ..jobs.relip import run_relip

    runtime = make_runtime(job.run, console.progress.update, lambda: console.stopped)
    if isinstance(job, DriveJob):
        return run_drive(job, runtime, announce or console.note)
    if isinstance(job, RelipJob):
        return run_relip(job, runtime, announce or console.note)
    return run_animate(job, runtime, announce or console.note)


def summary(result: AnimateResult) -> str:
    """One line for a person."""
    height, width = result.size
    if result.frames == 1:
        return f"Wrote {result.path}: {width}x{height}, in {result.total_s:.1f} s."
    return (
        f"Wrote {result.path}: {result.duration_s:.2f} s, {width}x{height}, {result.frames} frames "
        f"at {float(result.fps):g} fps, in {result.total_s:.1f} s "
        f"({result.realtime_factor:.2f} x real time)."
    )

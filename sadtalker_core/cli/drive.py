"""The commands drive, edit and template."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..jobs.drive_settings import DRIVE, build_drive_job
from ..jobs.kinds import flatten
from .animate import run_with_console, summary
from .config_file import load_config, save_config
from .console import Console
from .flags import given_values


def run(args: argparse.Namespace, console: Console) -> int:
    """Make one video or picture."""
    values = _merged_values(args)
    if args.command == "drive" and "driving" not in values:
        raise OptionError(
            "driving is missing: say who drives with --driving FILE, a video, a picture or a "
            "motion file; for sliders alone there is the command edit."
        )
    job = build_drive_job(values)
    if args.save_config:
        save_config(Path(args.save_config), job)
    result = run_with_console(job, console)
    lines = [f"Note: {warning}" for warning in result.warnings if not console.shows_progress]
    lines.append(summary(result))
    if result.preview:
        lines.append(f"Contact sheet: {result.preview}")
    console.result(result.as_dict(), lines)
    return 0


def _merged_values(args: argparse.Namespace) -> dict[str, Any]:
    """The config file with the flags over it, by option name."""
    flags = given_values(args, DRIVE)
    if not args.config:
        return flags
    try:
        config = flatten(load_config(Path(args.config)), DRIVE)
        build_drive_job({"portrait": "-", "out": "-", "driving": "-", **config})
    except OptionError as error:
        raise OptionError(f"{args.config}: {error}") from error
    return {**config, **flags}

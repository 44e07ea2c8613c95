"""The commands drive and edit."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..jobs.drive_settings import DRIVE, build_drive_job
from ..jobs.kinds import flatten
from .animate import run_job
from .config_file import load_config
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
    return run_job(build_drive_job(values), args, console)


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

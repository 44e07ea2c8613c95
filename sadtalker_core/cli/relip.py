"""The command relip."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..jobs.kinds import flatten
from ..jobs.relip_settings import RELIP, build_relip_job
from .animate import run_job
from .config_file import load_config
from .console import Console
from .flags import add_option_flags, given_values


def add_flags(parser: Any) -> None:
    """Files and options of the command, but those that every job has."""
    for name, text in (
        ("video", "Video of somebody, or a picture with a face: all of it but the lips is kept."),
        ("audio", "What is to be said: any sound file, or a video with sound."),
        (
            "out",
            "Video to write: .mp4, .webm, .mkv (lossless) or a folder for PNGs. An old file of "
            "that name is replaced.",
        ),
    ):
        parser.add_argument(f"--{name}", metavar="FILE", default=argparse.SUPPRESS, help=text)


def add_options(parser: Any) -> None:
    """Flags for all options of all engines."""
    add_option_flags(parser, RELIP)


def run(args: argparse.Namespace, console: Console) -> int:
    """Make one video."""
    values = given_values(args, RELIP)
    if args.config:
        try:
            config = flatten(load_config(Path(args.config)), RELIP)
            build_relip_job({"video": "-", "audio": "-", "out": "-", **config})
        except OptionError as error:
            raise OptionError(f"{args.config}: {error}") from error
        values = {**config, **values}
    return run_job(build_relip_job(values), args, console)

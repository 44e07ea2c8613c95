"""The command info: what a report of a fault should contain."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
from pathlib import Path

from .. import __version__
from .console import Console, table

_PACKAGES = ("torch", "numpy", "av", "Pillow", "opencv-python", "safetensors")


def run(args: argparse.Namespace, console: Console) -> int:
    """Show versions and devices."""
    import torch

    from ..jobs.devices import available_devices

    versions: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None  # opencv comes under four names; any will do
    values = {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "devices": available_devices(),
        "library": str(Path(__file__).resolve().parent.parent),
        "packages": versions,
    }
    rows = [
        [key, ", ".join(value) if isinstance(value, list) else str(value)]
        for key, value in values.items()
        if key != "packages"
    ]
    rows += [
        [name, version or "not installed under this name"] for name, version in versions.items()
    ]
    console.result(values, table(["talking-portraits", ""], rows))
    return 0

"""Installer that A1111 and Forge run when the extension is added, and at each start after.

It installs what is missing and nothing else: what the host already has is left as it is, whatever
its version. No model is downloaded.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent

IMPORT_NAMES = {"pillow": "PIL"}  # of distributions where it differs
# The host brings these. Installing them here could replace its GPU build.
HOST_OWNS = {"torch", "numpy"}


def requirements(text: str) -> list[tuple[str, str]]:
    """Name and requirement line of each requirement that applies to this Python."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        spec, _, marker = line.split("#")[0].strip().partition(";")
        match = re.match(r"[A-Za-z0-9._-]+", spec)
        if match and _applies(marker.strip()):
            found.append((match.group(0), spec.strip()))
    return found


def _applies(marker: str) -> bool:
    """The one kind of marker that requirements.txt has: ``python_version < "3.11"``."""
    match = re.fullmatch(r"""python_version\s*<\s*["'](\d+)\.(\d+)["']""", marker)
    if not marker:
        return True
    if match is None:
        raise ValueError(f"requirements.txt has a marker that install.py does not know: {marker}")
    return sys.version_info[:2] < (int(match.group(1)), int(match.group(2)))


def is_present(name: str) -> bool:
    """Whether a distribution's package can be imported, without importing it."""
    module = IMPORT_NAMES.get(name.lower(), name.lower().replace("-", "_"))
    return importlib.util.find_spec(module) is not None


def missing(text: str) -> list[tuple[str, str]]:
    """Name and requirement line of each requirement that cannot be imported here."""
    return [(name, spec) for name, spec in requirements(text) if not is_present(name)]


def host_constraints() -> list[str]:
    """``name==version`` for what is here, so that no dependency of ours changes it."""
    names = {"torch", "torchvision", "numpy", "pillow", "huggingface_hub", "safetensors", "scipy"}
    pins: list[str] = []
    for name in sorted(names):
        try:
            pins.append(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return pins


def main() -> int:
    """Install what is missing through the host; outside a host, say what is missing."""
    wanted = missing((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    absent_from_host = [name for name, _ in wanted if name in HOST_OWNS]
    wanted = [(name, spec) for name, spec in wanted if name not in HOST_OWNS]
    if absent_from_host:
        print(f"Talking Portraits: the host should bring {', '.join(absent_from_host)}.")
    if not wanted:
        return 0
    if importlib.util.find_spec("launch") is None:
        specs = " ".join(f'"{spec}"' for _, spec in wanted)
        print(f"Talking Portraits needs: {sys.executable} -m pip install {specs}")
        return 0
    import launch  # the host's own installer  # pyright: ignore[reportMissingImports]

    for name, spec in wanted:
        # One by one: a package that cannot be had must not cost the others.
        try:
            pins = " ".join(f'"{pin}"' for pin in host_constraints())
            launch.run_pip(f'install "{spec}" {pins}', f"{name} for Talking Portraits")
        except Exception as error:  # the host must start whatever happens here
            print(f"Talking Portraits: {name} could not be installed: {error}")
    return 0


if __name__ == "__main__":
    main()

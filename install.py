"""Installer that A1111 and Forge run when the extension is added, and at each start after.

It installs what is missing and nothing else: what the host already has is left as it is, whatever
its version. The one exception is PyAV, which hosts do not bring: one that another extension left,
too old to work with, is replaced unless something here needs it. No model is downloaded.
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
# Replaced when too old. Hosts bring the others and may need the version that they have.
MAY_BE_REPLACED = ("av",)


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


def _numbers(version: str) -> tuple[int, ...]:
    """``14.2.0rc1`` as (14, 2, 0)."""
    match = re.match(r"\d+(\.\d+)*", version.strip())
    return tuple(int(part) for part in match.group(0).split(".")) if match else ()


def is_too_old(name: str, spec: str) -> bool:
    """Whether a distribution is here in a version below the one that ``name>=N`` asks for."""
    try:
        here = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return _numbers(here) < _numbers(spec.partition(">=")[2])


def who_needs_old(name: str, spec: str) -> str:
    """The distribution here that does not allow the version that is asked for; empty for none."""
    least = _numbers(spec.partition(">=")[2])
    for found in importlib.metadata.distributions():
        for line in found.requires or ():
            wanted = re.match(rf"{re.escape(name)}\s*\(?([<>=!~][^;)]*)\)?\s*(;.*)?$", line, re.I)
            if wanted is None or "extra" in (wanted.group(2) or ""):
                continue
            for operator, limit in re.findall(r"(==|<=|<|~=)\s*([\d.]+)", wanted.group(1)):
                top = _numbers(limit)
                if operator == "~=":  # ~=14.0 allows all that begins with 14
                    top = top[:-1]
                if top < least[: len(top)] or (operator == "<" and top <= least):
                    return str(found.metadata["Name"])
    return ""


def replaced(text: str) -> list[tuple[str, str]]:
    """Name and requirement line of what is here, too old, and may be replaced."""
    wanted: list[tuple[str, str]] = []
    for name, spec in requirements(text):
        if name not in MAY_BE_REPLACED or not is_present(name) or not is_too_old(name, spec):
            continue
        keeper = who_needs_old(name, spec)
        if keeper:
            print(f"Talking Portraits needs {spec}, but {keeper} here needs an older {name}.")
        else:
            wanted.append((name, spec))
    return wanted


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
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    wanted = missing(text) + replaced(text)
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
            launch.run_pip(f'install --retries 2 "{spec}" {pins}', f"{name} for Talking Portraits")
        except Exception as error:  # the host must start whatever happens here
            print(f"Talking Portraits: {name} could not be installed: {_last_words(error)}")
    return 0


def _last_words(error: Exception) -> str:
    """Of pip's pages of output the line that says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reasons = [line for line in lines if line.startswith("ERROR:")] or lines or [repr(error)]
    return reasons[-1].removeprefix("ERROR:").strip()


if __name__ == "__main__":
    main()

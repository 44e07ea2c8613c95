"""Make the environments that the page is tested in: gradio as old and new hosts have it.

``python tools/ui_environments.py [folder] [name ...]`` prints nothing but why one cannot
be made, and ends with 1 then. It does nothing for those that are ready.

Each holds one gradio with what that gradio was made for; torch and the rest of the library's needs
come from the environment that runs this program.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Steps of pip, one after the other: what the second one pins, the first would otherwise move.
# The pins are those of the hosts: newer companions break these gradios.
ENVIRONMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "newest": (("gradio==6.31.0", "playwright==1.65.2"),),
    "4.40.0": (
        ("gradio==4.40.0",),
        ("fastapi==0.104.1", "pydantic==2.8.2", "huggingface-hub<1", "numpy<2", "Pillow<11"),
    ),
    "3.41.2": (
        (
            *("gradio==3.41.2", "pydantic<2", "fastapi==0.94.0", "starlette==0.26.1"),
            *("httpx==0.24.1", "huggingface-hub<0.30", "numpy<2", "Pillow<11"),
        ),
    ),
}


def recipe(name: str) -> str:
    """A digest of all that an environment is made of."""
    text = json.dumps([ENVIRONMENTS[name], sys.version, sys.prefix])
    return hashlib.sha256(text.encode()).hexdigest()


def python_of(folder: Path) -> Path:
    """The interpreter inside the environment at ``folder``."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_ready(folder: Path, name: str) -> bool:
    """Whether it is there and made of what it should be."""
    mark = folder / ".ready"
    return mark.is_file() and mark.read_text(encoding="utf-8") == recipe(name)


def run(*command: str) -> str:
    """Run; RuntimeError with the last line that says what is wrong."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")]
        raise RuntimeError((errors or lines or ["no reason was given"])[-1])
    return done.stdout.strip()


def make(folder: Path, name: str) -> None:
    """Make one, or raise RuntimeError with the reason."""
    if folder.exists():
        shutil.rmtree(folder)
    print(f"Setting up {folder} for the page's tests (once; a few minutes)", flush=True)
    run(sys.executable, "-m", "venv", str(folder))
    python = str(python_of(folder))
    for wanted in ENVIRONMENTS[name]:
        run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *wanted)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    # Comes after the environment's own folder, so its own packages are found first.
    ours = sysconfig.get_path("purelib")
    (Path(site) / "zz_library.pth").write_text(f"{ours}\n", encoding="utf-8")
    run(python, "-c", "import gradio, torch")
    (folder / ".ready").write_text(recipe(name), encoding="utf-8")


def main() -> int:
    """Make those that are named, or all."""
    base = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".venv-ui").absolute()
    failed = 0
    for name in sys.argv[2:] or ENVIRONMENTS:
        folder = base / name
        if is_ready(folder, name):
            continue
        try:
            make(folder, name)
        except (RuntimeError, OSError) as problem:
            shutil.rmtree(folder, ignore_errors=True)
            print(f"{folder} could not be made: {problem}")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())

"""Make the environments that the page is tested in: gradio as old and new hosts have it.

``python -m tools.ui_environments [folder] [name ...]`` prints nothing but why one cannot
be made, and ends with 1 then. It does nothing for those that are ready.

Each holds one gradio with what that gradio was made for; torch and the rest of the library's needs
come from the environment that runs this program.
"""

from __future__ import annotations

import hashlib
import json
import sys
import sysconfig
from functools import partial
from pathlib import Path

from .environments import made, python_of, run

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


def make(folder: Path, name: str) -> None:
    """Make one, or raise RuntimeError with the reason."""
    run(sys.executable, "-m", "venv", str(folder))
    python = str(python_of(folder))
    for wanted in ENVIRONMENTS[name]:
        run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *wanted)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    # Comes after the environment's own folder, so its own packages are found first.
    ours = sysconfig.get_path("purelib")
    (Path(site) / "zz_library.pth").write_text(f"{ours}\n", encoding="utf-8")
    run(python, "-c", "import gradio, torch")


def main() -> int:
    """Make those that are named, or all, where they are not there."""
    base = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".venv-ui").absolute()
    all_made = True
    for name in sys.argv[2:] or ENVIRONMENTS:
        if not made(base / name, recipe(name), "the page's tests", partial(make, name=name)):
            all_made = False
    return 0 if all_made else 1


if __name__ == "__main__":
    sys.exit(main())

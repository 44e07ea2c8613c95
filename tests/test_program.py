"""``talking_portraits.py``: the command line where the current folder is not on Python's path."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parent.parent / "talking_portraits.py"


def run(program: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Isolated, as the Python of ComfyUI's portable package is by its ._pth file."""
    command = [sys.executable, "-I", str(program), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.jobs
def test_it_runs_from_another_folder(tmp_path: Path) -> None:
    done = run(PROGRAM, "models", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True


def test_it_takes_the_library_beside_it(tmp_path: Path) -> None:
    """Not one that is installed, and its exit status is the command's."""
    beside = tmp_path / "my pack"
    (beside / "sadtalker_core").mkdir(parents=True)
    shutil.copyfile(PROGRAM, beside / PROGRAM.name)
    (beside / "sadtalker_core" / "__init__.py").touch()
    (beside / "sadtalker_core" / "cli.py").write_text("def main():\n    return 7\n")
    assert run(beside / PROGRAM.name, folder=tmp_path).returncode == 7


def test_importing_it_changes_nothing(tmp_path: Path) -> None:
    words = f"import sys; sys.path.append({str(PROGRAM.parent)!r}); before = list(sys.path); "
    words += "import talking_portraits; assert sys.path == before; "
    words += "assert 'sadtalker_core' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-I", "-c", words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

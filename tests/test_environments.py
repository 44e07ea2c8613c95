"""The environments of the host tests: made once, told why not, never left half made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.environments import made, python_of, run

PIP_CRASH = """\
ERROR: Exception:
Traceback (most recent call last):
  File "pip/_internal/cli/base_command.py", line 180, in exc_logging_wrapper
    status = run_func(*args)
OSError: [Errno 28] No space left on device
WARNING: There was an error checking the latest version of pip.
"""
PIP_REFUSAL = """\
WARNING: Retrying after connection broken
ERROR: No matching distribution found for torch==99

[notice] A new release of pip is available: 23.2.1 -> 26.0
"""


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (PIP_CRASH, "OSError: [Errno 28] No space left on device"),
        (PIP_REFUSAL, "ERROR: No matching distribution found for torch==99"),
        ("one thing\nand another\n", "and another"),
        ("", "no reason was given"),
    ],
)
def test_a_failed_command_tells_why(told: str, reason: str) -> None:
    with pytest.raises(RuntimeError) as failure:
        run(sys.executable, "-c", f"import sys; sys.stderr.write({told!r}); sys.exit(3)")
    assert str(failure.value) == reason


def test_what_a_command_prints() -> None:
    assert run(sys.executable, "-c", "print(' hello ')") == "hello"


def test_made_once_for_each_recipe(tmp_path: Path) -> None:
    folder = tmp_path / "env"
    calls: list[Path] = []

    def make(at: Path) -> None:
        assert not at.exists(), "begins anew"
        calls.append(at)
        python_of(at).parent.mkdir(parents=True)

    assert made(folder, "one", "a test", make)
    assert made(folder, "one", "a test", make)
    assert calls == [folder]
    assert made(folder, "two", "a test", make)
    assert calls == [folder, folder]


@pytest.mark.parametrize("problem", [RuntimeError("no such package"), OSError(28, "disk is full")])
def test_nothing_half_made_stays(
    problem: Exception, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "env"

    def make(at: Path) -> None:
        at.mkdir()
        raise problem

    assert not made(folder, "one", "a test", make)
    assert not folder.exists()
    assert f"{folder} could not be made: {problem}" in capsys.readouterr().out

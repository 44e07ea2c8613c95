"""Ctrl-C, a polite kill and a full disk, in a process of their own."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import all_files

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [
    pytest.mark.jobs,
    pytest.mark.skipif(os.name == "nt", reason="POSIX signals and limits"),
]


def start(*words: object, limit_bytes: int | None = None) -> subprocess.Popen[str]:
    def limit() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.Popen(
        [sys.executable, "-m", "sadtalker_core", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_while_rendering(tmp_path: Path, demo_portrait: Path, number: signal.Signals) -> None:
    out = tmp_path / "new" / "out.mp4"
    process = start("animate", "--portrait", demo_portrait, "--idle", "60", "--out", out)
    assert process.stderr is not None
    while "Rendering" not in (line := process.stderr.readline()):
        assert line, "ended before it could be stopped"
    deadline = time.monotonic() + 20
    while not any(path.endswith(".part") for path in all_files(tmp_path)):
        assert time.monotonic() < deadline, "no file was begun"
        time.sleep(0.02)
    time.sleep(0.3)
    begin = time.perf_counter()
    process.send_signal(number)
    _, rest = process.communicate(timeout=30)
    took = time.perf_counter() - begin
    assert process.returncode == 130, rest
    assert "Stopped" in rest
    assert "Traceback" not in rest
    assert all_files(tmp_path) == set()
    assert took < 5  # 1 s is the promise on a quiet machine; tests share theirs


def test_stop_at_the_very_start(tmp_path: Path, demo_portrait: Path) -> None:
    out = tmp_path / "out.mp4"
    process = start("animate", "--portrait", demo_portrait, "--idle", "60", "--out", out)
    time.sleep(0.7)  # in the middle of the imports
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode in (130, -signal.SIGINT)  # the latter: before our first line ran
    if process.returncode == 130:
        assert "Traceback" not in said
    assert all_files(tmp_path) == set()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_disk_full(tmp_path: Path, small_portrait: Path, suffix: str) -> None:
    out = tmp_path / f"out.{suffix}"
    flags = ["--portrait", small_portrait, "--idle", "2", "--out", out, "--crf", "1"]
    process = start("animate", *flags, limit_bytes=4_000)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert "out." in said.strip().splitlines()[-1]
    assert "Traceback" not in said
    assert all_files(tmp_path) == set()

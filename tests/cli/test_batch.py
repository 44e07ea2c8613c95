"""Many jobs from a file: a failed one stops no other, and each is reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.running import run


def write_jobs(path: Path, *lines: Any) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_batch_goes_on_after_failures(tmp_path: Path, small_portrait: Path) -> None:
    good = {"portrait": str(small_portrait), "idle": 0.3, "fps": 12}
    jobs = write_jobs(
        tmp_path / "jobs.jsonl",
        {**good, "out": str(tmp_path / "1.mp4")},
        {**good, "out": str(tmp_path / "2.mp4"), "portrait": "missing.png"},
        "",
        "{this is not json}",
        "[1, 2]",
        {**good, "out": str(tmp_path / "1.mp4")},
        {**good, "out": str(tmp_path / "3.mp4"), "motion": {"pose_style": 99}},
        {**good, "out": str(tmp_path / "4 名.mp4"), "seed": 7},
    )
    done = run("batch", jobs, "--json", "--seed", "3")
    assert done.code == 1, done.err
    report = json.loads(done.out)
    assert (report["ok"], report["done"], report["failed"]) == (False, 2, 5)
    lines = [job["line"] for job in report["jobs"]]
    assert lines == [1, 2, 4, 5, 6, 7, 8]
    assert [job["ok"] for job in report["jobs"]] == [True, False, False, False, False, False, True]
    assert [job["error"]["exit_code"] for job in report["jobs"] if not job["ok"]] == [3, 2, 2, 2, 2]
    assert "line 1 writes" in report["jobs"][4]["error"]["message"]
    # a flag is the default of every line, a line's own value wins
    assert (report["jobs"][0]["seed"], report["jobs"][-1]["seed"]) == (3, 7)
    made = {path.name for path in tmp_path.glob("*.mp4")}
    assert made == {"1.mp4", "4 名.mp4"}


def test_batch_for_a_person(tmp_path: Path, small_portrait: Path) -> None:
    job = {"portrait": str(small_portrait), "idle": 0.3, "fps": 12, "out": str(tmp_path / "1.mp4")}
    done = run("batch", write_jobs(tmp_path / "jobs.jsonl", job))
    assert done.code == 0
    assert "[1/1] line 1: Wrote" in done.out
    assert done.out.strip().endswith("1 of 1 jobs done, 0 failed.")


def test_batch_file_that_is_no_batch(tmp_path: Path) -> None:
    empty = tmp_path / "none.jsonl"
    empty.write_text("\n\n")
    assert (run("batch", empty).code, run("batch", tmp_path / "missing").code) == (3, 3)
    binary = tmp_path / "binary.jsonl"
    binary.write_bytes(b"\xff\xfe\x00")
    assert run("batch", binary).code == 3


def test_lines_may_drive_and_edit(tmp_path: Path, small_portrait: Path) -> None:
    jobs = tmp_path / "jobs.jsonl"
    edit = {"command": "edit", "portrait": str(small_portrait), "smile": 1}
    lines = [
        {**edit, "out": str(tmp_path / "a.png")},
        {**edit, "command": "dance", "out": str(tmp_path / "b.png")},
        {"command": "drive", "portrait": str(small_portrait), "driving": "no.mp4", "out": "c.mp4"},
    ]
    jobs.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    done = run("batch", str(jobs), "--json", "--engine", "lite", "--seed", "3")
    reports = json.loads(done.out)["jobs"]
    assert [report["ok"] for report in reports] == [True, False, False]
    assert "known are: animate, drive, edit" in reports[1]["error"]["message"]
    assert "no.mp4" in reports[2]["error"]["message"]
    assert (tmp_path / "a.png").is_file()

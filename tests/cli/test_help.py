"""Help names everything; wrong usage is answered with a hint."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sadtalker_core import __version__, errors
from sadtalker_core.cli.flags import defaults_text, describe, flag, sections
from sadtalker_core.cli.parser import EXIT_CODES
from sadtalker_core.jobs.relip_settings import RELIP
from sadtalker_core.options import OptionSpec
from tests.cli.running import run

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("command", ["animate", "demo", "batch"])
def test_help_lists_every_option_with_all_its_facts(command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    flat = re.sub(r"\s+", " ", done.out).replace("- ", "-")
    for _, specs in sections():
        for spec in specs:
            assert re.search(f" {flag(spec.name)}[ ,]", flat)
            assert re.sub(r"\s+", " ", describe(spec)).replace("- ", "-") in flat


def test_facts_of_an_option() -> None:
    text = describe(
        OptionSpec("x", float, 0.5, "Amount.", low=0, high=2.5, unit="s", advanced=True)
    )
    assert text == "Amount. [0 to 2.5 s; default 0.5] (advanced)"
    assert describe(OptionSpec("x", bool, True, "Blink.")) == "Blink. [default on]"
    assert describe(OptionSpec("x", float, None, "Idle.", unit="s")) == "Idle. [s]"


def test_a_default_is_told_for_each_engine_that_has_its_own() -> None:
    pad = next(s for _, specs in sections(RELIP) for s in specs if s.name == "pad_bottom")
    assert "default 20, wav2lip 10; engine videoretalking, wav2lip" in describe(pad, RELIP)
    crf = next(s for _, specs in sections(RELIP) for s in specs if s.name == "crf")
    assert defaults_text(crf, RELIP) == str(crf.default)


@pytest.mark.parametrize("command", ["animate", "relip", "drive", "enhance"])
def test_help_of_chunk_is_true_on_every_device(command: str) -> None:
    text = re.sub(r"\s+", " ", run(command, "--help").out)
    assert "the result is the same, on a GPU up to rounding" in text
    assert "never the result" not in text


def test_top_help_has_commands_and_exit_codes() -> None:
    done = run("--help")
    assert done.code == 0
    for command in ("animate", "demo", "batch", "faces", "models", "info"):
        assert re.search(rf"^\s+{command}\s", done.out, re.MULTILINE)
    for code, text in EXIT_CODES:
        assert f"{code}  {text}" in done.out
    assert run("--version").out.strip() == f"talking-portraits {__version__}"


def test_every_error_type_has_a_documented_exit_code() -> None:
    known = {code for code, _ in EXIT_CODES}
    base = errors.TalkingPortraitsError
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, base)]
    assert {k.exit_code for k in kinds if k is not base} <= known


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["animate", "--pose-stile", "3"], "did you mean --pose-style?"),
        (["animate", "--pose-styl=3"], "did you mean --pose-style?"),
        (["animte"], "animate"),
        (["animate", "extra"], "extra is not known"),
        (["animate", "--seed"], "--seed"),
        (["animate"], "portrait is missing"),
        (["faces"], "PICTURE"),
        (["demo", "--still=3"], "--still"),
    ],
)
def test_wrong_usage_is_answered_with_a_hint(words: list[str], hint: str) -> None:
    done = run(*words)
    assert done.code == 2
    assert hint in done.sentence
    assert done.out == ""
    as_json = run(*words, "--json")
    report = json.loads(as_json.out)
    assert report["ok"] is False
    assert report["error"]["exit_code"] == as_json.code == 2
    assert hint in report["error"]["message"]


def test_no_command_prints_help() -> None:
    done = run()
    assert done.code == 2
    assert "animate" in done.err


def test_module_is_the_same_command_and_its_help_imports_nothing_heavy() -> None:
    script = """
import runpy, sys
sys.argv = ["sadtalker_core", "animate", "--help"]
try:
    runpy.run_module("sadtalker_core", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert end.code == 0, end.code
else:
    raise AssertionError("it ended without a code")
heavy = {"av", "cv2", "PIL", "librosa", "kornia", "numba", "scipy", "safetensors"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: talking-portraits animate")


def test_info_and_models() -> None:
    info = json.loads(run("info", "--json").out)
    assert info["version"] == __version__
    assert "cpu" in info["devices"]
    assert __version__ in run("info").out
    models = json.loads(run("models", "--json").out)
    assert [engine["id"] for engine in models["engines"]] == [
        *("sadtalker", "liveportrait", "lite")
    ]
    new_lips = [engine["id"] for engine in models["relip_engines"]]
    assert new_lips == ["videoretalking", "wav2lip", "lite"]
    assert all(f"{engine}: " in run("models").out for engine in new_lips)
    assert models["weights"]
    for file in models["weights"]:
        assert file["present"], file["name"]
        assert file["licence"]
        assert len(file["sha256"]) == 64
        assert file["name"] in run("models").out

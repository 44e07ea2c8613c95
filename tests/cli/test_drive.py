"""The commands drive, edit and template as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .running import run


def test_edit_writes_a_picture(tmp_path: Path, small_portrait: Path) -> None:
    out = tmp_path / "smile.png"
    done = run(
        *("edit", "--portrait", str(small_portrait), "--smile", "0.8", "--engine", "lite"),
        *("--out", str(out), "--json"),
    )
    result = json.loads(done.out)
    assert (result["frames"], result["engine"]) == (1, "lite")
    assert out.is_file()


def test_settings_are_kept_and_used_again(tmp_path: Path, small_portrait: Path) -> None:
    first, config, again = (tmp_path / name for name in ("a.png", "edit.toml", "b.png"))
    words = ["edit", "--portrait", str(small_portrait), "--aaa", "40", "--engine", "lite"]
    assert run(*words, "--out", str(first), "--save-config", str(config)).code == 0
    assert "drive --config FILE" in config.read_text(encoding="utf-8")
    assert run("edit", "--config", str(config), "--out", str(again)).code == 0
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["drive", "--portrait", "a.png", "--out", "b.mp4"], 2, "there is the command edit"),
        (["edit", "--portrait", "a.png", "--out", "b.png"], 2, "move a slider"),
        (["edit", "--portrait", "a.png", "--out", "b.png", "--smlie", "1"], 2, "mean --smile"),
        (["edit", "--portrait", "no.png", "--out", "b.png", "--smile", "1"], 3, "no.png"),
        (["template", "--driving", "no.mp4", "--out", "t.pkl"], 3, "no.mp4"),
        (["template", "--driving", "a.mp4"], 2, "--out"),
    ],
)
def test_mistakes_get_a_sentence(
    words: list[str], code: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.code == code
    assert sentence in done.err
    assert not list(tmp_path.iterdir())


def test_template_keeps_the_motion_of_a_file(tmp_path: Path) -> None:
    from fractions import Fraction

    from sadtalker_core.media.motion_files import save_motion
    from sadtalker_core.structures import LiteMotion

    kept, out = tmp_path / "m.safetensors", tmp_path / "m.pkl"
    save_motion(LiteMotion.rest(3, Fraction(25)), kept)
    done = run("template", "--driving", str(kept), "--out", str(out), "--json")
    assert json.loads(done.out)["frames"] == 3
    assert out.is_file()


def test_the_advice_names_what_this_job_can_use(
    tmp_path: Path, small_portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKING_PORTRAITS_MODELS", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = ["edit", "--portrait", str(small_portrait), "--smile", "1", "--out"]
    done = run(*words, str(tmp_path / "a.png"))
    assert "download liveportrait" in done.err
    assert "SadTalker" not in done.err
    animal = run(*words, str(tmp_path / "b.png"), "--species", "animal")
    assert animal.code == 6
    assert "models download liveportrait-animal" in animal.err


def test_values_may_begin_with_a_minus(tmp_path: Path, small_portrait: Path) -> None:
    words = ["edit", "--portrait", str(small_portrait), "--engine", "lite", "--fps", "12"]
    done = run(*words, "--pupil-x", "-10:0,0.1:8", "--out", str(tmp_path / "a.mkv"))
    assert done.code == 2  # time must not be negative, but it is read
    assert "pupil_x" in done.err
    done = run(*words, "--eyebrow", "-5", "--out", str(tmp_path / "a.png"))
    assert done.code == 0


def test_drivers_may_be_given_one_by_one(tmp_path: Path, small_portrait: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    words = ["drive", "--portrait", str(small_portrait), "--engine", "lite"]
    both = ["--driving", str(tmp_path / "a.mp4"), "--driving", str(tmp_path / "b.mp4")]
    done = run(*words, *both, "--out", str(tmp_path / "c.mp4"))
    assert done.code == 2
    assert "2 drivers" in done.err or "one driver" in done.err

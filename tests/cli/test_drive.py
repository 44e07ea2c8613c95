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

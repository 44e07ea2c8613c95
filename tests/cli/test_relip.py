"""The command relip as a user types it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from sadtalker_core.media.pictures import read_picture
from tests.conftest import speech_like, write_wav
from tests.media.samples import decoded, write_plain_video

from .running import run


@pytest.fixture
def words(tmp_path: Path, small_portrait: Path) -> list[str]:
    rgb = read_picture(small_portrait).flattened()
    clip = tmp_path / "clip.mkv"
    write_plain_video(clip, torch.stack([rgb] * 3), [0, 40, 80], Fraction(1, 1000))
    voice = write_wav(tmp_path / "voice.wav", speech_like(0.2))
    return ["relip", "--video", str(clip), "--audio", str(voice), "--engine", "lite"]


def test_a_video_says_something_else(words: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    done = run(*words, "--out", out, "--repeat", "hold", "--json")
    result = json.loads(done.out)
    assert (done.code, result["frames"], result["frames_without_face"]) == (0, 5, 0)
    assert out.is_file()


def test_settings_are_kept_and_used_again(words: list[str], tmp_path: Path) -> None:
    first, config, again = (tmp_path / name for name in ("a.mkv", "relip.toml", "b.mkv"))
    done = run(*words, "--out", first, "--smile", "0.5", "--save-config", config)
    assert done.code == 0, done.err
    assert "relip --config FILE" in config.read_text(encoding="utf-8")
    assert run("relip", "--config", config, "--out", again).code == 0
    one, two = (decoded(path) for path in (first, again))
    assert torch.equal(one, two)


def test_a_batch_has_new_lips_too(words: list[str], tmp_path: Path) -> None:
    line = {
        "command": "relip",
        "video": words[2],
        "audio": words[4],
        "out": str(tmp_path / "o.mkv"),
    }
    jobs = tmp_path / "jobs.jsonl"
    wrong = {**line, "out": str(tmp_path / "p.mkv"), "pose_style": 3}
    jobs.write_text(f"{json.dumps({**line, 'lips': {'smile': 0.2}})}\n{json.dumps(wrong)}\n")
    done = run("batch", jobs, "--json", "--engine", "lite")
    first, second = json.loads(done.out)["jobs"]
    assert (first["ok"], first["frames"]) == (True, 5)
    assert "pose_style" in second["error"]["message"]


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        ([], 2, "out is missing"),
        (["--out", "o.mkv", "--fps", "30"], 2, "has a rate of its own"),
        (["--out", "o.mkv", "--pose-style", "3"], 2, "not known to the command relip"),
        (["--out", "o.mkv", "--who", "7"], 5, "7"),
        (["--out", "o.xyz"], 4, "suffix"),
    ],
)
def test_mistakes_get_a_sentence(
    words: list[str],
    more: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words, *more)
    assert (done.code, sentence in done.sentence) == (code, True), done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mkv", "voice.wav"]

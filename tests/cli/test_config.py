"""Settings files: what is saved is what is loaded, and flags beat both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sadtalker_core.cli.animate import merged_values
from sadtalker_core.cli.config_file import config_text, load_config, save_config
from sadtalker_core.cli.parser import parse
from sadtalker_core.errors import OptionError, OutputError
from sadtalker_core.jobs.kinds import describe
from sadtalker_core.jobs.settings import build_job
from sadtalker_core.media.video_in import open_video
from tests.cli.running import run

NASTY = 'a "quoted"\\ back\tslash \x7f \x01 [名前] 😀 #.png'


def test_round_trip_of_every_option(tmp_path: Path) -> None:
    job = build_job(
        {
            "portrait": NASTY,
            "audio": "b c.wav",
            "out": "x/y.mp4",
            "preview": "p.png",
            "fps": "30000/1001",
            "seed": 2**53 - 1,
            "face_index": 2,
            "yaw": "0:0, 1.5:10",
            "pose_scale": 0.1,
            "still": True,
            "blink": False,
            "crf": 23,
        }
    )
    path = tmp_path / "my job.toml"
    save_config(path, job)
    assert build_job(load_config(path)) == job
    assert build_job(load_config(path)) != build_job({**describe(job), "preview": "q.png"})


def test_defaults_round_trip_and_every_option_is_explained(tmp_path: Path) -> None:
    job = build_job({"portrait": "a", "idle": 3, "out": "b.mp4"})
    text = config_text(job)
    path = tmp_path / "c.toml"
    path.write_text(text, encoding="utf-8")
    assert build_job(load_config(path)) == job
    for values in describe(job).values():
        for name in values if isinstance(values, dict) else ():
            assert f"\n{name} = " in text or f"\n# {name} =" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("pose_stile = 3", "did you mean pose_style"),
        ("[motion]\npose_style = 99", "0 to 45"),
        ("[motions]\npose_style = 9", "did you mean motion"),
        ("seed = ", "not valid TOML"),
        ("seed = [1]", "whole number"),
        ("portrait = 3", "portrait must be the path"),
    ],
)
def test_wrong_config_is_named_with_the_culprit(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(content)
    done = run("animate", "--config", path, "--portrait", "p", "--audio", "a", "--out", "o.mp4")
    assert done.code == 2
    assert "wrong.toml" in done.sentence
    assert words in done.sentence


def test_config_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(OptionError, match="UTF-8"):
        load_config(path)


def test_flags_beat_the_config(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        'portrait = "p"\nidle = 3\nout = "o.mp4"\n[motion]\npose_style = 3\nblink = false'
    )
    args = parse(["animate", "--config", str(path), "--pose-style", "4", "--audio", "a.wav"])
    job = build_job(merged_values(args))
    assert (job.motion.pose_style, job.motion.blink) == (4, False)
    assert (str(job.audio), job.run.idle) == ("a.wav", None)


def test_config_is_not_written_over_an_input(tmp_path: Path) -> None:
    portrait = tmp_path / "p.png"
    portrait.write_text("picture")
    job = build_job({"portrait": str(portrait), "audio": "a", "out": "b.mp4"})
    with pytest.raises(OutputError):
        save_config(portrait, job)
    assert portrait.read_text() == "picture"


def read_all_frames(path: Path) -> torch.Tensor:
    return torch.cat(list(open_video(path).frames(8)))


def test_saved_config_makes_the_same_video(
    tmp_path: Path, small_portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--portrait", small_portrait, "--idle", "0.4", "--seed", "5", "--fps", "12"]
    first = run("animate", *flags, "--out", "a.mkv", "--save-config", "job.toml", "--json")
    assert first.code == 0, first.err
    again = run("animate", "--config", "job.toml", "--out", "b.mkv", "--json")
    assert again.code == 0, again.err
    one, two = json.loads(first.out), json.loads(again.out)
    assert (one["frames"], one["seed"]) == (two["frames"], two["seed"]) == (5, 5)
    assert torch.equal(*(read_all_frames(Path(name)) for name in ("a.mkv", "b.mkv")))

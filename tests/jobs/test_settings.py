"""A job from plain values: flags, TOML and JSON all come through here."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from sadtalker_core.errors import OptionError
from sadtalker_core.jobs.kinds import describe, flatten
from sadtalker_core.jobs.settings import ANIMATE, AnimateJob, RunOptions, build_job
from sadtalker_core.jobs.values import parse_fps

BASE = {"portrait": "a.png", "audio": "a.wav", "out": "a.mp4"}


@pytest.mark.parametrize(
    ("text", "fps"),
    [
        ("25", Fraction(25)),
        ("12", Fraction(12)),
        ("120", Fraction(120)),
        (" 30000/1001 ", Fraction(30000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_fps_is_exact(text: str, fps: Fraction) -> None:
    assert parse_fps(text) == fps


@pytest.mark.parametrize(
    "text", ["11.9", "121", "0", "-25", "nan", "inf", "fast", "", "25/0", "1e9"]
)
def test_wrong_fps_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="fps"):
        build_job({**BASE, "fps": text})


def test_text_and_native_values_give_the_same_job() -> None:
    native = {"seed": 3, "pose_scale": 0.5, "still": True, "face_index": 1, "fps": 30, "yaw": 10}
    text = {"seed": "3", "pose_scale": ".5", "still": "yes", "face_index": "1", "fps": "30"}
    job = build_job({**BASE, **native})
    assert job == build_job({**BASE, **text, "yaw": "10"})
    assert (job.run.seed, job.motion.pose_scale, job.motion.still) == (3, 0.5, True)
    assert job.portrait == Path("a.png")


def test_flat_and_sectioned_values_give_the_same_job() -> None:
    sectioned = {"run": {"seed": 3}, "motion": {"pose-style": 12}, "crf": 20}
    assert build_job({**BASE, **sectioned}) == build_job(
        {**BASE, "seed": 3, "pose_style": 12, "video": {"crf": 20}}
    )


def test_keyframes_as_pairs() -> None:
    job = build_job({**BASE, "yaw": [[0, 0], [1.5, 10]]})
    assert job.motion.yaw == "0:0, 1.5:10"
    with pytest.raises(OptionError, match="yaw"):
        build_job({**BASE, "yaw": [[0, 0], [1.5]]})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"pose_stile": 3}, "did you mean pose_style"),
        ({"motion": {"seed": 3}}, r"seed is not an option of the section \[motion\]"),
        ({"motoin": {"still": True}}, "did you mean motion"),
        ({"seed": 1, "run": {"seed": 2}}, "given twice"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "whole number"),
        ({"seed": "x"}, "whole number"),
        ({"pose_scale": "nan"}, "finite"),
        ({"pose_scale": "-inf"}, "finite"),
        ({"pose_scale": "1,5"}, "must be a number"),
        ({"still": "maybe"}, "true or false"),
        ({"still": 1}, "true or false"),
        ({"engine": "light"}, "did you mean|Did you mean lite"),
        ({"face_select": "biggest"}, "known values"),
        ({"yaw": "0:0, 1:99"}, "yaw"),
        ({"yaw": True}, "yaw"),
        ({"portrait": 3}, "portrait must be the path"),
        ({"portrait": "a\0b"}, "NUL"),
        ({"idle": 3}, "both given"),
        ({"audio": None}, "audio is missing"),
        ({"out": None}, "out is missing"),
        ({"portrait": None}, "portrait is missing"),
    ],
)
def test_refusals_name_the_culprit(values: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        build_job({**BASE, **values})


def test_description_gives_the_same_job_again() -> None:
    job = build_job({**BASE, "seed": 9, "still": True, "preview": "p.png", "crf": 30, "gaze": 0.1})
    assert build_job(describe(job)) == job
    idle = build_job({"portrait": "a", "out": "b.mp4", "idle": 4})
    assert build_job(describe(idle)) == idle
    assert idle.run.idle == 4.0


def test_jobs_check_the_kind_of_their_options() -> None:
    with pytest.raises(OptionError, match="LiteMotionOptions"):
        AnimateJob(Path("a"), Path("b"), Path("c"), motion=RunOptions())


def test_flatten_leaves_its_argument_alone() -> None:
    values = {"run": {"seed": 3}}
    assert flatten(values, ANIMATE) == {"seed": 3}
    assert values == {"run": {"seed": 3}}

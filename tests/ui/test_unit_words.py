"""What the page says, without gradio."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from sadtalker_core.jobs.result import AnimateResult
from sadtalker_core.ui.words import (
    Progress,
    done_html,
    error_html,
    for_page,
    note_html,
    picture_html,
    progress_html,
    result_sentence,
)

NASTY = "<script>alert('x')</script>\"&"
RENDER = Progress("render", 50, 200, since=10.0)


def test_progress_says_share_and_time_left() -> None:
    said = progress_html(RENDER, now=15.0)
    assert "width:25.0%" in said
    assert "frame 50 of 200 · 0:15 left" in said
    assert "25%" in said


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(), "Starting"),
        (Progress("face"), "Finding the face"),
        (Progress("prepare"), "<b>Preparing</b>"),  # of a video just as of a portrait
        (Progress("source"), "<b>Reading the video</b>"),
        (Progress("motion", 0, 254), "Making the motion"),
    ],
)
def test_what_has_no_share_yet_moves_along(progress: Progress, words: str) -> None:
    said = progress_html(progress)
    assert words in said
    assert "tp-unknown" in said
    assert "%<" not in said


def test_between_two_reports_the_time_left_only_falls() -> None:
    told = replace(RENDER, told=15.0)  # 50 of 200 in 5 seconds
    assert "0:15 left" in progress_html(told, now=15.0)
    assert "0:11 left" in progress_html(told, now=19.0)
    assert "0:01 left" in progress_html(told, now=99.0)


def test_who_waits_is_told_the_place() -> None:
    assert "1 job comes first" in progress_html(Progress(), 1)
    assert "7 jobs come first" in progress_html(RENDER, 7)


def test_a_finished_stage_has_no_time_left() -> None:
    assert "left" not in progress_html(replace(RENDER, done=200), now=15.0)


@pytest.mark.parametrize(
    "said",
    [
        error_html(NASTY),
        note_html(NASTY),
        done_html(NASTY, [NASTY]),
        progress_html(replace(RENDER, notes=(NASTY,), batch=NASTY, stage=NASTY)),
        picture_html(b"jpeg", NASTY),
    ],
)
def test_nothing_foreign_becomes_markup(said: str) -> None:
    assert "<script" not in said
    assert "alert('x')" not in said
    assert NASTY[-10:] not in said


def test_sentences_name_files_and_controls_of_the_page() -> None:
    files = [Path("/tmp/up/ab"), Path("/tmp/up/ab/me.png")]
    sentence = "/tmp/up/ab/me.png has 3 faces; choose with --face-index (see the command faces)."
    assert for_page(sentence, files) == 'me.png has 3 faces; choose with "Face number".'
    said = for_page("my_file_a.png has no face; lower detection_threshold (now 0.50).")
    assert said == 'my_file_a.png has no face; lower "How sure a face must be" (now 0.50).'


def test_a_result_in_one_line() -> None:
    result = AnimateResult(
        path=Path("/out/me.mp4"),
        frames=254,
        fps=Fraction(25),
        duration_s=10.16,
        size=(512, 384),
        engine="lite",
        device="cpu",
        seed=0,
        faces_found=1,
        face_box_px=(),
        seconds={"render": 12.0},
        first_frame_s=1.0,
        weights=(),
        warnings=(),
    )
    assert result_sentence(result) == (
        "Ready: me.mp4, 10 s of 384x512 at 25 fps, made in 12 s (Built-in engine on cpu)."
    )
    still = replace(result, frames=1)
    assert result_sentence(still) == "Ready: me.mp4, 384x512, in 12 s."


@pytest.mark.parametrize("folder", ["/models/my_own", "'/my models/b_c'", ""])
@pytest.mark.parametrize("line", ["download sadtalker", "check --accept net_g.safetensors"])
def test_lines_for_a_terminal_can_be_copied(line: str, folder: str) -> None:
    line = f"models {line} --models-dir {folder}" if folder else f"models {line}"
    sentence = f"To get it (--models-dir says where): talking-portraits {line}; or not."
    said = 'To get it ("Models dir" says where): {} {}; or not.'
    assert for_page(sentence) == said.format("talking-portraits", line)
    program = "/usr/bin/python3 '/my_web ui/talking_portraits.py'"
    assert for_page(sentence, program=program) == said.format(program, line)

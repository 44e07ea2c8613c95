"""The progress line: what it says, when it is redrawn, and that it leaves no trace."""

from __future__ import annotations

import io

from sadtalker_core.cli.progress import ProgressLine, progress_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_text_has_stage_share_rate_and_time_left() -> None:
    text = progress_text("render", 50, 200, 10.0)
    assert text.startswith("Rendering [######------------------]  25%  50/200")
    assert "5.0/s" in text
    assert text.endswith("0:30 left")
    assert progress_text("render", 1, 36001, 1.0).endswith("10:00:00 left")
    assert progress_text("face", 0, 0, 1.0) == "Finding the face"
    assert progress_text("own_stage", 3, 0, 1.0) == "Own stage  3"
    assert "left" not in progress_text("render", 0, 200, 10.0)


def test_terminal_line_is_redrawn_ten_times_a_second_and_removed() -> None:
    now = [0.0]
    stream = Terminal()
    line = ProgressLine(stream, clock=lambda: now[0])
    for step in range(101):
        now[0] = step * 0.01
        line.update("render", step, 100)
    draws = stream.getvalue().count("\r")
    assert 9 <= draws <= 12
    assert "100/100" in stream.getvalue(), "the end is always shown"
    line.clear()
    assert stream.getvalue().endswith("\r\x1b[2K")
    before = stream.getvalue()
    line.clear()
    assert stream.getvalue() == before


def test_without_a_terminal_plain_lines_now_and_then() -> None:
    now = [0.0]
    stream = io.StringIO()
    line = ProgressLine(stream, clock=lambda: now[0])
    for second in range(12):
        now[0] = float(second)
        line.update("render", second, 12)
    assert [text.split()[-3 if "left" in text else -1] for text in stream.getvalue().splitlines()]
    assert len(stream.getvalue().splitlines()) == 3
    assert "\r" not in stream.getvalue()
    line.clear()


def test_hidden_progress_says_nothing() -> None:
    stream = Terminal()
    line = ProgressLine(stream, shown=False)
    line.update("render", 1, 2)
    line.clear()
    assert stream.getvalue() == ""

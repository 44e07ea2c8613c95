"""Progress on a terminal: stage, bar, rate, time left; plain lines without a terminal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

from ..jobs.stage_names import stage_name, time_left

_REDRAW_S = 0.1
_LINE_EVERY_S = 5.0
_BAR_CELLS = 24


class ProgressLine:
    """Give ``update`` to ``Runtime.progress``.

    Args:
        stream: usually stderr.
        shown: False keeps it silent.
        clock: seconds; tests give their own.
    """

    def __init__(
        self, stream: TextIO, shown: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._shown = shown
        self._is_terminal = stream.isatty()
        self._clock = clock
        self._stage = ""
        self._begin = 0.0
        self._last = float("-inf")
        self._drawn = False

    def update(self, stage: str, done: int, total: int) -> None:
        """Called as ``progress(stage, done, total)``; ``total`` 0 is unknown."""
        if not self._shown:
            return
        now = self._clock()
        if stage != self._stage:
            self._stage, self._begin, self._last = stage, now, float("-inf")
        finished = total > 0 and done >= total
        pause = _REDRAW_S if self._is_terminal else _LINE_EVERY_S
        if now - self._last < pause and not (finished and self._is_terminal):
            return
        self._last = now
        text = progress_text(stage, done, total, now - self._begin)
        if self._is_terminal:
            columns = shutil.get_terminal_size().columns
            self._stream.write(f"\r\x1b[2K{text[: columns - 1]}")
            self._drawn = True
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Remove the line, so that other text can be written."""
        if self._drawn:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
            self._drawn = False


def progress_text(stage: str, done: int, total: int, elapsed_s: float) -> str:
    """``Rendering [######------] 50 %  125/250  31.2/s  0:04 left``."""
    name = stage_name(stage)
    if total <= 0:
        return f"{name}  {done}" if done else name
    share = min(1.0, done / total)
    filled = int(share * _BAR_CELLS)
    bar = "#" * filled + "-" * (_BAR_CELLS - filled)
    text = f"{name} [{bar}] {share:4.0%}  {done}/{total}"
    if done > 0 and elapsed_s > 0.2:
        rate = done / elapsed_s
        text += f"  {rate:.1f}/s  {time_left((total - done) / rate)} left"
    return text

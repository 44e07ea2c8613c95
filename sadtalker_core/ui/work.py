"""Jobs of the page: each in a thread of its own, watched by a generator that feeds the page."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import Cancelled, OptionError, TalkingPortraitsError
from ..jobs.devices import make_runtime
from ..media.thumbnails import jpeg_of
from ..weights.store import COMMAND
from .any_job import Job, Result, input_paths, kind_of, run_job, run_options
from .host import UiHost
from .words import Progress, for_page

_log = logging.getLogger(__name__)

TICK_S = 0.25  # how often the page is told
FRAME_EVERY_S = 0.8  # how often it sees a new frame
FRAME_PX = 360
CANCEL_S = 10.0  # how long a lost connection may take to turn out to be a closed page
BUSY = "This page is making something here already; stop it, or wait for its end."
FORMATS = {"auto": ".mp4", "mp4": ".mp4", "webm": ".webm", "lossless": ".mkv", "png": ""}


@dataclass(eq=False)
class Run:
    """One press of a button that works for a while.

    Attributes:
        owner: whose page; empty for a program.
        part: of the page.
        progress: where it is.
        stopped: set when somebody wants it to end.
        finished: set when it has ended.
        value: what it made.
        error: one sentence, where it failed.
        was_stopped: whether it ended because of ``stopped``.
        begun: set when its turn came.
        place: how many come first.
        last_frame: when the page got its latest frame.
        asked: what it was asked for; None where that cannot be compared.
        followers: how many watch it.
        is_left: whether its page was closed; it goes on until another page takes it over.
    """

    owner: str
    part: str = ""
    progress: Progress = field(default_factory=Progress)
    stopped: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: str = ""
    was_stopped: bool = False
    begun: threading.Event = field(default_factory=threading.Event)
    place: int = 0
    last_frame: float = 0.0
    asked: object = None
    followers: int = 0
    is_left: bool = False


class Runs:
    """All runs of a page that have not ended.

    Args:
        host: the program around.
        hears_of_leaving: whether ``left`` is called when a page is closed; only then can its jobs
            go on.
    """

    def __init__(self, host: UiHost, hears_of_leaving: bool = True) -> None:
        self.host = host
        self._goes_on = hears_of_leaving and host.keeps_jobs
        self._gone: deque[str] = deque(maxlen=1000)
        self._running: list[Run] = []
        self._ended_alone: list[Run] = []
        self._lock = threading.Lock()

    def _of(self, owner: str, part: str = "") -> list[Run]:
        return [run for run in self._running if run.owner == owner and part in ("", run.part)]

    def stop(self, owner: str, part: str = "") -> int:
        """Ask the runs of an owner to end, those of one part of the page or all; how many."""
        with self._lock:
            found = self._of(owner, part)
        for run in found:
            run.stopped.set()
        return len(found)

    def is_busy(self, owner: str, part: str) -> bool:
        """Whether an owner has a run of one part of the page that has not ended."""
        with self._lock:
            return any(not run.was_stopped for run in self._of(owner, part))

    def count(self) -> int:
        """Runs that have not ended."""
        with self._lock:
            return len(self._running)

    def left(self, owner: str) -> None:
        """Somebody closed their page, or lost it: their runs go on; those of strangers end."""
        if not self._goes_on:
            self.stop(owner)
            return
        with self._lock:
            self._gone.append(owner)
            for run in self._of(owner):
                run.is_left = True

    def take_ended_alone(self) -> list[Run]:
        """Runs that ended while no page watched them, each told once."""
        with self._lock:
            found, self._ended_alone = self._ended_alone, []
        return found

    def may_be_left(self, part: str) -> bool:
        """Whether a run of this part goes on, or may do so, without its page."""
        with self._lock:
            going = [run for run in self._running if run.part == part]
            return self._goes_on and any(not run.stopped.is_set() for run in going)

    def take_over(self, owner: str, part: str) -> Generator[Run, None, None] | None:
        """Follow a run of this part whose page was closed; None where there is none.

        Nor while ``owner`` has one of their own, nor when their page was closed meanwhile.
        """
        with self._lock:
            if owner in self._gone or self._of(owner, part):
                return None
            for run in self._running:
                if run.part == part and run.is_left and not run.stopped.is_set():
                    run.owner, run.is_left = owner, False
                    run.followers += 1
                    return self._watched(run)
        return None

    def follow(
        self,
        owner: str,
        part: str,
        work: Callable[[Run], Any],
        waits: bool = True,
        asked: object = None,
        holding: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> Generator[Run, None, None]:
        """Do ``work(run)`` in a thread; gives the run whenever its progress may have changed.

        The last time it has ended. When nobody asks for more it stops, but not where the page
        itself was closed (see ``left``). Whoever asks again for what is still made, as a double
        click does, follows that run.

        Args:
            owner: whose page.
            part: of the page.
            work: what to do.
            waits: for its turn; False where the work takes its turns by itself, or needs none.
            asked: what the work is made from, where one run at a time is enough for this part.
            holding: what is held until the work has ended.

        Raises:
            OptionError: this part of the page makes something else already.
        """
        run = Run(owner, part, asked=asked)
        with self._lock:
            if owner in self._gone:
                self._gone.remove(owner)
            going = [each for each in self._of(owner, part) if not each.stopped.is_set()]
            is_same = bool(going) and asked is not None
            if is_same:
                run = going[-1]
                if run.asked != asked:
                    raise OptionError(BUSY)
                run.is_left = False  # the page is back after a lost connection
            else:
                self._running.append(run)
            run.followers += 1
        if not is_same:
            held = contextlib.ExitStack()
            held.enter_context(holding())
            threading.Thread(
                target=self._work,
                args=(run, work, waits, held),
                name=f"talking-portraits-{part}",
                daemon=True,
            ).start()
        yield from self._watched(run)

    def _watched(self, run: Run) -> Generator[Run, None, None]:
        try:
            while not run.finished.wait(TICK_S):
                run.place = self.host.place(run)
                yield run
                # A thread that waits for a lock of the host cannot be asked to stop: it ends by
                # itself when it gets the lock, and the page need not wait for that.
                if run.stopped.is_set() and not run.begun.is_set():
                    run.was_stopped = True
                    break
            yield run
        finally:
            with self._lock:
                run.followers -= 1
            if not self._goes_on:
                self._stop_unless_left(run)
            elif not run.finished.is_set():
                # A closed page and a program that cancels look the same, until the page is missed.
                timer = threading.Timer(CANCEL_S, self._stop_unless_left, [run])
                timer.daemon = True
                timer.start()

    def _stop_unless_left(self, run: Run) -> None:
        with self._lock:
            if not run.followers and not run.is_left:
                run.stopped.set()

    @contextlib.contextmanager
    def turn(self, run: Run) -> Generator[None, None, None]:
        """Held while one job runs. Raises ``Cancelled`` when stopped before."""
        with self.host.turn(run, run.stopped.is_set):
            run.begun.set()
            if run.stopped.is_set():
                raise Cancelled("Stopped before it began.")
            yield

    def _work(
        self, run: Run, work: Callable[[Run], Any], waits: bool, held: contextlib.ExitStack
    ) -> None:
        try:
            if waits:
                with self.turn(run):
                    run.value = work(run)
            else:
                run.begun.set()
                run.value = work(run)
        except Cancelled:
            run.was_stopped = True
        except TalkingPortraitsError as error:
            run.error = str(error)
        except Exception as error:  # the page must say something whatever happens
            _log.exception("A job of the page failed")
            kind = type(error).__name__
            run.error = f"Something unexpected went wrong ({kind}: {error}). Please report it."
            if self.host.is_shared:  # what a fault says may tell of this machine
                run.error = "Something unexpected went wrong; the log of the page says more."
            if "out of memory" in str(error).lower():
                run.error = "The device ran out of memory; take a smaller picture or the cpu."
        finally:
            held.close()
            with self._lock:
                self._running.remove(run)
                if run.is_left and not run.was_stopped:
                    self._ended_alone.append(run)
            run.finished.set()

    def make(self, run: Run, job: Job) -> Result:
        """Run a job with its progress shown on the page and in the host."""
        host, command = self.host, kind_of(job).name

        def progress(stage: str, done: int, total: int) -> None:
            now = run.progress
            since = now.since if stage == now.stage else time.monotonic()
            told = time.monotonic()
            run.progress = replace(now, stage=stage, done=done, total=total, since=since, told=told)
            host.step(stage, done, total)

        def cancelled() -> bool:
            return run.stopped.is_set() or host.is_stopped()

        def preview(frame: Tensor) -> None:
            if host.wants_frame():
                host.show(frame)
            if time.monotonic() - run.last_frame >= FRAME_EVERY_S:
                run.progress = replace(run.progress, frame=jpeg_of(frame, FRAME_PX))
                run.last_frame = time.monotonic()

        def announce(sentence: str) -> None:
            # The choice of the engine says that already, and how to get more; and an estimate
            # is overtaken by the time left as soon as there are frames.
            if COMMAND in sentence or sentence.endswith("of work."):
                return
            notes = (*run.progress.notes, for_page(sentence, input_paths(job), command=command))
            run.progress = replace(run.progress, notes=notes)

        runtime = replace(make_runtime(run_options(job), progress, cancelled), preview=preview)
        try:
            return run_job(job, runtime, announce)
        except TalkingPortraitsError as error:
            if isinstance(error, Cancelled):
                raise
            said = for_page(str(error), input_paths(job), host.program(), command)
            raise type(error)(said) from error


def with_suffix_of(path: Path, file_format: str) -> Path:
    """The name of a result in the chosen form; a folder for pictures."""
    return path.with_suffix(FORMATS[file_format])

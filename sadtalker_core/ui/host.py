"""What a page asks of the program that it runs in."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

from torch import Tensor

from ..errors import Cancelled
from ..jobs.engines import weight_store
from ..weights.store import WeightStore
from .terminal import quoted


class Turns:
    """One job at a time, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: list[object] = []
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self, who: object, stopped: Callable[[], bool]) -> Generator[None, None, None]:
        """Wait until everybody who came before is done. Raises ``Cancelled`` when stopped."""
        with self._changed:
            self._waiting.append(who)
        try:
            with self._changed:
                while self._waiting[0] is not who:
                    if stopped():
                        raise Cancelled("Stopped while it waited for its turn.")
                    self._changed.wait(0.2)
            yield
        finally:
            with self._changed:
                self._waiting.remove(who)
                self._changed.notify_all()

    def place(self, who: object) -> int:
        """How many come first; 0 for the one whose turn it is, or who does not wait."""
        with self._changed:
            return self._waiting.index(who) if who in self._waiting else 0


class UiHost:
    """The page's own surroundings; hosts with a queue and folders of their own change parts of it.

    Attributes:
        title: of the page.
        may_download: whether weights may be fetched from here.
        sends_pictures: whether other parts of the host take pictures.
        is_shared: whether strangers may open the page: then each sees only their own results.
        keeps_jobs: whether a job whose page was closed goes on, and shows on the next page.
    """

    title = "Talking Portraits"
    may_download = False
    sends_pictures = False
    is_shared = False
    keeps_jobs = True

    def __init__(self, out: Path, temp: Path) -> None:
        self._out, self._temp = out, temp
        self._turns = Turns()

    def output_folder(self) -> Path:
        """Where results stay."""
        self._out.mkdir(parents=True, exist_ok=True)
        return self._out

    def temp_folder(self) -> Path:
        """For what is gone when the program ends."""
        self._temp.mkdir(parents=True, exist_ok=True)
        return self._temp

    def readable_folders(self) -> list[Path]:
        """Folders besides gradio's own whose files a job may be given."""
        return [self.output_folder(), self.temp_folder()]

    def weights(self) -> WeightStore:
        """Where weights are looked for."""
        return weight_store(self.models_dir())

    def models_dir(self) -> str:
        """The host's folder of weights, or nothing."""
        return ""

    def program(self) -> str:
        """How the command line is started in a terminal."""
        return "talking-portraits"

    def download_line(self, name: str) -> str:
        """The exact line that gets weights to where they are looked for first."""
        folder = self.models_dir()
        line = f"{self.program()} models download {name}"
        return line + (f" --models-dir {quoted(folder)}" if folder else "")

    @contextlib.contextmanager
    def turn(self, who: object, stopped: Callable[[], bool]) -> Generator[None, None, None]:
        """Held while a job runs, so that one runs at a time."""
        with self._turns.turn(who, stopped):
            yield

    def place(self, who: object) -> int:
        """How many jobs come first."""
        return self._turns.place(who)

    @contextlib.contextmanager
    def glance(self) -> Generator[None, None, None]:
        """Held while one preview is made; quick, so it does not wait for jobs here."""
        yield

    def step(self, stage: str, done: int, total: int) -> None:
        """Told where the running job is."""

    def wants_frame(self) -> bool:
        """Whether ``show`` should be given frames."""
        return False

    def show(self, frame: Tensor) -> None:
        """Given a frame of the running job now and then, (3, H, W)."""

    def is_stopped(self) -> bool:
        """Whether the host's own stop button was pressed."""
        return False

    def add_senders(self, picture: object) -> None:
        """Buttons that send a picture component's content to other parts of the host."""

    def add_receiver(self, picture: object) -> None:
        """Told which picture component takes what other parts of the host send here."""

    def close(self) -> None:
        """Take away what was temporary."""


class LocalHost(UiHost):
    """The page that the command ``ui`` opens."""

    may_download = True

    def __init__(self, out: Path, temp: Path, is_shared: bool = False) -> None:
        out = out.expanduser().resolve()
        if is_shared:
            # What else lies there is not for strangers, and this name cannot be guessed.
            out /= f"page-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(6)}"
        super().__init__(out, temp.resolve())
        self.is_shared = is_shared
        # The next page may be somebody else's.
        self.keeps_jobs = not is_shared
        # Whoever fetches gigabytes should be the one who sits at the machine.
        self.may_download = not is_shared

    def close(self) -> None:
        """Take away what was temporary."""
        shutil.rmtree(self._temp, ignore_errors=True)
        if self.is_shared:
            with contextlib.suppress(OSError):  # there are results in it
                self._out.rmdir()


def new_temp_folder() -> Path:
    """A folder of this process alone."""
    return Path(tempfile.mkdtemp(prefix="talking-portraits-"))


def result_name(*parts: str, suffix: str) -> str:
    """A new name from the names of the inputs, safe on any system.

    The end cannot be guessed: who may read one result may not try the names of others.
    """
    plain = "-".join(filter(None, (_plain(part) for part in parts))) or "portrait"
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return f"{plain[:60]}-{stamp}-{secrets.token_hex(4)}{suffix}"


def _plain(text: str) -> str:
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in text)
    return "-".join(filter(None, kept.split("-")))[:30]

"""What every kind of job does around its own work: times, folders, watching frames, labels."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from .. import __version__
from ..engines.engine import Cost
from ..media.provenance import provenance_metadata
from ..runtime import Runtime
from ..structures import FrameStream


class Clock:
    """Wall time by stage."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Generator[None, None, None]:
        """Count what happens inside for ``name``."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - begin


class Warnings(list[str]):
    """Sentences that the user should see: kept for the result, and announced at once."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        super().__init__()
        self._announce = announce

    def __call__(self, sentence: str) -> None:
        """One more."""
        self.append(sentence)
        self._announce(sentence)


@contextlib.contextmanager
def folders_made_for(*files: Path | None) -> Generator[None, None, None]:
    """Folders that a job makes for its outputs are taken away again when it fails."""
    made = _missing_folders(*files)
    try:
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if nothing else came to lie there
        raise


def _missing_folders(*files: Path | None) -> list[Path]:
    """Folders that do not exist yet, deepest first."""
    missing: list[Path] = []
    for file in files:
        folder = file.parent if file is not None else Path()
        while not folder.exists() and folder != folder.parent:
            if folder not in missing:
                missing.append(folder)
            folder = folder.parent
    return sorted(missing, key=lambda folder: -len(folder.parts))


def clock_text(seconds: float) -> str:
    """``75.0`` as ``1:15``; below a minute as ``12.3 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d} min"


def announced_length(
    text: str, cost: Cost, stream_length: int, size: tuple[int, int], runtime: Runtime
) -> str:
    """``text`` as a sentence, with the order of magnitude of the work where it is known."""
    if runtime.device.type != "cpu":
        return f"{text}."  # nobody measured this device; the time left shows when frames come
    cores = max(1, min(os.cpu_count() or 1, 4))
    per_frame = cost.frame_s + cost.frame_s_per_megapixel * size[0] * size[1] / 1e6
    work = cost.start_s + stream_length * per_frame * 2 / cores
    return f"{text}, about {clock_text(work)} of work."


def shrunk_note(picture: tuple[int, int], shown: tuple[int, int], options: object) -> str:
    """Why a picture (height, width) that was to be shown whole is smaller; empty where it is not.

    Args:
        picture: as it came.
        shown: as it is made.
        options: of the renderer; those of an engine that shows pictures whole say ``full``.
    """
    if getattr(options, "frame", "") != "full" or max(shown) >= max(picture):
        return ""
    (height, width), (rows, columns) = picture, shown
    return (
        f"The picture has {width}x{height} pixels and is made {columns}x{rows}: "
        "few players show larger videos."
    )


def watched(
    stream: FrameStream, runtime: Runtime, start: float, first_frame: list[float]
) -> FrameStream:
    """The same stream; notes when its first frame was ready, and shows frames to the host."""

    def chunks() -> Iterator[Tensor]:
        for chunk in stream:
            if not first_frame:
                first_frame.append(time.perf_counter() - start)
            runtime.preview(chunk[-1])
            yield chunk

    return replace(stream, chunks=chunks())


def label(engine: str, seed: int | None = None) -> dict[str, str]:
    """Says in the file that it is synthetic, and how it was made."""
    facts = {"software": f"Talking Portraits {__version__}", "engine": engine}
    return provenance_metadata(facts if seed is None else {**facts, "seed": str(seed)})

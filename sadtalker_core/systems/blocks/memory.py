"""Frames rendered some at a time: fewer when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ...errors import TalkingPortraitsError
from ...runtime import Runtime

logger = logging.getLogger(__name__)

# Frames in one call of the networks on a CPU: more are no faster, and memory, the time to the first
# frame and the time until a cancel is seen grow with them.
CPU_FRAMES = 2


class RenderMemoryError(TalkingPortraitsError):
    """Not even one frame fits into memory."""


class ChunkedRender:
    """Renders frames some at a time, and remembers how many fit.

    Args:
        runtime: chunk size, device and cancel.
        size: (H, W) of the frames, for the message.
        advice: what to do when not even one frame fits.
    """

    def __init__(self, runtime: Runtime, size: tuple[int, int], advice: str) -> None:
        self._runtime = runtime
        self._size = size
        self._advice = advice
        is_cpu = runtime.device.type == "cpu"
        self._at_once = min(runtime.chunk, CPU_FRAMES) if is_cpu else runtime.chunk

    def frames(self, count: int, make: Callable[[slice], Tensor]) -> Iterator[Tensor]:
        """All of ``count`` frames, as ``make`` gives them for a range.

        Raises:
            RenderMemoryError: memory runs out with a single frame.
        """
        start = 0
        while start < count:
            self._runtime.check_cancelled()
            part = slice(start, min(start + self._at_once, count))
            frames = _made(make, part)
            if frames is None:
                self._at_once = self._fewer(part.stop - part.start)
                continue
            start = part.stop
            yield frames

    def _fewer(self, tried: int) -> int:
        self._runtime.free_memory()
        if tried <= 1:
            raise RenderMemoryError(
                f"Memory ran out while rendering one frame of {self._size[1]}x{self._size[0]}. "
                f"{self._advice}"
            )
        return tried // 2


def _made(make: Callable[[slice], Tensor], part: slice) -> Tensor | None:
    """Frames, or None when memory ran out.

    A function of its own: outside the handler, with its frame gone, nothing of the failed attempt
    is held by the traceback any more.
    """
    try:
        return make(part)
    except RuntimeError as error:  # torch.cuda.OutOfMemoryError is one too
        if not is_out_of_memory(error):
            raise
        logger.info("out of memory with %d frames at once: %s", part.stop - part.start, error)
    return None


def is_out_of_memory(error: RuntimeError) -> bool:
    """True for what torch raises on any device when it gets no more memory."""
    text = str(error).lower()
    return (
        isinstance(error, torch.cuda.OutOfMemoryError)
        or "out of memory" in text
        or "not enough memory" in text  # the words of torch's CPU allocator
        or "can't allocate memory" in text
    )

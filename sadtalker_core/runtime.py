"""How a job runs: device, precision, seed, chunk size, progress and cancel.

Made once by an entry point (command line, node, tab) and passed down. The library itself follows
the tensors it is given and never looks for a device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import Cancelled, OptionError


def _no_progress(stage: str, done: int, total: int) -> None:
    pass


def _no_preview(frame: Tensor) -> None:
    pass


def _never() -> bool:
    return False


def _empty_cache() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@dataclass(frozen=True)
class Runtime:
    """Where and how a job runs.

    Attributes:
        device: device of all tensors.
        dtype: floating point type of the networks.
        seed: all randomness of the job follows from it.
        chunk: frames that flow together from stage to stage. It never changes the result.
        progress: called as ``progress(stage, done, total)``; ``total`` is 0 when unknown.
        cancelled: asked between chunks; when it says True the job raises ``Cancelled``.
        preview: given one finished frame of each chunk, (3, H, W) RGB, uint8 or float in [0, 1],
            on the device where it was made; must return quickly.
        free_memory: called when the device's memory ran out, before it is tried again with less:
            a host may make room.
    """

    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
    seed: int = 0
    chunk: int = 8
    progress: Callable[[str, int, int], None] = _no_progress
    cancelled: Callable[[], bool] = _never
    preview: Callable[[Tensor], None] = _no_preview
    free_memory: Callable[[], None] = _empty_cache

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise OptionError(f"chunk must be at least 1 frame, got {self.chunk}.")

    def generator(self, stage: str) -> torch.Generator:
        """Random generator of one stage, on the CPU so that every device draws the same numbers.

        Stages are independent: adding draws to one never changes another.
        """
        digest = hashlib.sha256(f"{stage}:{self.seed}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def check_cancelled(self) -> None:
        """Raise ``Cancelled`` if the user asked to stop."""
        if self.cancelled():
            raise Cancelled("Stopped by the user; nothing was written under the final name.")

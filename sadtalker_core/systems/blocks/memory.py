"""Whether an error says that memory ran out."""

from __future__ import annotations

import torch


def is_out_of_memory(error: RuntimeError) -> bool:
    """True for what torch raises on any device when it gets no more memory."""
    text = str(error).lower()
    return (
        isinstance(error, torch.cuda.OutOfMemoryError)
        or "out of memory" in text
        or "not enough memory" in text  # the words of torch's CPU allocator
        or "can't allocate memory" in text
    )

"""Cuts a stream of sound into blocks of one fixed size, whatever the size of its chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor


def fixed_blocks(chunks: Iterable[Tensor], size: int) -> Iterator[Tensor]:
    """Yield (size,) float32 blocks; the last one is filled up with zeros.

    Networks and transforms run on blocks of one size, so their results are the same to the bit
    for any chunking of the stream.

    Args:
        chunks: (S,) sound of any length each, on the CPU.
        size: samples in a block, at least 1.
    """
    block = torch.zeros(size)
    filled = 0
    for chunk in chunks:
        offset = 0
        while offset < chunk.shape[0]:
            taken = min(size - filled, chunk.shape[0] - offset)
            block[filled : filled + taken] = chunk[offset : offset + taken]
            filled += taken
            offset += taken
            if filled == size:
                yield block
                block = torch.zeros(size)
                filled = 0
    if filled:
        yield block


def overlapped(blocks: Iterable[Tensor], margin: int) -> Iterator[Tensor]:
    """Give each block ``margin`` rows of its neighbours on both sides, zeros at the two ends.

    Args:
        blocks: (N, ...) tensors of one size N >= margin.
        margin: rows on each side.

    Yields:
        (margin + N + margin, ...), one for each block, in order.
    """
    before: Tensor | None = None
    current: Tensor | None = None
    for following in blocks:
        if current is not None:
            yield _joined(before, current, following, margin)
            before = current
        current = following
    if current is not None:
        yield _joined(before, current, None, margin)


def _joined(before: Tensor | None, current: Tensor, following: Tensor | None, n: int) -> Tensor:
    blank = torch.zeros_like(current)
    left = (blank if before is None else before)[current.shape[0] - n :]
    right = (blank if following is None else following)[:n]
    return torch.cat([left, current, right])

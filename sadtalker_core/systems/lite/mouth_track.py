"""What the network hears in a sound, at the control rate and in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...audio.blocks import overlapped
from ...audio.levels import (
    FLOOR_RANGE_DB,
    relative_level_db,
    relative_log_mel,
    sound_statistics,
)
from ...audio.mel import SPEECH_MEL, log_mel_rows
from ...runtime import Runtime
from ...weights.reader import load_strict, read_weights
from .curves import RATE_HZ, Curve
from .mouth_net import LIPS, MouthNet, config_of

WEIGHTS = Path(__file__).parent / "data" / "mouth_net.safetensors"
_ROWS = 400  # of log-mel in a block: 4 s
_MARGIN = 80  # rows of log-mel on each side, more than the network reaches
_ROWS_PER_CONTROL = SPEECH_MEL.rate_hz // RATE_HZ
# How much each phone class shuts, tucks and rounds the lips.
_SHUT = {1: 1.0}  # bilabial
_TUCKED = {2: 1.0}  # labiodental
_ROUNDED = {3: 1.0, 4: 0.7, 10: 0.5}  # close round, mid round, hush


@dataclass(frozen=True)
class MouthTrack:
    """What was heard; R rows at the control rate.

    Attributes:
        lips: (R, 5) the network's ``LIPS``, in units of a speaker's own spread.
        closure: (R,) probability of m, b or p.
        tuck: (R,) probability of f or v, the lower lip at the teeth.
        rounding: (R,) how round the lips are by the phones heard, 0 to 1.
        speech: (R,) probability that someone speaks.
        level_db: (R,) level relative to loud speech of the sound, at most about 6.
        is_silent: nothing in the sound is loud enough to be speech.
    """

    lips: NDArray[np.float32]
    closure: Curve
    tuck: Curve
    rounding: Curve
    speech: Curve
    level_db: Curve
    is_silent: bool

    @classmethod
    def silent(cls, rows: int) -> MouthTrack:
        """A sound without speech."""
        return cls(
            lips=np.zeros((rows, len(LIPS)), np.float32),
            closure=np.zeros(rows, np.float32),
            tuck=np.zeros(rows, np.float32),
            rounding=np.zeros(rows, np.float32),
            speech=np.zeros(rows, np.float32),
            level_db=np.full(rows, -FLOOR_RANGE_DB, np.float32),
            is_silent=True,
        )


def control_rows(samples: int) -> int:
    """Rows that cover a sound of 16 kHz samples."""
    per_row = SPEECH_MEL.hop * _ROWS_PER_CONTROL
    return max(1, -(-samples // per_row))


@lru_cache(maxsize=1)
def load_mouth_net() -> MouthNet:
    """The network of the package, on the CPU. Raises ``WeightsError`` if its file is damaged."""
    weights = {name: value.float() for name, value in read_weights(WEIGHTS).items()}
    net = MouthNet(config_of(weights)).eval()
    load_strict(net, weights, "mouth network")
    return net


def hear_mouth(
    open_stream: Callable[[], Iterator[Tensor]],
    samples: int,
    runtime: Runtime,
    net: MouthNet | None = None,
) -> MouthTrack:
    """Listen twice: once for level and colour of the sound, once with the network.

    It runs on the CPU in blocks of one size, so that results do not depend on the device or on
    the chunks of the stream.

    Args:
        open_stream: gives a fresh pass over the sound, (S,) float32 chunks at 16 kHz.
        samples: length of the sound.
        runtime: for progress and cancelling.
        net: another network than the one of the package.
    """
    rows = control_rows(samples)
    blocks = -(-samples // (_ROWS * SPEECH_MEL.hop))
    statistics = sound_statistics(
        _reported(log_mel_rows(open_stream(), _ROWS), runtime, 0, 2 * blocks)
    )
    track = MouthTrack.silent(rows)
    if statistics.silent:
        return track
    net = net or load_mouth_net()
    per_block = _ROWS // _ROWS_PER_CONTROL
    skipped = _MARGIN // _ROWS_PER_CONTROL
    mel = _reported(log_mel_rows(open_stream(), _ROWS), runtime, blocks, 2 * blocks)
    with torch.inference_mode():
        for index, block in enumerate(overlapped(mel, _MARGIN)):
            first = index * per_block
            count = min(per_block, rows - first)
            if count <= 0:
                break
            lips, shapes, speech = heard(net, relative_log_mel(block, statistics))
            taken = slice(skipped, skipped + count)
            level = relative_level_db(block, statistics).reshape(-1, _ROWS_PER_CONTROL).mean(1)
            here = slice(first, first + count)
            track.lips[here] = lips[taken].numpy()
            track.closure[here] = shapes[taken, 0].numpy()
            track.tuck[here] = shapes[taken, 1].numpy()
            track.rounding[here] = shapes[taken, 2].numpy()
            track.speech[here] = speech[taken].numpy()
            track.level_db[here] = level[taken].numpy()
    return replace(track, is_silent=False)


def heard(net: MouthNet, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the network makes of normalised log-mel (2R, bands).

    Returns:
        lips (R, 5); closure, tuck and rounding (R, 3); speech (R,), as in ``MouthTrack``.
    """
    lips, phones, speech = net(rows[None])
    likely = phones[0].softmax(-1)
    shapes = [
        torch.stack([share * likely[:, k] for k, share in classes.items()]).sum(0)
        for classes in (_SHUT, _TUCKED, _ROUNDED)
    ]
    return lips[0], torch.stack(shapes, dim=1), speech[0].sigmoid()


def _reported(
    blocks: Iterator[Tensor], runtime: Runtime, before: int, total: int
) -> Iterator[Tensor]:
    for index, block in enumerate(blocks):
        runtime.check_cancelled()
        runtime.progress("listen", min(before + index, total), total)
        yield block
    runtime.progress("listen", total if before else total // 2, total)

"""Windows of mel for the frames of a video of any rate, as Wav2Lip and VideoReTalking cut them.

They begin with the frame (SadTalker's begin two frames before it, see ``wav2lip_mel``). The last
frames of the sound share its last 16 columns; frames that begin after it, which the originals never
make, are silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import torch
from torch import Tensor

from .wav2lip_mel import SILENCE, WAV2LIP_MEL, WINDOW_COLUMNS, columns_of, mel_blocks

_RATE = WAV2LIP_MEL.rate_hz  # 80 columns a second


def window_starts(columns: int, fps: float) -> list[int]:
    """First columns of all windows of a sound of ``columns``: one for each frame of the original's
    result. The last one holds the last 16 columns; a shorter sound has one window alone."""
    starts: list[int] = []
    while (start := _start(len(starts), fps)) + WINDOW_COLUMNS <= columns:
        starts.append(start)
    return [*starts, max(columns - WINDOW_COLUMNS, 0)]


def _start(frame: int, fps: float) -> int:
    return int(frame * (_RATE / fps))  # in this order, as the original rounds it


def relip_windows(
    chunks: Iterable[Tensor],
    samples: int,
    frames: int,
    fps: Fraction,
    group: int,
    device: torch.device,
    mirrored: bool = False,
) -> Iterator[Tensor]:
    """The windows of ``frames`` video frames, ``group`` at a time; memory is flat.

    Args:
        chunks: (S,) float32 mono sound in [-1, 1] at 16 kHz, chunks of any size.
        samples: length of the sound; a video that goes on after it has windows of silence.
        frames: how many windows are wanted.
        fps: of the video.
        group: windows in a group.
        device: of the result.
        mirrored: see ``mel_blocks``: Wav2Lip's way of beginning and ending; VideoReTalking's is
            without.

    Yields:
        (N, 1, 80, 16) float32; N is ``group``, or less in the last one.
    """
    columns = columns_of(samples)
    last = max(columns - WINDOW_COLUMNS, 0)
    blocks = mel_blocks(chunks, samples, device, mirrored)
    held = torch.zeros((0, WAV2LIP_MEL.bands), device=device)
    first = 0  # number of held[0]
    for begin in range(0, frames, group):
        numbers = range(begin, min(begin + group, frames))
        starts = torch.tensor([min(_start(number, float(fps)), last) for number in numbers])
        needed = int(starts[-1]) + WINDOW_COLUMNS
        while first + held.shape[0] < min(needed, columns):
            held = torch.cat((held, next(blocks)))[: columns - first]
        drop = int(starts[0]) - first
        held, first = held[drop:], first + drop
        rows = held
        if rows.shape[0] < WINDOW_COLUMNS:  # a sound of less than a fifth of a second
            silence = rows.new_full((WINDOW_COLUMNS - rows.shape[0], rows.shape[1]), SILENCE)
            rows = torch.cat((rows, silence))
        index = (starts - first)[:, None] + torch.arange(WINDOW_COLUMNS)
        windows = rows[index.to(device)].mT[:, None]
        is_after = [_start(number, float(fps)) >= columns for number in numbers]
        windows[torch.tensor(is_after, device=device)] = SILENCE
        yield windows

"""Mel spectrogram of Wav2Lip and its windows, one for each video frame, from a stream of sound.

Wav2Lip, SadTalker and video-retalking were trained on these numbers (``hparams`` and ``audio.py``
of Rudrabha/Wav2Lip). They are made in float64 where the device has it, as librosa does.

Blocks have one size and begin at fixed places of the recording, so results are the same to the
bit however the stream is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import torch
from torch import Tensor

from .blocks import fixed_blocks
from .mel import MelSpec, mel_filterbank

WAV2LIP_MEL = MelSpec(fft=800, window=800, hop=200, low_hz=55.0, high_hz=7600.0)
PRE_EMPHASIS = 0.97
WINDOW_COLUMNS = 16
SILENCE = -4.0  # lowest value; silence has it everywhere
FPS = 25
SAMPLES_PER_FRAME = WAV2LIP_MEL.sample_rate // FPS  # 640

_MEL_RATE = WAV2LIP_MEL.rate_hz  # 80 columns a second
_BLOCK = 256  # columns of one transform
_MIN_LEVEL = 1e-5
_REFERENCE_DB = 20.0
_MIN_DB = -100.0


def frames_of(samples: int) -> int:
    """Video frames of a sound: whole ones only, as the reference cuts it, but at least one."""
    return max(1, samples // SAMPLES_PER_FRAME)


def columns_of(samples: int) -> int:
    """Mel columns of a sound: column i is centred on sample 200 i."""
    return 1 + samples // WAV2LIP_MEL.hop


def pre_emphasis(sound: Tensor, before: Tensor | None = None) -> Tensor:
    """y[n] = x[n] - 0.97 x[n - 1] of (S,) samples; ``before`` (1,) precedes them, else silence."""
    first = sound.new_zeros(1) if before is None else before
    return sound - PRE_EMPHASIS * torch.cat([first, sound[:-1]])


def stft_magnitude(emphasised: Tensor, columns: int) -> Tensor:
    """(columns, 401) magnitudes of (S,) samples, the first column centred on sample 400."""
    spec = WAV2LIP_MEL
    window = torch.hann_window(spec.fft, dtype=emphasised.dtype, device=emphasised.device)
    frames = emphasised.unfold(0, spec.fft, spec.hop)[:columns]
    return torch.fft.rfft(frames * window).abs()


def mel_from_magnitude(magnitude: Tensor) -> Tensor:
    """(N, 401) -> (N, 80) float32 in [-4, 4]: 100 dB below 20 dB over full scale, and clipped."""
    filters = _filters().to(magnitude.device, magnitude.dtype)
    level = (magnitude @ filters.T).clamp(min=_MIN_LEVEL)
    level_db = 20.0 * level.log10() - _REFERENCE_DB
    scaled = 8.0 * (level_db - _MIN_DB) / -_MIN_DB - 4.0
    return scaled.clamp(SILENCE, -SILENCE).float()


def mel_blocks(
    chunks: Iterable[Tensor], samples: int, device: torch.device, mirrored: bool = False
) -> Iterator[Tensor]:
    """Mel columns in blocks of one size; sound beyond both ends counts as zero.

    Args:
        chunks: (S,) float32 mono sound in [-1, 1] at 16 kHz, chunks of any size on any device.
        samples: where the sound ends: what comes after is not heard, what is missing is silent.
        device: of the result.
        mirrored: sound beyond both ends is the sound before them backward, as in librosa up to
            0.8; Wav2Lip was made with it. It changes the first and the last two columns.

    Yields:
        (256, 80) float32 in [-4, 4]; the blocks hold ``columns_of(samples)`` columns, the last
        block is filled up with silence.
    """
    spec = WAV2LIP_MEL
    size, half = _BLOCK * spec.hop, spec.fft // 2
    dtype = torch.float32 if device.type == "mps" else torch.float64  # Apple's GPUs have no double
    blocks = -(-columns_of(samples) // _BLOCK)
    last = torch.zeros(1, dtype=dtype, device=device)  # sample before the block
    held = torch.zeros(half, dtype=dtype, device=device)  # end of the emphasised block before
    before = torch.zeros(spec.fft + 1, dtype=dtype, device=device)  # the same, for the mirror
    waiting: Tensor | None = None
    sounds = _padded(fixed_blocks(chunks, size), size, blocks + 1)
    for number, block in enumerate(sounds):
        block = block.to(device, dtype)
        emphasised = pre_emphasis(block, last)
        # the sample after the last one would hear an echo of it
        emphasised[max(0, samples - number * size) :] = 0
        if mirrored:
            if number == 0:
                held = emphasised[1 : half + 1].flip(0)
            _mirror_end(before, emphasised, samples - number * size)
            before = emphasised[-spec.fft - 1 :]
        last = block[-1:]
        if waiting is not None:
            sound = torch.cat([held, waiting, emphasised[:half]])
            yield mel_from_magnitude(stft_magnitude(sound, _BLOCK))
            held = waiting[-half:]
        waiting = emphasised


def _mirror_end(before: Tensor, emphasised: Tensor, end: int) -> None:
    """Write the sound before ``end`` backward behind it, in place, as far as it lies in the block
    of (S,) ``emphasised`` samples; ``before`` are the 801 ahead of the block."""
    reach = WAV2LIP_MEL.fft // 2
    if not -reach < end < emphasised.shape[0]:
        return
    joined = torch.cat((before, emphasised))
    first = max(end, 0)
    # sample end + k becomes sample end - 2 - k
    count = min(end + reach, emphasised.shape[0]) - first
    latest = before.shape[0] + 2 * end - 2 - first
    emphasised[first : first + count] = joined[latest - count + 1 : latest + 1].flip(0)


def wav2lip_mel(sound: Tensor, mirrored: bool = False) -> Tensor:
    """(S,) float32 sound in [-1, 1] at 16 kHz -> (80, 1 + S // 200) in [-4, 4], on its device.
    ``mirrored``: see ``mel_blocks``."""
    columns = columns_of(sound.shape[0])
    rows = torch.cat(list(mel_blocks([sound], sound.shape[0], sound.device, mirrored)))
    return rows[:columns].T


def window_start(frame: int | Tensor) -> Tensor:
    """First mel column of the window of a video frame, int64: 3.2 columns a frame, two frames
    early, rounded toward zero. It may be negative, see ``windows_of``."""
    frames = torch.as_tensor(frame, dtype=torch.float64, device="cpu")
    return (_MEL_RATE * ((frames - 2) / FPS)).trunc().long()


def window_columns(frames: Tensor, columns: int) -> Tensor:
    """(N, 16) int64 mel columns of N video frames; beyond the sound the nearest one repeats."""
    steps = torch.arange(WINDOW_COLUMNS)
    return (window_start(frames)[:, None] + steps).clamp(0, columns - 1)


def mel_windows(mel: Tensor, frames: int) -> Tensor:
    """(80, columns) -> (frames, 1, 80, 16), what the networks hear of each video frame."""
    index = window_columns(torch.arange(frames), mel.shape[1])
    return mel[:, index.to(mel.device)].movedim(0, 1)[:, None]


def window_groups(
    chunks: Iterable[Tensor], samples: int, group: int, device: torch.device
) -> Iterator[Tensor]:
    """The windows of a stream of sound, ``group`` video frames at a time.

    Memory does not grow with the length. The sound is cut to whole video frames first, as the
    reference does.

    Args:
        chunks: see ``mel_blocks``.
        samples: length of the sound.
        group: video frames in a group.
        device: of the result.

    Yields:
        (group, 1, 80, 16) float32; the groups hold ``frames_of(samples)`` frames, the last group
        is filled up with windows of the sound's end.
    """
    count = frames_of(samples)
    samples = count * SAMPLES_PER_FRAME
    columns = columns_of(samples)
    blocks = mel_blocks(chunks, samples, device)
    held = torch.zeros((0, WAV2LIP_MEL.bands), device=device)
    first = 0  # column number of held[0]
    for start in range(0, count, group):
        index = window_columns(torch.arange(start, start + group), columns)
        needed_from, needed_to = int(index.min()), int(index.max())
        while first + held.shape[0] <= needed_to:
            held = torch.cat([held, next(blocks)])
        held, first = held[needed_from - first :], needed_from
        yield held[(index - first).to(device)].mT[:, None]


def _padded(blocks: Iterator[Tensor], size: int, count: int) -> Iterator[Tensor]:
    """``count`` blocks: silent ones after the last."""
    for _ in range(count):
        block = next(blocks, None)
        yield torch.zeros(size) if block is None else block


@lru_cache(maxsize=1)
def _filters() -> Tensor:
    return mel_filterbank(WAV2LIP_MEL)

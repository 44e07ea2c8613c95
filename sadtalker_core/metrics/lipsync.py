"""Do lips and sound of a video belong together? Two judges, from streams, with flat memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ..audio.mfcc import mfcc_rows
from ..audio.relip_windows import relip_windows
from ..audio.wav2lip_mel import SAMPLES_PER_FRAME, WAV2LIP_MEL, WINDOW_COLUMNS, columns_of
from ..errors import StructureError
from ..geometry.resize import resize_linear
from ..runtime import Runtime
from .lse import FPS, LipSync, LipSyncMeter
from .nets.syncnet_color import FRAMES, SyncNetColor
from .nets.syncnet_v2 import LIP_SIZE, MFCC_ROWS, SyncNetV2

_MFCC_STEP = 4  # rows of MFCC in a frame
_BATCH = 8  # windows of one call, always: other sizes round otherwise
_EXPERT_SIZE = 96
_LEAST_AGREEMENT = 1e-7  # that a logarithm is taken of, as torch's cross-entropy limits it


@dataclass(frozen=True)
class ExpertSync:
    """What Wav2Lip's lip expert says.

    Attributes:
        agreement: mean cosine of lips and sound, 0 to 1; more is better.
        loss: mean of -log(cosine), what Wav2Lip was trained with; less is better.
        sync: the expert's distances by shift; its ``offset_frames`` says how far the lips follow.
    """

    agreement: float
    loss: float
    sync: LipSync


def measure_lse(
    net: SyncNetV2,
    faces: Iterable[Tensor],
    sound: Iterable[Tensor],
    samples: int,
    runtime: Runtime | None = None,
) -> LipSync:
    """LSE-D, LSE-C and the offset of a video, by the original SyncNet.

    Windows are counted as the original does: the frames of picture and sound, whichever are
    fewer, less five.

    Args:
        net: on any device.
        faces: chunks (N, 3, h, w) uint8 RGB, 25 frames a second: the face, cut as
            ``lip_crops.syncnet_crop`` does; any size.
        sound: chunks (S,) mono at 16 kHz, float in [-1, 1] or int16.
        samples: length of the sound.
        runtime: asked for a cancel.

    Raises:
        StructureError: there are fewer than six frames.
    """
    like = next(net.parameters())
    meter = LipSyncMeter()
    rows = _Rows(mfcc_rows(sound, samples))
    most = samples // SAMPLES_PER_FRAME - FRAMES
    windows = _windows(faces, LIP_SIZE, most)
    for first, group in _groups(windows):
        if runtime is not None:
            runtime.check_cancelled()
        count = len(group)
        lips = torch.stack(group).flip(1).float()  # (N, 3, 5, 224, 224) BGR
        heard = torch.stack([rows.window(_MFCC_STEP * (first + i)) for i in range(count)]).mT[
            :, None
        ]
        with torch.inference_mode():
            seen = net.of_lips(_filled(lips).to(like.device, like.dtype))[:count]
            said = net.of_sound(_filled(heard.float()).to(like.device, like.dtype))[:count]
        meter.push(seen, said)
    return meter.result()


def measure_expert(
    net: SyncNetColor,
    faces: Iterable[Tensor],
    sound: Iterable[Tensor],
    samples: int,
    runtime: Runtime | None = None,
) -> ExpertSync:
    """Agreement of lips and sound by the expert that Wav2Lip learnt from.

    Args:
        net: on any device.
        faces: chunks (N, 3, h, w) uint8 RGB, 25 frames a second: the face's box, see
            ``lip_crops.expert_crop``; any size.
        sound: chunks (S,) mono at 16 kHz, float in [-1, 1].
        samples: length of the sound.
        runtime: asked for a cancel.

    Raises:
        StructureError: there are fewer than six frames, or less than a fifth of a second of sound.
    """
    like = next(net.parameters())
    meter = LipSyncMeter()
    most = _mel_windows(samples)
    heard = relip_windows(
        sound, samples, max(most, 1), Fraction(FPS), _BATCH, torch.device("cpu"), mirrored=True
    )
    agreement = loss = 0.0
    count = 0
    for (_, group), mel in zip(_groups(_windows(faces, _EXPERT_SIZE, most)), heard):
        if runtime is not None:
            runtime.check_cancelled()
        held = len(group)
        stacked = torch.stack(group).flip(1).float() / 255  # (N, 3, 5, 96, 96) BGR
        lower = stacked[:, :, :, _EXPERT_SIZE // 2 :].transpose(1, 2).flatten(1, 2)
        with torch.inference_mode():
            said, seen = net(
                _filled(mel[:held]).to(like.device, like.dtype),
                _filled(lower).to(like.device, like.dtype),
            )
        said, seen = said[:held].float().cpu(), seen[:held].float().cpu()
        meter.push(seen, said)
        for cosine in (said * seen).sum(1).tolist():
            agreement += cosine
            loss -= math.log(min(max(cosine, _LEAST_AGREEMENT), 1.0))
            count += 1
    sync = meter.result()
    return ExpertSync(agreement / count, loss / count, sync)


def _mel_windows(samples: int) -> int:
    """Windows whose mel lies within the sound."""
    last = columns_of(samples) - WINDOW_COLUMNS
    return max(0, math.ceil(Fraction((last + 1) * FPS, WAV2LIP_MEL.rate_hz)))


def _windows(faces: Iterable[Tensor], size: int, most: int) -> Iterator[Tensor]:
    """(3, 5, size, size) uint8: five frames in a row, the first ``most`` of such; as in the
    original none ends with the last frame."""
    held: deque[Tensor] = deque(maxlen=FRAMES)
    made = 0
    for chunk in faces:
        if chunk.ndim != 4 or chunk.dtype != torch.uint8:
            raise StructureError(f"Faces must be (N, 3, h, w) uint8, got {tuple(chunk.shape)}.")
        for rgb in chunk:
            if made >= most:
                return
            if len(held) == FRAMES:
                yield torch.stack(tuple(held), 1)
                made += 1
            held.append(resize_linear(rgb, (size, size)))


def _groups(windows: Iterable[Tensor]) -> Iterator[tuple[int, list[Tensor]]]:
    """Up to eight windows, and the number of the first."""
    group: list[Tensor] = []
    first = 0
    for window in windows:
        group.append(window)
        if len(group) == _BATCH:
            yield first, group
            first, group = first + _BATCH, []
    if group:
        yield first, group


def _filled(rows: Tensor) -> Tensor:
    """Rows repeated at the end to make a whole batch."""
    return rows[torch.arange(_BATCH).clamp(max=len(rows) - 1)]


class _Rows:
    """The rows of MFCC that are still needed."""

    def __init__(self, blocks: Iterator[Tensor]) -> None:
        self._blocks = blocks
        self._held = torch.zeros((0, 13), dtype=torch.float64)
        self._first = 0

    def window(self, start: int) -> Tensor:
        """(20, 13) rows from ``start``, which never goes back."""
        self._held = self._held[max(0, start - self._first) :]
        self._first = start
        while len(self._held) < MFCC_ROWS:
            self._held = torch.cat((self._held, next(self._blocks)))
        return self._held[:MFCC_ROWS]

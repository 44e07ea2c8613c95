"""Parity case of what Wav2Lip, its detector and its measures do beside their networks."""

from __future__ import annotations

import torch
from torch import Tensor

from sadtalker_core.audio.mel import mel_filterbank
from sadtalker_core.audio.mfcc import mfcc
from sadtalker_core.audio.relip_windows import window_starts
from sadtalker_core.audio.wav2lip_mel import (
    WAV2LIP_MEL,
    columns_of,
    pre_emphasis,
    stft_magnitude,
    wav2lip_mel,
)
from sadtalker_core.faces.s3fd import S3fdFaces, candidates, choose, surest_rectangle
from sadtalker_core.faces.steady_boxes import smooth_boxes
from sadtalker_core.metrics.lse import lip_sync_of
from sadtalker_core.systems.wav2lip.faces import (
    cut_faces,
    generator_input,
    generator_output,
    paste_hard,
)

_FACES = ((150, 120), (200, 190))  # rows and columns
_RATES = ("25.0", "30.0", "23.976", "12.5")


def _blocky(recipe: Tensor, rows: int, columns: int) -> Tensor:
    """(3, rows, columns) uint8: every pixel five times each way. BGR to the reference."""
    large = recipe.floor().repeat_interleave(5, 0).repeat_interleave(5, 1)
    return large[:rows, :columns].to(torch.uint8).permute(2, 0, 1)


def functions(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    return {**_sound(inputs), **_faces(inputs), **_detector(inputs), **_measure(inputs)}


def _sound(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    sound = inputs["wav"]
    columns = columns_of(sound.shape[0])
    emphasised = pre_emphasis(sound.double())
    filters = mel_filterbank(WAV2LIP_MEL)
    reach = WAV2LIP_MEL.fft // 2
    padded = torch.nn.functional.pad(emphasised, (reach, reach))
    starts = {
        f"starts_{rate}": torch.tensor(window_starts(columns, float(rate))) for rate in _RATES
    }
    return {
        **starts,
        "preemphasis": emphasised.float(),
        "stft_magnitude": stft_magnitude(padded, columns).T.float(),
        "mel_basis": filters,
        "mel_basis_rowsum": filters.sum(1),
        "mel_basis_argmax": filters.argmax(1),
        "mel": wav2lip_mel(sound),
        "mel_reflect": wav2lip_mel(sound, mirrored=True),
        "mfcc": mfcc(inputs["wav16"]).float(),
    }


def _faces(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in inputs["boxes"].tolist()]
    frames = [_blocky(inputs[f"face{i}"], *size).flip(0) for i, size in enumerate(_FACES)]
    whole = [(0, 0, columns, rows) for rows, columns in _FACES]
    rows, columns = _FACES[0]
    pasted = torch.zeros((3, rows, columns), dtype=torch.uint8)
    paste_hard(pasted, generator_output(inputs["pred"])[0], whole[0])
    return {
        "boxes_smooth5": torch.tensor(list(smooth_boxes(boxes))),
        "batch": generator_input(cut_faces(frames, whole)),
        "paste": pasted.flip(0).permute(1, 2, 0),
    }


def _detector(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    maps = [(3 * inputs[f"cls{i}"], inputs[f"reg{i}"]) for i in range(6)]
    possible = candidates(maps, in_double=False)
    faces = [choose(each) for each in possible]
    return {
        "s3fd_counts": torch.tensor([possible.shape[1], *(len(each) for each in faces)]),
        "s3fd_rects": torch.tensor([surest_rectangle(each) or (0, 0, 0, 0) for each in faces]),
        **{f"s3fd_top{i}": _top(each) for i, each in enumerate(faces)},
    }


def _top(faces: S3fdFaces) -> Tensor:
    return torch.cat((faces.boxes_px[0], faces.scores[:1]))


def _measure(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    lips = inputs["im_feat"]
    # what the golden takes for the sound: lips of three frames before, in noise
    sound = inputs.get("cc_feat")
    if sound is None:
        sound = 0.6 * lips.roll(3, 0) + 0.8 * inputs["cc_noise"]
    found = lip_sync_of([(lips, sound)])
    return {
        "cc_feat": sound,
        "lse": torch.tensor([found.distance, found.confidence, float(found.offset_frames)]),
        "lse_mean_distance": found.mean_distance,
    }


CASES = {"wav2lip/functions": functions}

"""Parity cases of Wav2Lip's generator and of its lip expert."""

from __future__ import annotations

import torch
from torch import Tensor

from sadtalker_core.metrics.nets.syncnet_color import SyncNetColor
from sadtalker_core.systems.wav2lip.nets.generator import Wav2Lip

from .sadtalker_faces import filled
from .watched import watch


def wav2lip(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(Wav2Lip, "wav2lip/wav2lip", seed)
    blocks = {f"face_encoder_blocks.{i}": f"face_enc{i}" for i in range(7)}
    blocks |= {f"face_decoder_blocks.{i}": f"face_dec{i}" for i in range(7)}
    caught = watch(net, blocks | {"audio_encoder": "audio_embedding", "output_block.1": "logits"})
    return {"image": net(inputs["mel"], inputs["faces"]), **caught}


def syncnet_color(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    net = filled(SyncNetColor, "wav2lip/syncnet_color", seed)
    names = {
        "audio_encoder": "audio_raw",
        "audio_encoder.3": "audio_conv3",
        "face_encoder": "face_raw",
        "face_encoder.0": "face_conv0",
        "face_encoder.1": "face_conv1",
    }
    caught = watch(net, names)
    audio, face = net(inputs["mel"], inputs["faces"])
    cosine = torch.nn.functional.cosine_similarity(audio, face)
    return {"audio": audio, "face": face, "cosine": cosine, **caught}


CASES = {"wav2lip/wav2lip": wav2lip, "wav2lip/syncnet_color": syncnet_color}

"""A small Wav2Lip in a file like the published one."""

from __future__ import annotations

from pathlib import Path

import torch

from sadtalker_core.systems.wav2lip.nets.generator import Wav2Lip, Wav2LipConfig
from sadtalker_core.weights import published_wav2lip as published
from sadtalker_core.weights.store import WeightStore
from tests.parity.seeded_weights import describe, fill


def toy_model(folder: Path) -> None:
    """Written to a folder of weights, and accepted as the user's own."""
    file = published.WAV2LIP_GAN
    net = Wav2Lip(Wav2LipConfig(2))
    state = {f"module.{k}": v for k, v in fill(describe(net.state_dict())).items()}
    torch.save({"state_dict": state, "global_step": 1}, folder / file.file)
    WeightStore(option=folder, environment={}, cache=folder).accept(file, folder / file.file)

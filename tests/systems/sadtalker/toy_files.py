"""Published files with networks of toy size: the whole engine runs on them in seconds."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from sadtalker_core.faces.nets.recon3d import Recon3D, Recon3DConfig
from sadtalker_core.faces.nets.resnet import ResNetConfig
from sadtalker_core.systems.blocks.dense_motion import DenseMotionConfig
from sadtalker_core.systems.blocks.spade import SpadeConfig
from sadtalker_core.systems.sadtalker.nets.audio_encoder import AudioEncoderConfig
from sadtalker_core.systems.sadtalker.nets.expnet import ExpNet, ExpNetConfig
from sadtalker_core.systems.sadtalker.nets.generator import Generator, GeneratorConfig
from sadtalker_core.systems.sadtalker.nets.keypoint_detector import (
    KeypointDetector,
    KeypointDetectorConfig,
)
from sadtalker_core.systems.sadtalker.nets.mapping import MappingNet, MappingNetConfig
from sadtalker_core.systems.sadtalker.nets.posevae import PoseVAE, PoseVAEConfig
from sadtalker_core.weights.published import MAPPING_CROP, MAPPING_FULL, SADTALKER_256
from sadtalker_core.weights.reader import write_weights
from sadtalker_core.weights.store import WeightStore

KEYPOINTS = 5
AUDIO = AudioEncoderConfig(width=2)


def toy_networks() -> dict[str, nn.Module]:
    """One of each, by its name in the published file."""
    torch.manual_seed(0)
    motion = DenseMotionConfig(KEYPOINTS, 2, 4, 1, 2, 8, 2, 3)
    return {
        "face_3drecon": Recon3D(Recon3DConfig(ResNetConfig(2, (1, 1, 1, 3)))),
        "audio2exp": ExpNet(ExpNetConfig(AUDIO)),
        "audio2pose": PoseVAE(
            PoseVAEConfig(AUDIO, hidden=8, latent=4, filters=(2, 2, 4, 4), critic=(2, 2, 2))
        ),
        "kp_extractor": KeypointDetector(KeypointDetectorConfig(KEYPOINTS, 2, 8, 2, 4)),
        "generator": Generator(
            GeneratorConfig(width=2, resblocks=1, motion=motion, spade=SpadeConfig(8, 2, 2))
        ),
    }


def full_networks() -> dict[str, nn.Module]:
    """The same in their published size, with random weights: for measuring memory."""
    torch.manual_seed(0)
    return {
        "face_3drecon": Recon3D(),
        "audio2exp": ExpNet(),
        "audio2pose": PoseVAE(),
        "kp_extractor": KeypointDetector(),
        "generator": Generator(),
    }


def toy_weights(networks: dict[str, nn.Module] | None = None) -> dict[str, Tensor]:
    """All tensors of the file, each under its network's name."""
    found: dict[str, Tensor] = {}
    for name, network in (networks or toy_networks()).items():
        for key, value in network.state_dict().items():
            small = name == "face_3drecon" and key.startswith("final_layers")
            found[f"{name}.{key}"] = value * 0.05 if small else value
    return found


def write_toy_files(folder: Path, is_full_size: bool = False) -> WeightStore:
    """The published files, toy-sized and accepted, in ``folder``; and the store that has them."""
    networks = full_networks() if is_full_size else toy_networks()
    write_weights(toy_weights(networks), folder / SADTALKER_256.file)
    torch.manual_seed(1)
    for file, width in ((MAPPING_CROP, 70), (MAPPING_FULL, 73)):
        config = MappingNetConfig(width, width=8, keypoints=KEYPOINTS)
        mapping = MappingNet(MappingNetConfig(width) if is_full_size else config)
        write_weights(mapping.state_dict(), folder / file.file)
    store = WeightStore(option=folder)
    for file in (SADTALKER_256, MAPPING_CROP, MAPPING_FULL):
        store.accept(file, folder / file.file)
    return store

"""Toy sizes of the renderer's networks: the real classes with few channels."""

from __future__ import annotations

import torch

from sadtalker_core.systems.blocks.dense_motion import DenseMotionConfig
from sadtalker_core.systems.blocks.spade import SpadeConfig
from sadtalker_core.systems.sadtalker.nets.generator import Generator, GeneratorConfig
from sadtalker_core.systems.sadtalker.nets.keypoint_detector import (
    KeypointDetector,
    KeypointDetectorConfig,
)

from ..blocks.toys import moved_keypoints, randomise

SIDE = 64
KEYPOINTS = 3
MOTION = DenseMotionConfig(
    keypoints=KEYPOINTS, feature_channels=4, depth=4, compressed=2, width=4, max_width=16, blocks=2
)
SIZES = GeneratorConfig(
    width=4, resblocks=1, motion=MOTION, spade=SpadeConfig(inputs=16, outputs=8, hidden=6)
)


def toy_generator(config: GeneratorConfig = SIZES, seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    net = Generator(config).eval().requires_grad_(False)
    randomise(net, seed)
    return net


def toy_detector(seed: int = 0) -> KeypointDetector:
    torch.manual_seed(seed)
    config = KeypointDetectorConfig(
        keypoints=KEYPOINTS, width=4, max_width=8, blocks=2, depth=4, shrink=4
    )
    net = KeypointDetector(config).eval().requires_grad_(False)
    randomise(net, seed)
    return net


def toy_keypoints(frames: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, K, 3) of the portrait and (frames, K, 3) near them."""
    return moved_keypoints(frames, seed, KEYPOINTS)

"""Occlusion-aware SPADE generator: a portrait and two sets of keypoints to a frame.

The portrait becomes a feature volume, dense motion bends the volume, what the bent volume cannot
show is masked, and the SPADE decoder draws the rest (face vid2vid with SadTalker's decoder). One
network for 256 and 512 pixel pictures: only weights differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...blocks.dense_motion import (
    DenseMotionConfig,
    DenseMotionNetwork,
    DenseMotionResult,
    sample_volume,
)
from ...blocks.encoder import VolumeEncoder
from ...blocks.layers import SameBlock2d
from ...blocks.spade import SpadeConfig, SpadeDecoder


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of the published network; ``spade.inputs`` is ``4 * width``.

    Attributes:
        width: channels of the first block; two halvings double it twice.
        resblocks: residual blocks on the feature volume.
        motion: sizes of the dense motion network, and of the feature volume.
        spade: sizes of the decoder.
    """

    width: int = 64
    resblocks: int = 6
    motion: DenseMotionConfig = field(default_factory=DenseMotionConfig)
    spade: SpadeConfig = field(default_factory=SpadeConfig)

    def __post_init__(self) -> None:
        if self.spade.inputs != 4 * self.width:
            raise ValueError(
                f"spade.inputs {self.spade.inputs} is not 4 * width, width being {self.width}."
            )


class GeneratorResult(NamedTuple):
    """One batch of frames.

    Attributes:
        prediction: (B, 3, S, S) RGB in (0, 1).
        motion: what moved where.
    """

    prediction: Tensor
    motion: DenseMotionResult


class Generator(VolumeEncoder):
    """Portrait (B, 3, S, S) in [0, 1] and keypoints (B, K, 3) to frames.

    S must be a multiple of ``4 * 2**blocks`` of the dense motion network (128 for the published
    size).
    """

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        config = config or GeneratorConfig()
        width, motion = config.width, config.motion
        super().__init__(width, motion.feature_channels, motion.depth, config.resblocks)
        self.config = config
        flat = motion.feature_channels * motion.depth
        self.dense_motion_network = DenseMotionNetwork(motion)
        self.third = SameBlock2d(flat, 4 * width, negative_slope=0.01)
        self.fourth = nn.Conv2d(4 * width, 4 * width, 1)
        self.decoder = SpadeDecoder(config.spade)

    def draw(self, volume: Tensor, motion: DenseMotionResult) -> Tensor:
        """Frames (B, 3, S, S) of a feature volume (1 or B, C, D, H, W) under a motion."""
        bent = sample_volume(volume, motion.deformation).flatten(1, 2)
        features = self.fourth(self.third(bent)) * motion.occlusion
        return torch.sigmoid(self.decoder(features))

    def compress(self, volume: Tensor) -> Tensor:
        """What dense motion needs of a feature volume; like it, made once a portrait."""
        return self.dense_motion_network.compressed(volume)

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """Frames (B, 3, S, S) of an encoded portrait (1, ...) moved to kp_driving (B, K, 3)."""
        return self.draw(volume, self.dense_motion_network.flow(compressed, kp_source, kp_driving))

    def forward(self, picture: Tensor, kp_source: Tensor, kp_driving: Tensor) -> GeneratorResult:
        volume = self.encode(picture)
        motion = self.dense_motion_network(volume, kp_source, kp_driving)
        return GeneratorResult(self.draw(volume, motion), motion)

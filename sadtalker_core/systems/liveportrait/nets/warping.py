"""W, the warping network: a feature volume bent from one set of keypoints to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor, nn

from ...blocks.dense_motion import (
    DenseMotionConfig,
    DenseMotionNetwork,
    DenseMotionResult,
    sample_volume,
)
from ...blocks.layers import SameBlock2d

_SLOPE = 0.01  # of the leaky ReLU after the bent volume


def _published_motion() -> DenseMotionConfig:
    # Unlike SadTalker's, this network keeps proposals of small weight.
    return DenseMotionConfig(keypoints=21, mask_floor=0.0)


@dataclass(frozen=True)
class WarpingConfig:
    """Sizes of W; the defaults are the published ones.

    Attributes:
        features: channels of the result.
        motion: sizes of dense motion and of the feature volume.
    """

    features: int = 256
    motion: DenseMotionConfig = field(default_factory=_published_motion)


class WarpingResult(NamedTuple):
    """One batch.

    Attributes:
        features: (B, features, H, W), what the generator draws.
        motion: what moved where.
    """

    features: Tensor
    motion: DenseMotionResult


class WarpingNetwork(nn.Module):
    """Feature volume (1 or B, C, D, H, W), kp_driving (B, K, 3), kp_source (1 or B, K, 3).

    H and W are multiples of ``2**blocks`` of dense motion (64 for pictures of 256).
    """

    def __init__(self, config: WarpingConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or WarpingConfig()
        flat = config.motion.feature_channels * config.motion.depth
        self.dense_motion_network = DenseMotionNetwork(config.motion)
        self.third = SameBlock2d(flat, config.features, negative_slope=_SLOPE)
        self.fourth = nn.Conv2d(config.features, config.features, 1)

    def compress(self, volume: Tensor) -> Tensor:
        """What dense motion needs of a feature volume: made once a picture."""
        return self.dense_motion_network.compressed(volume)

    def bend(self, volume: Tensor, motion: DenseMotionResult) -> Tensor:
        """(B, features, H, W) of a feature volume under a motion."""
        bent = sample_volume(volume, motion.deformation).flatten(1, 2)
        return self.fourth(self.third(bent)) * motion.occlusion

    def forward(self, volume: Tensor, kp_driving: Tensor, kp_source: Tensor) -> WarpingResult:
        motion = self.dense_motion_network(volume, kp_source, kp_driving)
        return WarpingResult(self.bend(volume, motion), motion)

"""From keypoints to the feature map that the decoder draws, for inference."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..dense_motion import DenseMotionNetwork
from ..layers import SameBlock2d
from .convolution import PlainConv
from .folding import conv_weights, fold_norm
from .motion import FastDenseMotion
from .precision import Mix


class FastWarp(nn.Module):
    """Dense motion, the bent volume and the two convolutions after it.

    Args:
        motion: the plain dense motion network.
        third: the block after the bent volume.
        fourth: the 1x1 convolution after that.
        mix: arithmetic of the parts.
    """

    def __init__(
        self, motion: DenseMotionNetwork, third: SameBlock2d, fourth: nn.Conv2d, mix: Mix
    ) -> None:
        super().__init__()
        self.compress_conv, self.compress_norm = motion.compress, motion.norm
        self.motion = FastDenseMotion(motion, mix.motion)
        self.third = mix.bent.conv(*fold_norm(third))
        self.third_slope = third.negative_slope
        self.fourth = PlainConv(*conv_weights(fourth), mix.bent.dtype)
        self.bent_dtype = mix.bent.dtype

    def compress(self, volume: Tensor) -> Tensor:
        """What dense motion needs of feature volumes (B, C, D, H, W)."""
        return F.relu(self.compress_norm(self.compress_conv(volume)))

    def forward(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """(N, H, W, features) float32 for volumes (1 or N, C, D, H, W), kp_driving (N, K, 3)."""
        deformation, occlusion = self.motion(compressed, kp_source, kp_driving)
        bent = bend(volume, deformation).to(self.bent_dtype)
        features = F.leaky_relu(self.third(bent), self.third_slope, inplace=True)
        return self.fourth(features).float() * occlusion


def bend(volume: Tensor, deformation: Tensor) -> Tensor:
    """(N, H, W, C * D) of volumes (1 or N, C, D, H, W) read at (N, D, H, W, 3)."""
    if len(volume) > 1:
        return torch.cat([bend(one[None], by[None]) for one, by in zip(volume, deformation)])
    count, depth, height, width, _ = deformation.shape
    # On a CPU torch shares this work between cores by batch only, so each depth is made one of it.
    slices = deformation.view(count * depth, 1, height, width, 3)
    copies = volume.expand(count * depth, *volume.shape[1:])
    bent = F.grid_sample(copies, slices, align_corners=False)
    bent = bent.view(count, depth, volume.shape[1], height, width)
    return bent.permute(0, 3, 4, 2, 1).flatten(3)

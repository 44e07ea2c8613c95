"""Coefficients of a 3D morphable face model from one picture (Deng et al. 2019, PyTorch port).

SadTalker and VideoReTalking ship the same network (``net_recon``: ResNet-50 with seven heads).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .resnet import ResNetConfig, ResNetTrunk


@dataclass(frozen=True)
class Recon3DConfig:
    """Trunk, and outputs of the heads: identity, expression, texture, rotation, light, x y, z."""

    trunk: ResNetConfig = ResNetConfig()
    heads: tuple[int, ...] = (80, 64, 80, 3, 27, 2, 1)


class Recon3D(nn.Module):
    """Regresses the coefficients; ``faces.recon3d`` prepares the picture and splits the result."""

    def __init__(self, config: Recon3DConfig | None = None) -> None:
        super().__init__()
        config = config or Recon3DConfig()
        self.backbone = ResNetTrunk(config.trunk)
        features = config.trunk.channels(4)
        self.final_layers = nn.ModuleList(nn.Conv2d(features, count, 1) for count in config.heads)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, 224, 224) RGB in [0, 1] -> (B, 257)."""
        pooled = self.pooled(image)
        return torch.cat([head(pooled) for head in self.final_layers], 1).flatten(1)

    def pooled(self, image: Tensor) -> Tensor:
        """(B, 3, 224, 224) -> the (B, 2048, 1, 1) features that the heads read."""
        return F.adaptive_avg_pool2d(self.backbone(image)[-1], 1)

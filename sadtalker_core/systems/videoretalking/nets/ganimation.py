"""GANimation's generator: another expression by action units (Pumarola et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

SIZE = 128  # pixels of the pictures it was trained on
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)  # numbers of FACS


@dataclass(frozen=True)
class GANimationConfig:
    """``width`` channels in the first layer, ``blocks`` residual blocks, ``units`` action units."""

    width: int = 64
    blocks: int = 6
    units: int = 17


class Expressed(NamedTuple):
    """What the generator returns.

    Attributes:
        color: (B, 3, H, W) in [-1, 1], what is painted.
        mask: (B, 1, H, W) in [0, 1], how much of the input stays.
        features: (B, width, H, W) that both are made of.
    """

    color: Tensor
    mask: Tensor
    features: Tensor

    def over(self, image: Tensor) -> Tensor:
        """The picture (B, 3, H, W) in [-1, 1] with the new expression."""
        return self.mask * image + (1 - self.mask) * self.color


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class GANimation(nn.Module):
    """Picture and action units to paint and a mask."""

    def __init__(self, config: GANimationConfig | None = None) -> None:
        super().__init__()
        config = config or GANimationConfig()
        width, wider, widest = config.width, 2 * config.width, 4 * config.width
        self.model = nn.Sequential(
            *_step(nn.Conv2d(3 + config.units, width, 7, padding=3)),
            *_step(nn.Conv2d(width, wider, 4, 2, 1)),
            *_step(nn.Conv2d(wider, widest, 4, 2, 1)),
            *(_Residual(widest) for _ in range(config.blocks)),
            *_step(nn.ConvTranspose2d(widest, wider, 4, 2, 1)),
            *_step(nn.ConvTranspose2d(wider, width, 4, 2, 1)),
        )
        self.color_top = nn.Sequential(nn.Conv2d(width, 3, 7, padding=3, bias=False), nn.Tanh())
        self.au_top = nn.Sequential(nn.Conv2d(width, 1, 7, padding=3, bias=False), nn.Sigmoid())

    def forward(self, image: Tensor, units: Tensor) -> Expressed:
        """``image`` (B, 3, 128, 128) in [-1, 1], ``units`` (B, 17) in the order of ``UNITS``."""
        planes = units[:, :, None, None].expand(-1, -1, *image.shape[2:])
        features = self.model(torch.cat([image, planes], 1))
        return Expressed(self.color_top(features), self.au_top(features), features)


def _step(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]

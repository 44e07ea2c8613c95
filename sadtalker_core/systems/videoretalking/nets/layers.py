"""Layers that DNet and LNet share: norms over a whole picture, norms steered by a feature."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...blocks.spade import SpectralConv2d

SLOPE = 0.1  # of the leaky ReLUs


class LayerNorm2d(nn.Module):
    """Norm over channels, height and width together; scale and shift per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        shape = x.shape[1:]
        return F.layer_norm(x, shape, self.weight.expand(shape), self.bias.expand(shape))


class AdaIN(nn.Module):
    """Instance norm whose scale and shift come from a feature (B, features, ...)."""

    def __init__(self, channels: int, features: int, hidden: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
        self.mlp_gamma = nn.Linear(hidden, channels)
        self.mlp_beta = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        steer = self.mlp_shared(feature.flatten(1))
        gamma, beta = self.mlp_gamma(steer), self.mlp_beta(steer)
        # The picture's own statistics, in evaluation as well.
        return F.instance_norm(x) * (1 + gamma[..., None, None]) + beta[..., None, None]


def _conv(channels_in: int, channels_out: int, kernel: int, spectral: bool) -> nn.Module:
    if spectral:
        return SpectralConv2d(channels_in, channels_out, kernel)
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2)


class ConvBlock(nn.Module):
    """Convolution, ``LayerNorm2d``, leaky ReLU; half the size after it if ``halve``."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 3,
        *,
        spectral: bool,
        halve: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            _conv(channels_in, channels_out, kernel, spectral),
            LayerNorm2d(channels_out),
            nn.LeakyReLU(SLOPE),
        ]
        if halve:
            layers.append(nn.AvgPool2d(2))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class UpBlock(ConvBlock):
    """Twice the size (nearest), then as ``ConvBlock``."""

    def forward(self, x: Tensor) -> Tensor:
        return self.model(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class LastConv(nn.Module):
    """Convolution 7x7 to three channels; what follows it is up to the network."""

    def __init__(self, channels: int, *, spectral: bool) -> None:
        super().__init__()
        self.model = nn.Sequential(_conv(channels, 3, 7, spectral))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)

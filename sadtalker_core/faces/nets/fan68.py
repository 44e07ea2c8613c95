"""FAN with 68 points: four stacked hourglasses (Bulat and Tzimiropoulos 2017).

The 2D landmark network of the package face-alignment, which VideoReTalking uses.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from .fan98 import ConvBlock


@dataclass(frozen=True)
class Fan68Config:
    """Stacks of hourglasses, points, channels (a multiple of 16) and levels of each hourglass."""

    stacks: int = 4
    points: int = 68
    channels: int = 256
    depth: int = 4


class PlainHourglass(nn.Module):
    """Down ``depth`` times and up again, with a skip at each level."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        for level in range(depth, 0, -1):
            setattr(self, f"b1_{level}", ConvBlock(channels, channels))
            setattr(self, f"b2_{level}", ConvBlock(channels, channels))
        self.b2_plus_1 = ConvBlock(channels, channels)
        for level in range(1, depth + 1):
            setattr(self, f"b3_{level}", ConvBlock(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape; H and W are multiples of 2^depth."""
        return self._level(self.depth, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        skip = getattr(self, f"b1_{level}")(x)
        low = getattr(self, f"b2_{level}")(F.avg_pool2d(x, 2))
        low = self._level(level - 1, low) if level > 1 else self.b2_plus_1(low)
        low = getattr(self, f"b3_{level}")(low)
        return skip + F.interpolate(low, scale_factor=2, mode="nearest")


class Fan68(nn.Module):
    """Heatmaps of 68 points; ``faces.landmarks68`` cuts the picture and reads them."""

    def __init__(self, config: Fan68Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Fan68Config()
        channels, points = config.channels, config.points
        self.conv1 = nn.Conv2d(3, channels // 4, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(channels // 4)
        self.conv2 = ConvBlock(channels // 4, channels // 2)
        self.conv3 = ConvBlock(channels // 2, channels // 2)
        self.conv4 = ConvBlock(channels // 2, channels)
        for i in range(config.stacks):
            setattr(self, f"m{i}", PlainHourglass(channels, config.depth))
            setattr(self, f"top_m_{i}", ConvBlock(channels, channels))
            setattr(self, f"conv_last{i}", nn.Conv2d(channels, channels, 1))
            setattr(self, f"bn_end{i}", nn.BatchNorm2d(channels))
            setattr(self, f"l{i}", nn.Conv2d(channels, points, 1))
            if i < config.stacks - 1:
                setattr(self, f"bl{i}", nn.Conv2d(channels, channels, 1))
                setattr(self, f"al{i}", nn.Conv2d(points, channels, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, 256, 256) RGB in [0, 1] -> heatmaps (B, 68, 64, 64) of each stack; the last
        counts."""
        x = F.relu(self.bn1(self.conv1(image)))
        x = F.avg_pool2d(self.conv2(x), 2)
        x = self.conv4(self.conv3(x))
        found: list[Tensor] = []
        for i in range(self.config.stacks):
            hourglass = getattr(self, f"m{i}")(x)
            features = getattr(self, f"conv_last{i}")(getattr(self, f"top_m_{i}")(hourglass))
            features = F.relu(getattr(self, f"bn_end{i}")(features))
            found.append(getattr(self, f"l{i}")(features))
            if i < self.config.stacks - 1:
                x = x + getattr(self, f"bl{i}")(features) + getattr(self, f"al{i}")(found[-1])
        return found

"""FAN: stacked hourglasses that find points in a face (Bulat and Tzimiropoulos 2017).

What the networks with 68 and with 98 points share; names and layout are those of their files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class FanConfig:
    """Stacks of hourglasses, points, channels (a multiple of 16) and levels of each hourglass."""

    stacks: int = 4
    points: int = 68
    channels: int = 256
    depth: int = 4


class ConvBlock(nn.Module):
    """Three convolutions whose results stand side by side, plus a shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half, quarter = out_channels // 2, out_channels // 4
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, quarter, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(quarter)
        self.conv3 = nn.Conv2d(quarter, quarter, 3, padding=1, bias=False)
        self.downsample = None
        if in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(in_channels),
                nn.ReLU(),
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
            )

    def forward(self, x: Tensor) -> Tensor:
        one = self.conv1(F.relu(self.bn1(x)))
        two = self.conv2(F.relu(self.bn2(one)))
        three = self.conv3(F.relu(self.bn3(two)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.cat((one, two, three), 1) + shortcut


class HourglassLevels(nn.Module):
    """Down ``depth`` times and up again, with a skip at each level."""

    def add_levels(self, channels: int, depth: int) -> None:
        """The blocks, in the order of the files."""
        self.depth = depth
        for level in range(depth, 0, -1):
            setattr(self, f"b1_{level}", ConvBlock(channels, channels))
            setattr(self, f"b2_{level}", ConvBlock(channels, channels))
        self.b2_plus_1 = ConvBlock(channels, channels)
        for level in range(1, depth + 1):
            setattr(self, f"b3_{level}", ConvBlock(channels, channels))

    def through_levels(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape; H and W are multiples of 2^depth."""
        return self._level(self.depth, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        skip = getattr(self, f"b1_{level}")(x)
        low = getattr(self, f"b2_{level}")(F.avg_pool2d(x, 2))
        low = self._level(level - 1, low) if level > 1 else self.b2_plus_1(low)
        low = getattr(self, f"b3_{level}")(low)
        return skip + F.interpolate(low, scale_factor=2, mode="nearest")


class StackedHourglasses(nn.Module):
    """Heatmaps, each stack's made better by the next.

    Args:
        config: sizes.
        maps: heatmaps of each stack.
        first: makes the first convolution, for a number of channels that it gives.
        hourglass: makes the hourglass of stack ``i``.
    """

    def __init__(
        self,
        config: FanConfig,
        maps: int,
        first: Callable[[int], nn.Module],
        hourglass: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.conv1 = first(channels // 4)
        self.bn1 = nn.BatchNorm2d(channels // 4)
        self.conv2 = ConvBlock(channels // 4, channels // 2)
        self.conv3 = ConvBlock(channels // 2, channels // 2)
        self.conv4 = ConvBlock(channels // 2, channels)
        for i in range(config.stacks):
            setattr(self, f"m{i}", hourglass(i))
            setattr(self, f"top_m_{i}", ConvBlock(channels, channels))
            setattr(self, f"conv_last{i}", nn.Conv2d(channels, channels, 1))
            setattr(self, f"bn_end{i}", nn.BatchNorm2d(channels))
            setattr(self, f"l{i}", nn.Conv2d(channels, maps, 1))
            if i < config.stacks - 1:
                setattr(self, f"bl{i}", nn.Conv2d(channels, channels, 1))
                setattr(self, f"al{i}", nn.Conv2d(maps, channels, 1))

    def heatmaps(self, image: Tensor) -> list[Tensor]:
        """(B, 3, 256, 256) in [0, 1] -> (B, maps, 64, 64) of each stack; the last counts.

        An hourglass is given its input and the heatmaps of the stack before, or None.
        """
        x = F.relu(self.bn1(self.conv1(image)))
        x = F.avg_pool2d(self.conv2(x), 2)
        x = self.conv4(self.conv3(x))
        found: list[Tensor] = []
        for i in range(self.config.stacks):
            hourglass = getattr(self, f"m{i}")(x, found[-1] if found else None)
            features = getattr(self, f"conv_last{i}")(getattr(self, f"top_m_{i}")(hourglass))
            features = F.relu(getattr(self, f"bn_end{i}")(features))
            found.append(getattr(self, f"l{i}")(features))
            if i < self.config.stacks - 1:
                x = x + getattr(self, f"bl{i}")(features) + getattr(self, f"al{i}")(found[-1])
        return found

"""FAN with 98 points: stacked hourglasses with coordinate and boundary channels.

Wang et al. 2019 (Adaptive Wing Loss), trained on WFLW; SadTalker's landmark detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BOUNDARY_THRESHOLD = 0.05


@dataclass(frozen=True)
class Fan98Config:
    """Stacks of hourglasses, points, channels (a multiple of 16) and levels of each hourglass."""

    stacks: int = 4
    points: int = 98
    channels: int = 256
    depth: int = 4


def _coordinates(like: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of each pixel in [-1, 1], both (1, 1, H, W)."""
    height, width = like.shape[2:]
    rows = torch.arange(height, device=like.device, dtype=like.dtype) / (height - 1) * 2 - 1
    columns = torch.arange(width, device=like.device, dtype=like.dtype) / (width - 1) * 2 - 1
    rows = rows[:, None].expand(height, width)[None, None]
    return rows, columns.expand(height, width)[None, None]


class CoordConv(nn.Module):
    """A convolution that is told where each pixel is, and where the face's boundary runs."""

    def __init__(self, in_channels: int, out_channels: int, **conv: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, **conv)  # type: ignore[arg-type]

    def forward(self, x: Tensor, heatmaps: Tensor | None = None) -> Tensor:
        """(B, C, H, W) and the last stack's heatmaps -> (B, C', H', W')."""
        return self.conv(self.with_coordinates(x, heatmaps))

    @staticmethod
    def with_coordinates(x: Tensor, heatmaps: Tensor | None = None) -> Tensor:
        """``x`` with rows, columns, radius and, given heatmaps, the boundary's rows and columns."""
        rows, columns = _coordinates(x)
        radius = (rows**2 + columns**2).sqrt()
        batch, _, height, width = x.shape
        parts = [rows, columns, radius / radius.max()]
        parts = [part.expand(batch, 1, height, width) for part in parts]
        if heatmaps is not None:
            on_boundary = heatmaps[:, -1:].clamp(0.0, 1.0) > _BOUNDARY_THRESHOLD
            parts += [on_boundary * rows, on_boundary * columns]
        return torch.cat([x, *parts], 1)


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


class Hourglass(nn.Module):
    """Down ``depth`` times and up again, with a skip at each level."""

    def __init__(self, channels: int, depth: int, has_boundary: bool) -> None:
        super().__init__()
        self.depth = depth
        extra = 5 if has_boundary else 3
        self.coordconv = CoordConv(channels + extra, channels, kernel_size=1)
        for level in range(depth, 0, -1):
            setattr(self, f"b1_{level}", ConvBlock(channels, channels))
            setattr(self, f"b2_{level}", ConvBlock(channels, channels))
        self.b2_plus_1 = ConvBlock(channels, channels)
        for level in range(1, depth + 1):
            setattr(self, f"b3_{level}", ConvBlock(channels, channels))

    def forward(self, x: Tensor, heatmaps: Tensor | None) -> Tensor:
        return self._level(self.depth, self.coordconv(x, heatmaps))

    def _level(self, level: int, x: Tensor) -> Tensor:
        skip = getattr(self, f"b1_{level}")(x)
        low = getattr(self, f"b2_{level}")(F.avg_pool2d(x, 2))
        low = self._level(level - 1, low) if level > 1 else self.b2_plus_1(low)
        low = getattr(self, f"b3_{level}")(low)
        return skip + F.interpolate(low, scale_factor=2, mode="nearest")


class Fan98(nn.Module):
    """Heatmaps of 98 points; ``faces.landmarks98`` prepares the picture and reads them."""

    def __init__(self, config: Fan98Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Fan98Config()
        channels, maps = config.channels, config.points + 1
        self.conv1 = CoordConv(6, channels // 4, kernel_size=7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(channels // 4)
        self.conv2 = ConvBlock(channels // 4, channels // 2)
        self.conv3 = ConvBlock(channels // 2, channels // 2)
        self.conv4 = ConvBlock(channels // 2, channels)
        for i in range(config.stacks):
            setattr(self, f"m{i}", Hourglass(channels, config.depth, has_boundary=i > 0))
            setattr(self, f"top_m_{i}", ConvBlock(channels, channels))
            setattr(self, f"conv_last{i}", nn.Conv2d(channels, channels, 1))
            setattr(self, f"bn_end{i}", nn.BatchNorm2d(channels))
            setattr(self, f"l{i}", nn.Conv2d(channels, maps, 1))
            if i < config.stacks - 1:
                setattr(self, f"bl{i}", nn.Conv2d(channels, channels, 1))
                setattr(self, f"al{i}", nn.Conv2d(maps, channels, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, 256, 256) BGR in [0, 1] -> heatmaps (B, 99, 64, 64) of each stack.

        The last stack counts; its last channel is the face's boundary, not a point.
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

"""FAN with 98 points: stacked hourglasses with coordinate and boundary channels.

Wang et al. 2019 (Adaptive Wing Loss), trained on WFLW; SadTalker's landmark detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .fan import FanConfig, HourglassLevels, StackedHourglasses

_BOUNDARY_THRESHOLD = 0.05


@dataclass(frozen=True)
class Fan98Config(FanConfig):
    """Sizes, by default those of the published network."""

    points: int = 98


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


class Hourglass(HourglassLevels):
    """An hourglass that is told where each pixel is."""

    def __init__(self, channels: int, depth: int, has_boundary: bool) -> None:
        super().__init__()
        extra = 5 if has_boundary else 3
        self.coordconv = CoordConv(channels + extra, channels, kernel_size=1)
        self.add_levels(channels, depth)

    def forward(self, x: Tensor, heatmaps: Tensor | None) -> Tensor:
        return self.through_levels(self.coordconv(x, heatmaps))


class Fan98(StackedHourglasses):
    """Heatmaps of 98 points; ``faces.landmarks98`` prepares the picture and reads them."""

    def __init__(self, config: Fan98Config | None = None) -> None:
        config = config or Fan98Config()
        super().__init__(
            config,
            config.points + 1,
            lambda channels: CoordConv(6, channels, kernel_size=7, stride=2, padding=3),
            lambda i: Hourglass(config.channels, config.depth, has_boundary=i > 0),
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, 256, 256) BGR in [0, 1] -> heatmaps (B, 99, 64, 64) of each stack.

        The last stack counts; its last channel is the face's boundary, not a point.
        """
        return self.heatmaps(image)

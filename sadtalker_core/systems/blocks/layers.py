"""Building blocks of keypoint detectors, dense motion networks and feature extractors.

Volumes are (B, C, D, H, W). Depth is never pooled and never enlarged: the blocks of the hourglasses
halve and double height and width only.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SameBlock2d(nn.Module):
    """Convolution 3x3, batch norm and (leaky) ReLU at the same resolution."""

    def __init__(self, channels_in: int, channels_out: int, negative_slope: float = 0.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels_out)
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), self.negative_slope)


class DownBlock2d(nn.Module):
    """Convolution 3x3, batch norm, ReLU, then half the height and width."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.relu(self.norm(self.conv(x))), 2)


class DownBlock3d(nn.Module):
    """``DownBlock2d`` for volumes; the depth stays."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out, 3, padding=1)
        self.norm = nn.BatchNorm3d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool3d(F.relu(self.norm(self.conv(x))), (1, 2, 2))


class UpBlock3d(nn.Module):
    """Twice the height and width (nearest), then convolution 3x3x3, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out, 3, padding=1)
        self.norm = nn.BatchNorm3d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=(1.0, 2.0, 2.0), mode="nearest")
        return F.relu(self.norm(self.conv(x)))


class ResBlock3d(nn.Module):
    """Residual block with the norms before the convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm3d(channels)
        self.norm2 = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(F.relu(self.norm1(x)))
        out = self.conv2(F.relu(self.norm2(out)))
        return out + x


def coordinate_grid(size: tuple[int, int, int], like: Tensor) -> Tensor:
    """(D, H, W, 3) xyz of every voxel, -1 at the first and 1 at the last of each axis.

    Args:
        size: (D, H, W).
        like: device and dtype are taken from it.
    """
    # 2 i / (n - 1) - 1 rather than linspace: the published networks' own rounding.
    z, y, x = (2 * (torch.arange(n, device=like.device).to(like) / (n - 1)) - 1 for n in size)
    depth, height, width = size
    return torch.stack(
        [
            x.view(1, 1, -1).expand(depth, height, width),
            y.view(1, -1, 1).expand(depth, height, width),
            z.view(-1, 1, 1).expand(depth, height, width),
        ],
        -1,
    )

"""Keypoint detector: a portrait to its face's canonical keypoints (face vid2vid, Wang 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...blocks.layers import DownBlock2d, UpBlock3d, coordinate_grid


@dataclass(frozen=True)
class KeypointDetectorConfig:
    """Sizes of the published network; unit tests build smaller ones.

    Attributes:
        keypoints: K.
        width: channels of the first block before its doubling.
        max_width: most channels of a block.
        blocks: halvings, and doublings after them.
        depth: D of the volume.
        shrink: side of the picture over side of the network's input.
        temperature: logits are divided by it before the softmax.
    """

    keypoints: int = 15
    width: int = 32
    max_width: int = 1024
    blocks: int = 5
    depth: int = 16
    shrink: int = 4
    temperature: float = 0.1

    def channels(self, level: int) -> int:
        """Channels after ``level`` halvings; level 0 is the full resolution."""
        return min(self.max_width, self.width * 2**level)


class AntiAliasDown(nn.Module):
    """Gaussian blur and every ``shrink``-th pixel. The kernel is a buffer of the checkpoint."""

    weight: Tensor

    def __init__(self, shrink: int) -> None:
        super().__init__()
        sigma = (shrink - 1) / 2
        self.reach = round(sigma * 4)
        self.shrink = shrink
        steps = torch.arange(-self.reach, self.reach + 1, dtype=torch.float32)
        line = torch.exp(-(steps**2) / (2 * sigma**2))
        kernel = torch.outer(line, line)
        kernel = kernel / kernel.sum()
        self.register_buffer("weight", kernel.expand(3, 1, -1, -1).clone())

    def forward(self, x: Tensor) -> Tensor:
        # A strided convolution computes only the pixels that are kept.
        return F.conv2d(x, self.weight, stride=self.shrink, padding=self.reach, groups=3)


class KeypointHourglass(nn.Module):
    """2D down to a vector of volumes, 3D up to a feature volume."""

    def __init__(self, config: KeypointDetectorConfig) -> None:
        super().__init__()
        levels = range(config.blocks)
        self.depth = config.depth
        self.down_blocks = nn.Sequential()
        for i in levels:
            channels_in = config.channels(i) if i else 3
            block = DownBlock2d(channels_in, config.channels(i + 1))
            self.down_blocks.add_module(f"down{i}", block)
        deepest = config.channels(config.blocks)
        self.conv = nn.Conv2d(deepest, deepest * config.depth, 1)
        self.up_blocks = nn.Sequential()
        for i in levels:
            level = config.blocks - i
            block = UpBlock3d(config.channels(level), config.channels(level - 1))
            self.up_blocks.add_module(f"up{i}", block)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.down_blocks(x))
        return self.up_blocks(x.unflatten(1, (-1, self.depth)))


class KeypointDetector(nn.Module):
    """(B, 3, S, S) picture in [0, 1] to (B, K, 3) keypoints, xyz in the crop's [-1, 1].

    S must be a multiple of ``shrink * 2**blocks`` (128 for the published size).
    """

    def __init__(self, config: KeypointDetectorConfig | None = None) -> None:
        super().__init__()
        config = config or KeypointDetectorConfig()
        self.config = config
        self.predictor = KeypointHourglass(config)
        self.kp = nn.Conv3d(config.channels(0), config.keypoints, 3, padding=1)
        self.down = AntiAliasDown(config.shrink)

    def forward(self, picture: Tensor) -> Tensor:
        logits = self.kp(self.predictor(self.down(picture)))
        # Expected position under the softmax over all voxels.
        heatmap = F.softmax(logits.flatten(2) / self.config.temperature, 2).view_as(logits)
        depth, height, width = logits.shape[2:]
        grid = coordinate_grid((depth, height, width), logits)
        return (heatmap.unsqueeze(-1) * grid).sum((2, 3, 4))

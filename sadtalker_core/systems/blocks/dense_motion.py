"""Dense motion: from the movement of keypoints to a backward flow of the feature volume.

Every keypoint proposes one motion of the whole volume (the shift that brings its driving position
to its source position), the background proposes none; a 3D hourglass weighs the proposals voxel by
voxel and says which places of the result the source cannot show (occlusion).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import DownBlock3d, UpBlock3d, coordinate_grid

HEATMAP_VARIANCE = 0.01  # of the Gaussian round each keypoint, in crop units squared


@dataclass(frozen=True)
class DenseMotionConfig:
    """Sizes of the network; the defaults are SadTalker's.

    Attributes:
        keypoints: K.
        feature_channels: channels C of the feature volume.
        depth: its depth D.
        compressed: channels that the volume is compressed to before it is moved K + 1 times.
        width: channels of the hourglass's first block before its doubling.
        max_width: most channels of a block.
        blocks: halvings of the hourglass.
        kernel: side of the mask's and the occlusion's kernels.
        mask_floor: proposals weighing less are dropped, without making the others heavier; 0 keeps
            all of them.
    """

    keypoints: int = 15
    feature_channels: int = 32
    depth: int = 16
    compressed: int = 4
    width: int = 32
    max_width: int = 1024
    blocks: int = 5
    kernel: int = 7
    mask_floor: float = 1e-3

    @property
    def inputs(self) -> int:
        """Channels that go into the hourglass: a heatmap and a moved volume per proposal."""
        return (self.keypoints + 1) * (self.compressed + 1)

    @property
    def outputs(self) -> int:
        """Channels that come out of it."""
        return self.width + self.inputs

    def channels(self, level: int) -> int:
        """Channels of the hourglass after ``level`` halvings."""
        return min(self.max_width, self.width * 2**level)


class DenseMotionResult(NamedTuple):
    """What the network says about one batch.

    Attributes:
        deformation: (B, D, H, W, 3) xyz where each voxel comes from.
        occlusion: (B, 1, H, W), 1 where the moved source is right, 0 where it is hidden.
        mask: (B, K + 1, D, H, W) weight of each proposal, before small ones are dropped.
    """

    deformation: Tensor
    occlusion: Tensor
    mask: Tensor


class HourglassEncoder(nn.Module):
    """The way down; returns the input and the map after every block, largest first."""

    def __init__(self, config: DenseMotionConfig) -> None:
        super().__init__()
        self.down_blocks = nn.ModuleList(
            DownBlock3d(config.channels(i) if i else config.inputs, config.channels(i + 1))
            for i in range(config.blocks)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = [x]
        for block in self.down_blocks:
            levels.append(block(levels[-1]))
        return levels


class HourglassDecoder(nn.Module):
    """The way up; takes the encoder's maps, each joined to what comes up to its size."""

    def __init__(self, config: DenseMotionConfig) -> None:
        super().__init__()
        deepest = config.blocks
        self.up_blocks = nn.ModuleList(
            # Twice the channels but for the deepest: what came up and the skip.
            UpBlock3d((1 if i == deepest else 2) * config.channels(i), config.channels(i - 1))
            for i in range(deepest, 0, -1)
        )
        self.conv = nn.Conv3d(config.outputs, config.outputs, 3, padding=1)
        self.norm = nn.BatchNorm3d(config.outputs)

    def forward(self, levels: list[Tensor]) -> Tensor:
        out = levels[-1]
        for block, skip in zip(self.up_blocks, reversed(levels[:-1])):
            out = torch.cat([block(out), skip], 1)
        return F.relu(self.norm(self.conv(out)))


class Hourglass(nn.Module):
    """(B, inputs, D, H, W) to (B, outputs, D, H, W); H and W are multiples of 2**blocks."""

    def __init__(self, config: DenseMotionConfig) -> None:
        super().__init__()
        self.encoder = HourglassEncoder(config)
        self.decoder = HourglassDecoder(config)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class DenseMotionNetwork(nn.Module):
    """Feature volume and keypoints to a ``DenseMotionResult``.

    Call with volume (1 or B, C, D, H, W), kp_source (1 or B, K, 3), kp_driving (B, K, 3), xyz in
    [-1, 1].
    """

    def __init__(self, config: DenseMotionConfig | None = None) -> None:
        super().__init__()
        config = config or DenseMotionConfig()
        self.config = config
        pad = config.kernel // 2
        self.hourglass = Hourglass(config)
        self.mask = nn.Conv3d(config.outputs, config.keypoints + 1, config.kernel, padding=pad)
        self.compress = nn.Conv3d(config.feature_channels, config.compressed, 1)
        self.norm = nn.BatchNorm3d(config.compressed)
        flat = config.outputs * config.depth
        self.occlusion = nn.Conv2d(flat, 1, config.kernel, padding=pad)

    def compressed(self, volume: Tensor) -> Tensor:
        """The few channels of the feature volume that are moved to look at the proposals."""
        return F.relu(self.norm(self.compress(volume)))

    def forward(self, volume: Tensor, kp_source: Tensor, kp_driving: Tensor) -> DenseMotionResult:
        return self.flow(self.compressed(volume), kp_source, kp_driving)

    def flow(self, small: Tensor, kp_source: Tensor, kp_driving: Tensor) -> DenseMotionResult:
        """The result for a compressed volume (1 or B, c, D, H, W), made once a portrait."""
        size = (small.shape[2], small.shape[3], small.shape[4])
        motions = sparse_motions(size, kp_source, kp_driving)
        moved = deform_by_each(small, motions)
        heatmap = heatmap_change(size, kp_source, kp_driving)
        out = self.hourglass(torch.cat([heatmap, moved], 2).flatten(1, 2))
        mask = F.softmax(self.mask(out), 1)
        # Channel-major: the depth of a channel lies together.
        occlusion = torch.sigmoid(self.occlusion(out.flatten(1, 2)))
        return DenseMotionResult(combine(mask, motions, self.config.mask_floor), occlusion, mask)


def sparse_motions(size: tuple[int, int, int], kp_source: Tensor, kp_driving: Tensor) -> Tensor:
    """(B, K + 1, D, H, W, 3): where each proposal takes a voxel from; the first is "stay"."""
    grid = coordinate_grid(size, kp_driving)
    moved = grid - kp_driving[:, :, None, None, None] + kp_source[:, :, None, None, None]
    stay = grid.expand(moved.shape[0], 1, *grid.shape)
    return torch.cat([stay, moved], 1)


def sample_volume(volume: Tensor, positions: Tensor) -> Tensor:
    """(B, C, D, H, W): a volume (1 or B, ...) read at xyz positions (B, D, H, W, 3), zero outside.

    The positions are made for -1 and 1 at the centres of the outermost voxels and read as if at
    their outer faces. The published weights have learnt with this mismatch: it stays.
    """
    volume = volume.expand(positions.shape[0], *volume.shape[1:])
    return F.grid_sample(volume, positions, align_corners=False)


def deform_by_each(small: Tensor, motions: Tensor) -> Tensor:
    """(B, K + 1, C, D, H, W): the volume moved by every proposal."""
    batch, count = motions.shape[:2]
    copies = small.unsqueeze(1).expand(batch, count, *small.shape[1:])
    moved = sample_volume(copies.flatten(0, 1), motions.flatten(0, 1))
    return moved.unflatten(0, (batch, count))


def heatmap_change(size: tuple[int, int, int], kp_source: Tensor, kp_driving: Tensor) -> Tensor:
    """(B, K + 1, 1, D, H, W): Gaussian at the driving keypoint less that at the source's."""
    grid = coordinate_grid(size, kp_driving)
    change = _gaussians(grid, kp_driving) - _gaussians(grid, kp_source)
    background = torch.zeros_like(change[:, :1])
    return torch.cat([background, change], 1).unsqueeze(2)


def _gaussians(grid: Tensor, kp: Tensor) -> Tensor:
    apart = grid - kp[:, :, None, None, None]
    return torch.exp(-0.5 * (apart**2).sum(-1) / HEATMAP_VARIANCE)


def combine(mask: Tensor, motions: Tensor, floor: float) -> Tensor:
    """(B, D, H, W, 3): the proposals' mean under the mask, those below ``floor`` dropped."""
    kept = torch.where(mask < floor, torch.zeros_like(mask), mask) if floor else mask
    return (motions * kept.unsqueeze(-1)).sum(1)

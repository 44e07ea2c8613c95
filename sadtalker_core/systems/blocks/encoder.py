"""A picture to a feature volume: what dense motion bends and the decoder draws."""

from __future__ import annotations

from torch import Tensor, nn

from .layers import DownBlock2d, ResBlock3d, SameBlock2d


class VolumeEncoder(nn.Module):
    """(B, 3, S, S) pictures in [0, 1] to feature volumes (B, channels, depth, S/4, S/4).

    Args:
        width: channels of the first block; two halvings double it twice.
        channels: of the volume.
        depth: of the volume.
        resblocks: residual blocks on the volume.
    """

    def __init__(self, width: int, channels: int, depth: int, resblocks: int) -> None:
        super().__init__()
        self.depth = depth
        self.first = SameBlock2d(3, width)
        self.down_blocks = nn.ModuleList(
            [DownBlock2d(width, 2 * width), DownBlock2d(2 * width, 4 * width)]
        )
        self.second = nn.Conv2d(4 * width, channels * depth, 1)
        self.resblocks_3d = nn.Sequential()
        for i in range(resblocks):
            self.resblocks_3d.add_module(f"3dr{i}", ResBlock3d(channels))

    def encode(self, picture: Tensor) -> Tensor:
        """The feature volume of a picture."""
        x = self.first(picture)
        for block in self.down_blocks:
            x = block(x)
        x = self.second(x)
        return self.resblocks_3d(x.unflatten(1, (-1, self.depth)))

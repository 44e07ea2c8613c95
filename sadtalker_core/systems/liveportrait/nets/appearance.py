"""F, the appearance extractor: a portrait to a feature volume."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...blocks.encoder import VolumeEncoder


@dataclass(frozen=True)
class AppearanceConfig:
    """Sizes of F; the defaults are the published ones.

    Attributes:
        width: channels of the first block; two halvings double it twice.
        channels: of the feature volume.
        depth: of the feature volume.
        resblocks: residual blocks on the volume.
    """

    width: int = 64
    channels: int = 32
    depth: int = 16
    resblocks: int = 6


class AppearanceExtractor(VolumeEncoder):
    """(B, 3, 256, 256) RGB in [0, 1] to (B, 32, 16, 64, 64).

    Other sides work as well where they are multiples of 4.
    """

    def __init__(self, config: AppearanceConfig | None = None) -> None:
        config = config or AppearanceConfig()
        super().__init__(config.width, config.channels, config.depth, config.resblocks)
        self.config = config

    def forward(self, picture: Tensor) -> Tensor:
        return self.encode(picture)

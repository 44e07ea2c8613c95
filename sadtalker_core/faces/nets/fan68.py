"""FAN with 68 points: four stacked hourglasses (Bulat and Tzimiropoulos 2017).

The 2D landmark network of the package face-alignment, which VideoReTalking uses.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .fan import FanConfig, HourglassLevels, StackedHourglasses


@dataclass(frozen=True)
class Fan68Config(FanConfig):
    """Sizes, by default those of the published network."""


class PlainHourglass(HourglassLevels):
    """An hourglass that sees nothing but its input."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.add_levels(channels, depth)

    def forward(self, x: Tensor, heatmaps: Tensor | None = None) -> Tensor:
        """(B, C, H, W) -> the same shape; H and W are multiples of 2^depth."""
        return self.through_levels(x)


class Fan68(StackedHourglasses):
    """Heatmaps of 68 points; ``faces.landmarks68`` cuts the picture and reads them."""

    def __init__(self, config: Fan68Config | None = None) -> None:
        config = config or Fan68Config()
        super().__init__(
            config,
            config.points,
            lambda channels: nn.Conv2d(3, channels, 7, stride=2, padding=3),
            lambda _: PlainHourglass(config.channels, config.depth),
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, 256, 256) RGB in [0, 1] -> heatmaps (B, 68, 64, 64) of each stack; the last
        counts."""
        return self.heatmaps(image)

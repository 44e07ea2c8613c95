"""S and R: small networks that correct keypoints, for stitching and for eyes and lips."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class RetargetingConfig:
    """Sizes of one of them.

    Attributes:
        inputs: numbers that come in.
        hidden: sizes of the layers between.
        outputs: numbers that come out.
    """

    inputs: int = 126
    hidden: tuple[int, ...] = (128, 128, 64)
    outputs: int = 65


# The published sizes for K = 21: keypoints flat (3 K) and, in this order, the driving keypoints;
# three eye ratios; two lip ratios. Out come offsets of the keypoints, of stitching also x and y of
# the whole.
STITCHING = RetargetingConfig()
EYES = RetargetingConfig(66, (256, 256, 128, 128, 64), 63)
LIPS = RetargetingConfig(65, (128, 128, 64), 63)


class Retargeting(nn.Module):
    """(B, inputs) to (B, outputs): linear layers with ReLU between them."""

    def __init__(self, config: RetargetingConfig = STITCHING) -> None:
        super().__init__()
        self.config = config
        sizes = (config.inputs, *config.hidden, config.outputs)
        layers: list[nn.Module] = []
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.mlp = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)

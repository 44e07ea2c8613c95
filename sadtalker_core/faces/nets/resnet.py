"""ResNet-50's trunk, shared by the nets that stand on it (He et al. 2015; torchvision's v1.5).

Names and layout are torchvision's: the stride sits in the 3x3 convolution, convolutions have no
bias, the batch norms use their stored statistics.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

EXPANSION = 4


@dataclass(frozen=True)
class ResNetConfig:
    """Channels of the first stage's inner convolutions, and blocks of each stage."""

    width: int = 64
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)

    def channels(self, stage: int) -> int:
        """Output channels of stage 1 to 4."""
        return self.width * 2 ** (stage - 1) * EXPANSION


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """What makes a block's input fit its output, or None where it fits."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1, and a shortcut."""

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = width * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        skipped = x if self.downsample is None else self.downsample(x)
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + skipped)


class ResNetTrunk(nn.Module):
    """The four stages, without pooling and classifier."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        width = config.width
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        for stage, count in enumerate(config.blocks, 1):
            blocks = OrderedDict[str, nn.Module]()
            for i in range(count):
                stride = 2 if i == 0 and stage > 1 else 1
                blocks[str(i)] = Bottleneck(channels, width * 2 ** (stage - 1), stride)
                channels = config.channels(stage)
            setattr(self, f"layer{stage}", nn.Sequential(blocks))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, 3, H, W) -> the four stages' outputs at 1/4, 1/8, 1/16 and 1/32."""
        x = F.relu(self.bn1(self.conv1(image)))
        x = F.max_pool2d(x, 3, 2, 1)
        one = self.layer1(x)
        two = self.layer2(one)
        three = self.layer3(two)
        return one, two, three, self.layer4(three)

"""RetinaFace with a ResNet-50 trunk (Deng et al. 2019), as in facexlib and GPEN."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .resnet import ResNetConfig, ResNetTrunk

ANCHORS = 2  # of different sizes at each place


@dataclass(frozen=True)
class RetinaFaceConfig:
    """Trunk, and channels of the pyramid (a multiple of 4)."""

    trunk: ResNetConfig = ResNetConfig()
    channels: int = 256


def _conv_bn(in_channels: int, out_channels: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class FeaturePyramid(nn.Module):
    """Three maps of the same depth; each but the coarsest has taken in the next coarser one."""

    def __init__(self, in_channels: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        self.output1 = _conv_bn(in_channels[0], channels, 1)
        self.output2 = _conv_bn(in_channels[1], channels, 1)
        self.output3 = _conv_bn(in_channels[2], channels, 1)
        self.merge1 = _conv_bn(channels, channels)
        self.merge2 = _conv_bn(channels, channels)

    def forward(self, eight: Tensor, sixteen: Tensor, thirty_two: Tensor) -> tuple[Tensor, ...]:
        """Trunk stages at 1/8, 1/16, 1/32 -> pyramid maps at the same sizes."""
        three = F.relu(self.output3(thirty_two))
        two = F.relu(self.output2(sixteen))
        two = F.relu(self.merge2(two + F.interpolate(three, size=two.shape[2:], mode="nearest")))
        one = F.relu(self.output1(eight))
        one = F.relu(self.merge1(one + F.interpolate(two, size=one.shape[2:], mode="nearest")))
        return one, two, three


class ContextModule(nn.Module):
    """SSH's context: fields of 3, 5 and 7 pixels side by side (Najibi et al. 2017)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half, quarter = channels // 2, channels // 4
        self.conv3X3 = _conv_bn(channels, half)
        self.conv5X5_1 = _conv_bn(channels, quarter)
        self.conv5X5_2 = _conv_bn(quarter, quarter)
        self.conv7X7_2 = _conv_bn(quarter, quarter)
        self.conv7x7_3 = _conv_bn(quarter, quarter)

    def forward(self, x: Tensor) -> Tensor:
        shared = F.relu(self.conv5X5_1(x))
        seven = self.conv7x7_3(F.relu(self.conv7X7_2(shared)))
        return F.relu(torch.cat((self.conv3X3(x), self.conv5X5_2(shared), seven), 1))


class Head(nn.Module):
    """Numbers of each anchor from one map, anchors in the order row, column, size."""

    def __init__(self, channels: int, values: int) -> None:
        super().__init__()
        self.values = values
        self.conv1x1 = nn.Conv2d(channels, ANCHORS * values, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, h * w * 2, values)."""
        return self.conv1x1(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, self.values)


class RetinaFace(nn.Module):
    """Box, class and five points of every anchor; ``faces.retina`` decodes them."""

    def __init__(self, config: RetinaFaceConfig | None = None) -> None:
        super().__init__()
        config = config or RetinaFaceConfig()
        trunk, channels = config.trunk, config.channels
        self.body = ResNetTrunk(trunk)
        stages = (trunk.channels(2), trunk.channels(3), trunk.channels(4))
        self.fpn = FeaturePyramid(stages, channels)
        self.ssh1 = ContextModule(channels)
        self.ssh2 = ContextModule(channels)
        self.ssh3 = ContextModule(channels)
        self.ClassHead = nn.ModuleList(Head(channels, 2) for _ in range(3))
        self.BboxHead = nn.ModuleList(Head(channels, 4) for _ in range(3))
        self.LandmarkHead = nn.ModuleList(Head(channels, 10) for _ in range(3))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Raw numbers of the P anchors, those at 1/8 first.

        Args:
            image: (B, 3, H, W) BGR, 0 to 255 minus (104, 117, 123); any size.

        Returns:
            boxes (B, P, 4) and points (B, P, 10) relative to their anchors, and class logits
            (B, P, 2): background, face. In the order boxes, logits, points.
        """
        pyramid = self.fpn(*self.body(image)[1:])
        maps = [ssh(x) for ssh, x in zip((self.ssh1, self.ssh2, self.ssh3), pyramid)]
        boxes = torch.cat([head(x) for head, x in zip(self.BboxHead, maps)], 1)
        logits = torch.cat([head(x) for head, x in zip(self.ClassHead, maps)], 1)
        points = torch.cat([head(x) for head, x in zip(self.LandmarkHead, maps)], 1)
        return boxes, logits, points

"""BiSeNet on ResNet-18 (Yu et al. 2018): face parsing, facexlib's other choice.

Its 19 classes are CelebAMask-HQ's in another order than ParseNet's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...faces.nets.resnet import shortcut

MEAN = (0.485, 0.456, 0.406)
SPREAD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class BiSeNetConfig:
    """Channels of the trunk's first stage (a multiple of 4), and classes."""

    width: int = 64
    classes: int = 19


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, as in ResNet-18."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        skipped = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(skipped + out)


class Trunk(nn.Module):
    """ResNet-18's stages."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        for stage, stride in enumerate((1, 2, 2, 2), 1):
            out = width * 2 ** (stage - 1)
            blocks = (BasicBlock(channels, out, stride), BasicBlock(out, out, 1))
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            channels = out

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, H, W) -> features at 1/8, 1/16, 1/32."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(image))), 3, 2, 1)
        eight = self.layer2(self.layer1(x))
        sixteen = self.layer3(eight)
        return eight, sixteen, self.layer4(sixteen)


class ConvBNReLU(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, 1, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Attention(nn.Module):
    """Features times a number for each channel, read from their mean."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(in_channels, out_channels)
        self.conv_atten = nn.Conv2d(out_channels, out_channels, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x)
        mean = features.mean((2, 3), keepdim=True)
        return features * torch.sigmoid(self.bn_atten(self.conv_atten(mean)))


class ContextPath(nn.Module):
    """What is where: the deep features, carried up to 1/16 and 1/8."""

    def __init__(self, width: int) -> None:
        super().__init__()
        out = 2 * width
        self.resnet = Trunk(width)
        self.arm16 = Attention(4 * width, out)
        self.arm32 = Attention(8 * width, out)
        self.conv_head32 = ConvBNReLU(out, out)
        self.conv_head16 = ConvBNReLU(out, out)
        self.conv_avg = ConvBNReLU(8 * width, out, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, H, W) -> the trunk's features at 1/8, context at 1/8 and at 1/16."""
        eight, sixteen, thirty_two = self.resnet(image)
        mean = self.conv_avg(thirty_two.mean((2, 3), keepdim=True))
        x = _enlarged(self.arm32(thirty_two) + mean, sixteen)
        context16 = self.conv_head32(x)
        x = _enlarged(self.arm16(sixteen) + context16, eight)
        return eight, self.conv_head16(x), context16


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="nearest")


class FeatureFusion(nn.Module):
    """Detail and context joined."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convblk = ConvBNReLU(channels, channels, 1)
        self.conv1 = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(channels // 4, channels, 1, bias=False)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        x = self.convblk(torch.cat((detail, context), 1))
        mean = x.mean((2, 3), keepdim=True)
        return x + x * torch.sigmoid(self.conv2(F.relu(self.conv1(mean))))


class Head(nn.Module):
    """Class scores of a feature map."""

    def __init__(self, in_channels: int, channels: int, classes: int) -> None:
        super().__init__()
        self.conv = ConvBNReLU(in_channels, channels)
        self.conv_out = nn.Conv2d(channels, classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))


class BiSeNet(nn.Module):
    """Class scores of each pixel."""

    def __init__(self, config: BiSeNetConfig | None = None) -> None:
        super().__init__()
        config = config or BiSeNetConfig()
        width, classes = config.width, config.classes
        self.cp = ContextPath(width)
        self.ffm = FeatureFusion(4 * width)
        self.conv_out = Head(4 * width, 4 * width, classes)
        # Training judges these two as well.
        self.conv_out16 = Head(2 * width, width, classes)
        self.conv_out32 = Head(2 * width, width, classes)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1], minus ``MEAN``, over ``SPREAD`` -> (B, classes, H, W)."""
        detail, context, _ = self.cp(image)
        return enlarge_scores(self.conv_out(self.ffm(detail, context)), image)


def enlarge_scores(scores: Tensor, image: Tensor) -> Tensor:
    """Scores at the size of the picture; corner pixels keep their place."""
    return F.interpolate(scores, size=image.shape[2:], mode="bilinear", align_corners=True)

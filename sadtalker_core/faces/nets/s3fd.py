"""S3FD, the face detector of face-alignment, VideoReTalking and Wav2Lip (Zhang et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDES = (4, 8, 16, 32, 64, 128)
# Convolutions of each group of the VGG trunk, and its channels over ``width``.
_GROUPS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
_LEVELS = ("conv3_3_norm", "conv4_3_norm", "conv5_3_norm", "fc7", "conv6_2", "conv7_2")


@dataclass(frozen=True)
class S3fdConfig:
    """Channels of the first convolutions (a multiple of 2)."""

    width: int = 64


class ChannelNorm(nn.Module):
    """Every pixel's channels brought to length one, then weighted."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        length = x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10
        return x / length * self.weight[:, None, None]


class S3fd(nn.Module):
    """Class and box of every cell of six maps; ``faces.s3fd`` decodes them."""

    def __init__(self, config: S3fdConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or S3fdConfig()
        width, channels = config.width, 3
        for group, (count, factor) in enumerate(_GROUPS, 1):
            for number in range(1, count + 1):
                conv = nn.Conv2d(channels, factor * width, 3, padding=1)
                setattr(self, f"conv{group}_{number}", conv)
                channels = factor * width
        wide = 16 * width
        self.fc6 = nn.Conv2d(channels, wide, 3, padding=3)
        self.fc7 = nn.Conv2d(wide, wide, 1)
        self.conv6_1 = nn.Conv2d(wide, 4 * width, 1)
        self.conv6_2 = nn.Conv2d(4 * width, 8 * width, 3, stride=2, padding=1)
        self.conv7_1 = nn.Conv2d(8 * width, 2 * width, 1)
        self.conv7_2 = nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1)
        self.conv3_3_norm = ChannelNorm(4 * width)
        self.conv4_3_norm = ChannelNorm(8 * width)
        self.conv5_3_norm = ChannelNorm(8 * width)
        for level, factor in zip(_LEVELS, (4, 8, 8, 16, 8, 4)):
            # three kinds of background compete in the finest map
            classes = 4 if level == _LEVELS[0] else 2
            setattr(self, f"{level}_mbox_conf", nn.Conv2d(factor * width, classes, 3, padding=1))
            setattr(self, f"{level}_mbox_loc", nn.Conv2d(factor * width, 4, 3, padding=1))

    def features(self, image: Tensor) -> list[Tensor]:
        """The six maps that are looked at, (B, C, h, w), the finest first."""
        x, found = image, []
        for group, (count, _) in enumerate(_GROUPS, 1):
            for number in range(1, count + 1):
                x = F.relu(getattr(self, f"conv{group}_{number}")(x))
            if group >= 3:
                found.append(getattr(self, f"conv{group}_3_norm")(x))
            x = F.max_pool2d(x, 2, 2)
        x = F.relu(self.fc7(F.relu(self.fc6(x))))
        found.append(x)
        x = F.relu(self.conv6_2(F.relu(self.conv6_1(x))))
        found.append(x)
        found.append(F.relu(self.conv7_2(F.relu(self.conv7_1(x)))))
        return found

    def forward(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Raw numbers of each cell, for strides 4, 8, ... 128.

        Args:
            image: (B, 3, H, W), 0 to 255 minus (104, 117, 123); any size.

        Returns:
            Six pairs: class logits (B, 2, h, w), background and face, and boxes (B, 4, h, w)
            relative to their anchors.
        """
        found: list[tuple[Tensor, Tensor]] = []
        for level, x in zip(_LEVELS, self.features(image)):
            logits = getattr(self, f"{level}_mbox_conf")(x)
            if logits.shape[1] > 2:
                background = logits[:, :-1].amax(1, keepdim=True)
                logits = torch.cat((background, logits[:, -1:]), 1)
            found.append((logits, getattr(self, f"{level}_mbox_loc")(x)))
        return found

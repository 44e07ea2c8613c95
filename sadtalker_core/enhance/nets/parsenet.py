"""ParseNet: which part of a face each pixel belongs to (Chen et al. 2021, PSFRGAN; facexlib, GPEN).

Classes: 0 background, 1 skin, 2 nose, 3 glasses, 4 left eye, 5 right eye, 6 left brow, 7 right
brow, 8 left ear, 9 right ear, 10 mouth, 11 upper lip, 12 lower lip, 13 hair, 14 hat, 15 earring,
16 necklace, 17 neck, 18 cloth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 19


@dataclass(frozen=True)
class ParseNetConfig:
    """Channels of the encoder's five maps, from the whole size down; blocks in the middle."""

    channels: tuple[int, ...] = (64, 128, 256, 256, 256)
    blocks: int = 10
    classes: int = CLASSES


class _Norm(nn.Module):
    """A batch norm under the name that the file has for it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


class MirroredConv(nn.Module):
    """3x3 convolution that sees the picture mirrored beyond its border."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: float = 1,
        *,
        normed: bool = False,
        active: bool = False,
    ) -> None:
        super().__init__()
        self.scale, self.active = scale, active
        stride = 2 if scale < 1 else 1
        self.conv2d = nn.Conv2d(in_channels, out_channels, 3, stride, bias=not normed)
        self.norm = _Norm(out_channels) if normed else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H * scale, W * scale)."""
        if self.scale > 1:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = self.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"))
        if self.norm is not None:
            x = self.norm(x)
        return F.leaky_relu(x, 0.2) if self.active else x


class ParseBlock(nn.Module):
    """Two convolutions and a shortcut; no activation after the sum."""

    def __init__(self, in_channels: int, out_channels: int, scale: float = 1) -> None:
        super().__init__()
        self.shortcut_func = None
        if scale != 1 or in_channels != out_channels:
            self.shortcut_func = MirroredConv(in_channels, out_channels, scale)
        self.conv1 = MirroredConv(
            in_channels, out_channels, max(scale, 1), normed=True, active=True
        )
        self.conv2 = MirroredConv(out_channels, out_channels, min(scale, 1), normed=True)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.shortcut_func is None else self.shortcut_func(x)
        return shortcut + self.conv2(self.conv1(x))


class ParseNet(nn.Module):
    """Class scores of each pixel, and a restored face that nothing uses."""

    def __init__(self, config: ParseNetConfig | None = None) -> None:
        super().__init__()
        config = config or ParseNetConfig()
        channels = config.channels
        self.encoder = nn.Sequential(
            MirroredConv(3, channels[0]),
            *(ParseBlock(a, b, 0.5) for a, b in zip(channels, channels[1:])),
        )
        self.body = nn.Sequential(
            *(ParseBlock(channels[-1], channels[-1]) for _ in range(config.blocks))
        )
        rising = channels[::-1]
        self.decoder = nn.Sequential(*(ParseBlock(a, b, 2) for a, b in zip(rising, rising[1:])))
        self.out_img_conv = MirroredConv(channels[0], 3)
        self.out_mask_conv = MirroredConv(channels[0], config.classes)

    def features(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H, W), from which both heads read."""
        encoded = self.encoder(image)
        return self.decoder(encoded + self.body(encoded))

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in [-1, 1], H and W multiples of 16 -> scores (B, classes, H, W)."""
        return self.out_mask_conv(self.features(image))


def is_class(scores: Tensor, classes: Sequence[int]) -> Tensor:
    """(B, H, W) bool: the pixels whose best class of ``scores`` (B, C, H, W) is one of these."""
    best = scores.argmax(1)
    found = best == classes[0]
    for number in classes[1:]:
        found = found | (best == number)
    return found

"""M, the motion extractor: a face to keypoints, head pose and expression (ConvNeXt V2).

"ConvNeXt V2" (Woo 2023) with seven linear heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-6  # of the norms


@dataclass(frozen=True)
class MotionExtractorConfig:
    """Sizes of M; the defaults are the published ones (ConvNeXt V2 tiny).

    Attributes:
        depths: blocks of each stage.
        widths: channels of each stage.
        keypoints: K.
        bins: of each head angle.
    """

    depths: tuple[int, ...] = (3, 3, 9, 3)
    widths: tuple[int, ...] = (96, 192, 384, 768)
    keypoints: int = 21
    bins: int = 66


class MotionLogits(NamedTuple):
    """What the heads say about B faces.

    Attributes:
        pitch: (B, bins) logits of the angle's bins, as are yaw and roll.
        yaw: see pitch.
        roll: see pitch.
        translation: (B, 3).
        expression: (B, 3 K) offsets of the keypoints, xyz of each together.
        scale: (B, 1).
        keypoints: (B, 3 K) canonical keypoints, xyz of each together.
    """

    pitch: Tensor
    yaw: Tensor
    roll: Tensor
    translation: Tensor
    expression: Tensor
    scale: Tensor
    keypoints: Tensor


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a map (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPS)

    def forward(self, input: Tensor) -> Tensor:  # named as torch does
        return super().forward(input.movedim(1, -1)).movedim(-1, 1)


class ResponseNorm(nn.Module):
    """Global response norm of maps (B, H, W, C): each channel against the others' strength."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, 1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        strength = x.square().sum((1, 2), keepdim=True).sqrt()
        relative = strength / (strength.mean(-1, keepdim=True) + EPS)
        return self.gamma * (x * relative) + self.beta + x


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution 7x7, then two linear layers at every pixel, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.grn = ResponseNorm(4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm(self.dwconv(x).movedim(1, -1))
        out = self.pwconv2(self.grn(F.gelu(self.pwconv1(out))))
        return x + out.movedim(-1, 1)


class ConvNeXtHeads(nn.Module):
    """The trunk and its heads, under the names of the checkpoint."""

    def __init__(self, config: MotionExtractorConfig) -> None:
        super().__init__()
        widths = config.widths
        stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0]))
        halvings = [
            nn.Sequential(ChannelNorm(a), nn.Conv2d(a, b, 2, 2)) for a, b in zip(widths, widths[1:])
        ]
        self.downsample_layers = nn.ModuleList([stem, *halvings])
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth)))
            for width, depth in zip(widths, config.depths)
        )
        last = widths[-1]
        self.norm = nn.LayerNorm(last, eps=EPS)
        self.fc_kp = nn.Linear(last, 3 * config.keypoints)
        self.fc_scale = nn.Linear(last, 1)
        self.fc_pitch = nn.Linear(last, config.bins)
        self.fc_yaw = nn.Linear(last, config.bins)
        self.fc_roll = nn.Linear(last, config.bins)
        self.fc_t = nn.Linear(last, 3)
        self.fc_exp = nn.Linear(last, 3 * config.keypoints)

    def forward(self, picture: Tensor) -> MotionLogits:
        x = picture
        for down, stage in zip(self.downsample_layers, self.stages):
            x = stage(down(x))
        x = self.norm(x.mean((2, 3)))
        return MotionLogits(
            pitch=self.fc_pitch(x),
            yaw=self.fc_yaw(x),
            roll=self.fc_roll(x),
            translation=self.fc_t(x),
            expression=self.fc_exp(x),
            scale=self.fc_scale(x),
            keypoints=self.fc_kp(x),
        )


class MotionExtractor(nn.Module):
    """(B, 3, 256, 256) RGB in [0, 1] to ``MotionLogits``."""

    def __init__(self, config: MotionExtractorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MotionExtractorConfig()
        self.detector = ConvNeXtHeads(config)

    def forward(self, picture: Tensor) -> MotionLogits:
        return self.detector(picture)

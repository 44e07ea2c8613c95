"""GFPGAN in its clean form (Wang et al. 2021): versions 1.2, 1.3 and 1.4 of the published weights.

A U-Net looks at the degraded face; its deepest features become the styles of a StyleGAN2, and its
decoder's features scale and shift half of the StyleGAN2's channels at every size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .styled import ConstantInput, NoiseMaps, NormStyleCode, ResBlock, StyleConv, ToRGB


@dataclass(frozen=True)
class GfpganConfig:
    """Sizes of the network.

    Attributes:
        size: side of the face picture, a power of two.
        style: length of a style.
        mlp: layers of the mapping that the file has and nothing uses.
        channels: of the generator at 4, 8, ... ``size`` pixels.
        unet: of the U-Net at ``size``, ``size / 2``, ... 4 pixels.
    """

    size: int = 512
    style: int = 512
    mlp: int = 8
    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64)
    unet: tuple[int, ...] = (32, 64, 128, 256, 256, 256, 256, 256)

    @property
    def levels(self) -> int:
        """Doublings from 4 pixels to ``size``."""
        return int(math.log2(self.size)) - 2


@dataclass(frozen=True)
class GfpganTrace:
    """What the goldens look at inside: features of the U-Net, styles, conditions, colours."""

    image: Tensor
    down: list[Tensor]
    encoded: Tensor
    latents: Tensor
    up: list[Tensor]
    scales: list[Tensor]
    shifts: list[Tensor]
    convs: list[Tensor]
    colours: list[Tensor]


class StyleGenerator(nn.Module):
    """StyleGAN2's generator without its own mapping; half of its channels are conditioned."""

    def __init__(self, config: GfpganConfig) -> None:
        super().__init__()
        style, channels = config.style, config.channels
        layers: list[nn.Module] = [NormStyleCode()]
        for _ in range(config.mlp):
            layers += [nn.Linear(style, style), nn.LeakyReLU(0.2)]
        self.style_mlp = nn.Sequential(*layers)  # in the file; the styles come from the U-Net
        self.constant_input = ConstantInput(channels[0])
        self.style_conv1 = StyleConv(channels[0], channels[0], style)
        self.to_rgb1 = ToRGB(channels[0], style)
        self.style_convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        self.noises = NoiseMaps(config.levels)
        for before, after in zip(channels, channels[1:]):
            self.style_convs.append(StyleConv(before, after, style, upsamples=True))
            self.style_convs.append(StyleConv(after, after, style))
            self.to_rgbs.append(ToRGB(after, style))

    def forward(
        self, styles: Tensor, scales: list[Tensor], shifts: list[Tensor]
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Styles (B, 2 * levels + 2, S) and one scale and shift a level -> picture; traces."""
        start = self.constant_input.weight.expand(styles.shape[0], -1, -1, -1)
        x = self.style_conv1(start, styles[:, 0], self.noises.of(0))
        convs, colours = [x], [self.to_rgb1(x, styles[:, 1])]
        for level, to_rgb in enumerate(self.to_rgbs):
            place = 2 * level
            first, second = self.style_convs[place], self.style_convs[place + 1]
            x = first(x, styles[:, place + 1], self.noises.of(place + 1))
            convs.append(x)
            same, changed = x.split(x.shape[1] // 2, 1)
            x = torch.cat((same, changed * scales[level] + shifts[level]), 1)
            x = second(x, styles[:, place + 2], self.noises.of(place + 2))
            convs.append(x)
            colours.append(to_rgb(x, styles[:, place + 3], colours[-1]))
        return colours[-1], convs, colours


class Gfpgan(nn.Module):
    """A degraded face to a restored one."""

    def __init__(self, config: GfpganConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GfpganConfig()
        unet, channels = config.unet, config.channels
        levels = range(config.levels)
        self.conv_body_first = nn.Conv2d(3, unet[0], 1)
        self.conv_body_down = nn.ModuleList(ResBlock(unet[i], unet[i + 1], 0.5) for i in levels)
        self.final_conv = nn.Conv2d(unet[-1], unet[-1], 3, 1, 1)
        rising = unet[::-1]
        self.conv_body_up = nn.ModuleList(ResBlock(rising[i], rising[i + 1], 2) for i in levels)
        # Colours of the U-Net: only training looks at them.
        self.toRGB = nn.ModuleList(nn.Conv2d(rising[i + 1], 3, 1) for i in levels)
        self.final_linear = nn.Linear(unet[-1] * 16, (2 * config.levels + 2) * config.style)
        self.stylegan_decoder = StyleGenerator(config)
        self.condition_scale = nn.ModuleList(
            _condition(rising[i + 1], channels[i + 1] // 2) for i in levels
        )
        self.condition_shift = nn.ModuleList(
            _condition(rising[i + 1], channels[i + 1] // 2) for i in levels
        )

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, size, size) RGB in [-1, 1] -> the same, not clamped."""
        return self.trace(image).image

    def trace(self, image: Tensor) -> GfpganTrace:
        """``forward`` with what is inside. Uses the noise maps of the file."""
        x = F.leaky_relu(self.conv_body_first(image), 0.2)
        down: list[Tensor] = []
        for block in self.conv_body_down:
            x = block(x)
            down.append(x)
        encoded = x = F.leaky_relu(self.final_conv(x), 0.2)
        latents = self.final_linear(x.flatten(1)).view(x.shape[0], -1, self.config.style)
        up: list[Tensor] = []
        scales: list[Tensor] = []
        shifts: list[Tensor] = []
        conditions = zip(self.conv_body_up, self.condition_scale, self.condition_shift)
        for skip, (block, scale, shift) in zip(down[::-1], conditions):
            x = block(x + skip)
            up.append(x)
            scales.append(scale(x))
            shifts.append(shift(x))
        picture, convs, colours = self.stylegan_decoder(latents, scales, shifts)
        return GfpganTrace(picture, down, encoded, latents, up, scales, shifts, convs, colours)


def _condition(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, 3, 1, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(in_channels, out_channels, 3, 1, 1),
    )

"""GFPGAN for inference: the numbers of ``nets.gfpgan`` with fewer passes over its large maps."""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets.gfpgan import Gfpgan
from ..nets.styled import ResBlock, StyleConv, ToRGB
from .layers import SLOPE, LeanConv, LeanModulated, channels_last, enlarged, leaky, parameter


class FastGfpgan(nn.Module):
    """(B, 3, size, size) RGB in [-1, 1] to the same, not clamped."""

    def __init__(self, plain: Gfpgan, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config = plain.config
        size, decoder = plain.config.size, plain.stylegan_decoder
        self.first = _conv(plain.conv_body_first, torch.float32, size)
        self.down = nn.ModuleList(
            _ResBlock(cast(ResBlock, block), dtype, size >> level)
            for level, block in enumerate(plain.conv_body_down)
        )
        self.last = _conv(plain.final_conv, dtype, 4)
        self.codes = plain.final_linear
        sides = [8 << level for level in range(plain.config.levels)]
        self.up = nn.ModuleList(
            _ResBlock(cast(ResBlock, block), dtype, side // 2)
            for block, side in zip(plain.conv_body_up, sides)
        )
        self.scales = _conditions(plain.condition_scale, dtype, sides)
        self.shifts = _conditions(plain.condition_shift, dtype, sides)
        self.start = parameter(decoder.constant_input.weight)
        convs = [decoder.style_conv1, *decoder.style_convs]
        self.convs = nn.ModuleList(
            _StyleConv(cast(StyleConv, conv), decoder.noises.of(number), dtype)
            for number, conv in enumerate(convs)
        )
        colours = [decoder.to_rgb1, *decoder.to_rgbs]
        self.colours = nn.ModuleList(_ToRGB(cast(ToRGB, each)) for each in colours)

    def forward(self, image: Tensor) -> Tensor:
        x = leaky(self.first(channels_last(image)))
        skips: list[Tensor] = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        x = leaky(self.last(x))
        codes = self.codes(x.flatten(1)).view(len(x), -1, self.config.style)
        drawn = self.convs[0](self.start.expand(len(x), -1, -1, -1), codes[:, 0])
        colours = self.colours[0](drawn, codes[:, 1], None)
        for level, (block, scale, shift) in enumerate(zip(self.up, self.scales, self.shifts)):
            x = block(x + skips.pop())
            place = 2 * level + 1
            drawn = self.convs[place](drawn, codes[:, place])
            changed = drawn[:, drawn.shape[1] // 2 :]
            changed.mul_(scale(x)).add_(shift(x))
            drawn = self.convs[place + 1](drawn, codes[:, place + 1])
            colours = self.colours[level + 1](drawn, codes[:, place + 2], colours)
        return colours


def _conv(plain: nn.Conv2d, dtype: torch.dtype, side: int) -> LeanConv:
    return LeanConv(plain.weight, plain.bias, dtype, side=side)


def _conditions(plain: nn.ModuleList, dtype: torch.dtype, sides: list[int]) -> nn.ModuleList:
    """A scale or shift of each level."""
    made: list[nn.Module] = []
    for each, side in zip(plain, sides):
        first, _, second = cast(nn.Sequential, each)
        a, b = (_conv(cast(nn.Conv2d, conv), dtype, side) for conv in (first, second))
        made.append(nn.Sequential(a, nn.LeakyReLU(SLOPE, inplace=True), b))
    return nn.ModuleList(made)


class _ResBlock(nn.Module):
    """``styled.ResBlock`` that gets maps of ``side`` pixels."""

    def __init__(self, plain: ResBlock, dtype: torch.dtype, side: int) -> None:
        super().__init__()
        self.doubles = plain.scale > 1
        self.conv1 = _conv(plain.conv1, dtype, side)
        self.conv2 = _conv(plain.conv2, dtype, int(side * plain.scale))
        self.skip = _conv(plain.skip, dtype, side)

    def forward(self, x: Tensor) -> Tensor:
        out = leaky(self.conv1(x))
        if self.doubles:
            return leaky(self.conv2(enlarged(out))).add_(enlarged(self.skip(x)))
        # bilinear to half the size is the mean of 2x2
        out = leaky(self.conv2(F.avg_pool2d(out, 2)))
        return out.add_(self.skip(F.avg_pool2d(x, 2)))


class _StyleConv(nn.Module):
    """``styled.StyleConv`` with its noise scaled once."""

    def __init__(self, plain: StyleConv, noise: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        conv = plain.modulated_conv
        self.upsamples = conv.upsamples
        self.conv = LeanModulated(
            conv.weight[0],
            conv.modulation,
            plain.bias.flatten(),
            dtype,
            gain=math.sqrt(2),
            side=noise.shape[-1],
        )
        self.noise = parameter(plain.weight * noise)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        x = self.conv(enlarged(x) if self.upsamples else x, style)
        return leaky(x.add_(self.noise))


class _ToRGB(nn.Module):
    """``styled.ToRGB``; so few products that they stay in float32."""

    def __init__(self, plain: ToRGB) -> None:
        super().__init__()
        conv = plain.modulated_conv
        self.conv = LeanModulated(
            conv.weight[0], conv.modulation, plain.bias.flatten(), demodulates=False
        )

    def forward(self, x: Tensor, style: Tensor, skip: Tensor | None) -> Tensor:
        out = self.conv(x, style)
        return out if skip is None else out.add_(enlarged(skip))

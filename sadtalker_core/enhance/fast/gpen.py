"""GPEN for inference: the numbers of ``nets.gpen`` with fewer passes over its large maps."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn

from ..nets.gpen import EqualConv, EqualLinear, FusedLeakyReLU, Gpen, StyledConv, ToRGB
from .layers import LeanConv, LeanDoubling, LeanModulated, channels_last, leaky, parameter

_GAIN = math.sqrt(2)  # of StyleGAN2's activation


class FastGpen(nn.Module):
    """(B, 3, size, size) RGB in [-1, 1] to the same, not clamped."""

    def __init__(self, plain: Gpen, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config = plain.config
        generator = plain.generator
        first = cast(nn.Sequential, plain.ecd0[0])
        self.first = _active(
            cast(EqualConv, first[0]), cast(FusedLeakyReLU, first[1]), torch.float32
        )
        self.down = nn.ModuleList(
            _Shrinking(getattr(plain, f"ecd{number}")[0], dtype)
            for number in range(1, plain.stages)
        )
        self.codes, self.style = plain.final_linear, generator.style
        self.start = parameter(generator.input.input)
        sides = [4, *(8 << (number // 2) for number in range(len(generator.convs)))]
        self.convs = nn.ModuleList(
            _StyledConv(cast(StyledConv, conv), dtype, side)
            for conv, side in zip((generator.conv1, *generator.convs), sides)
        )
        self.colours = nn.ModuleList(
            _ToRGB(cast(ToRGB, each)) for each in (generator.to_rgb1, *generator.to_rgbs)
        )

    def forward(self, image: Tensor) -> Tensor:
        x = leaky(self.first(channels_last(image)))
        maps = [x]
        for block in self.down:
            x = block(x)
            maps.append(x)
        style = self.style(self.codes(x.flatten(1)))
        x = self.convs[0](self.start.expand(len(x), -1, -1, -1), style, maps.pop())
        colours = self.colours[0](x, style, None)
        for level, colour in enumerate(list(self.colours)[1:]):
            beside = maps.pop()
            for conv in (self.convs[2 * level + 1], self.convs[2 * level + 2]):
                x = conv(x, style, beside)
            colours = colour(x, style, colours)
        return colours


def _active(conv: EqualConv, activation: FusedLeakyReLU, dtype: torch.dtype) -> LeanConv:
    """The convolution with bias and gain of the activation after it."""
    weight = conv.weight.detach() * (conv.scale * _GAIN)
    bias = activation.bias.detach() * _GAIN
    return LeanConv(weight, bias, dtype, stride=conv.stride, padding=0)


class _Shrinking(nn.Module):
    """Half the size."""

    def __init__(self, plain: nn.Sequential, dtype: torch.dtype) -> None:
        super().__init__()
        self.blur = plain[0]
        self.conv = _active(cast(EqualConv, plain[1]), cast(FusedLeakyReLU, plain[2]), dtype)

    def forward(self, x: Tensor) -> Tensor:
        return leaky(self.conv(self.blur(x)))


class _StyledConv(nn.Module):
    """``gpen.StyledConv``: gain and bias of the activation in the products."""

    def __init__(self, plain: StyledConv, dtype: torch.dtype, side: int) -> None:
        super().__init__()
        conv = plain.conv
        weight = conv.weight[0].detach() * conv.scale
        channels = len(weight)
        bias = plain.activate.bias.detach() * _GAIN
        self.blur = conv.blur
        modulation = _linear(conv.modulation)
        self.conv: LeanModulated
        if conv.blur is None:
            inside = bias[:channels]
            self.conv = LeanModulated(weight, modulation, inside, dtype, gain=_GAIN, side=side)
        else:  # the bias comes after the blur, which mixes in the border's zeros
            none = torch.zeros_like(bias[:channels])
            self.conv = LeanDoubling(weight, modulation, none, dtype, gain=_GAIN)
        self.strength = parameter(plain.noise.weight * _GAIN)
        self.drawn_bias, self.beside_bias = (parameter(part) for part in bias.split(channels))

    def forward(self, x: Tensor, style: Tensor, beside: Tensor) -> Tensor:
        x = self.conv(x, style)
        channels = x.shape[1]
        size = (len(x), *beside.shape[2:], 2 * channels)
        both = x.new_empty(size).movedim(-1, 1)
        if self.blur is None:
            both[:, :channels] = x
        else:
            blurred = self.blur(x)
            torch.add(blurred, self.drawn_bias[:, None, None], out=both[:, :channels])
        bias = self.beside_bias[:, None, None]
        torch.addcmul(bias, beside, self.strength, out=both[:, channels:])
        return leaky(both)


class _ToRGB(nn.Module):
    """``gpen.ToRGB``; so few products that they stay in float32."""

    def __init__(self, plain: ToRGB) -> None:
        super().__init__()
        conv = plain.conv
        self.upsample = plain.upsample
        weight = conv.weight[0].detach() * conv.scale
        bias = plain.bias.flatten()
        self.conv = LeanModulated(weight, _linear(conv.modulation), bias, demodulates=False)

    def forward(self, x: Tensor, style: Tensor, skip: Tensor | None) -> Tensor:
        out = self.conv(x, style)
        return out if skip is None or self.upsample is None else out.add_(self.upsample(skip))


def _linear(plain: EqualLinear) -> nn.Linear:
    made = nn.Linear(plain.weight.shape[1], plain.weight.shape[0])
    made.weight = parameter(plain.weight * plain.scale)
    made.bias = parameter(plain.bias * plain.rate)
    return made

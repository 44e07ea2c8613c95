"""GPEN (Yang et al. 2021): a StyleGAN2 whose noise maps are the features of the degraded face.

Equalised layers: weights are kept with a spread of 1 and scaled by 1 / sqrt(fan in) when used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fir import fused_leaky_relu, upfirdn2d

_TINY = 1e-8
_MAPPING_RATE = 0.01  # StyleGAN2's learning rate of the mapping: part of its weights' scale


@dataclass(frozen=True)
class GpenConfig:
    """Sizes of the network.

    Attributes:
        style: length of a style.
        mlp: layers of the mapping.
        channels: at 4, 8, ... pixels up to the side of the picture.
    """

    style: int = 512
    mlp: int = 8
    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64)

    @property
    def size(self) -> int:
        """Side of the face picture, pixels."""
        return 4 * 2 ** (len(self.channels) - 1)


@dataclass(frozen=True)
class GpenTrace:
    """What the goldens look at inside."""

    image: Tensor
    encoded: list[Tensor]
    code: Tensor
    latent: Tensor
    convs: list[Tensor]
    colours: list[Tensor]


class EqualLinear(nn.Module):
    """Linear layer of an equalised weight, optionally with StyleGAN2's activation."""

    def __init__(
        self, in_features: int, out_features: int, rate: float = 1, *, active: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / rate)
        self.bias = nn.Parameter(torch.zeros(out_features))
        self.scale, self.rate, self.active = rate / math.sqrt(in_features), rate, active

    def forward(self, x: Tensor) -> Tensor:
        """(B, F) -> (B, F')."""
        if self.active:
            return fused_leaky_relu(F.linear(x, self.weight * self.scale), self.bias * self.rate)
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class FusedLeakyReLU(nn.Module):
    """Bias and activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return fused_leaky_relu(x, self.bias)


class Filter(nn.Module):
    """The kernel of a blur, kept in the file, and where it pads or how it enlarges."""

    def __init__(self, pad: tuple[int, int], up: int = 1, gain: float = 1) -> None:
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("kernel", torch.outer(row, row) / 64 * gain)
        self.pad, self.up = pad, up

    def forward(self, x: Tensor) -> Tensor:
        return upfirdn2d(x, self.get_buffer("kernel"), self.up, 1, self.pad)


class EqualConv(nn.Module):
    """Convolution of an equalised weight, without bias."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel, kernel))
        self.scale, self.stride = 1 / math.sqrt(in_channels * kernel**2), stride

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, stride=self.stride)


def _shrinking(in_channels: int, out_channels: int) -> nn.Sequential:
    """Half the size: blur, convolution with stride 2, activation. The file has it in a list."""
    conv = EqualConv(in_channels, out_channels, 3, 2)
    return nn.Sequential(nn.Sequential(Filter((2, 2)), conv, FusedLeakyReLU(out_channels)))


class ModulatedConv(nn.Module):
    """Convolution whose weights a style scales; doubles the size by transposing, then blurs."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, style: int, *, upsamples: bool
    ) -> None:
        super().__init__()
        self.blur = Filter((1, 1), gain=4) if upsamples else None
        self.scale = 1 / math.sqrt(in_channels * kernel**2)
        self.weight = nn.Parameter(torch.randn(1, out_channels, in_channels, kernel, kernel))
        self.modulation = EqualLinear(style, in_channels)
        self.demodulates = kernel > 1  # colours are not

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, C, H, W) and (B, S) -> (B, C', H, W), or twice the size."""
        factors = self.modulation(style)
        kernel = self.weight[0] * self.scale
        x = x * factors[:, :, None, None]
        if self.blur is None:
            x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        else:
            x = F.conv_transpose2d(x, kernel.transpose(0, 1), stride=2)
        if self.demodulates:  # each channel's scale may come before the blur of it
            lengths = F.linear(factors.square(), kernel.square().sum((2, 3)))
            x = x * torch.rsqrt(lengths + _TINY)[:, :, None, None]
        return x if self.blur is None else self.blur(x)


class NoiseStrength(nn.Module):
    """How much of the encoder's map is laid beside the features."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class StyledConv(nn.Module):
    """Modulated convolution, the encoder's map beside it, bias and activation over both."""

    def __init__(self, in_channels: int, out_channels: int, style: int, *, upsamples: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(in_channels, out_channels, 3, style, upsamples=upsamples)
        self.noise = NoiseStrength()
        self.activate = FusedLeakyReLU(2 * out_channels)

    def forward(self, x: Tensor, style: Tensor, beside: Tensor) -> Tensor:
        """(B, C, H, W), (B, S), (B, C', H', W') -> (B, 2 * C', H', W')."""
        x = self.conv(x, style)
        return self.activate(torch.cat((x, self.noise.weight * beside), 1))


class ToRGB(nn.Module):
    """Colours of a feature map, added to the enlarged colours of the level below."""

    def __init__(self, in_channels: int, style: int, *, upsamples: bool) -> None:
        super().__init__()
        self.upsample = Filter((2, 1), up=2, gain=4) if upsamples else None
        self.conv = ModulatedConv(in_channels, 3, 1, style, upsamples=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, style: Tensor, skip: Tensor | None = None) -> Tensor:
        """(B, C, H, W), (B, S) and (B, 3, H / 2, W / 2) -> (B, 3, H, W)."""
        out = self.conv(x, style) + self.bias
        if self.upsample is None or skip is None:
            return out
        return out + self.upsample(skip)


class PixelNorm(nn.Module):
    """Scales codes to a mean square of 1."""

    def forward(self, code: Tensor) -> Tensor:
        return code * torch.rsqrt(code.square().mean(1, keepdim=True) + _TINY)


class _Start(nn.Module):
    """The learnt map that every picture starts from, under the file's name for it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))


class Generator(nn.Module):
    """The StyleGAN2 inside."""

    def __init__(self, config: GpenConfig) -> None:
        super().__init__()
        style, channels = config.style, config.channels
        mapping = (EqualLinear(style, style, _MAPPING_RATE, active=True) for _ in range(config.mlp))
        self.style = nn.Sequential(PixelNorm(), *mapping)
        self.input = _Start(channels[0])
        self.conv1 = StyledConv(channels[0], channels[0], style, upsamples=False)
        self.to_rgb1 = ToRGB(2 * channels[0], style, upsamples=False)
        self.convs = nn.ModuleList()
        self.to_rgbs = nn.ModuleList()
        for before, after in zip(channels, channels[1:]):
            self.convs.append(StyledConv(2 * before, after, style, upsamples=True))
            self.convs.append(StyledConv(2 * after, after, style, upsamples=False))
            self.to_rgbs.append(ToRGB(2 * after, style, upsamples=True))

    def forward(self, style: Tensor, maps: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Style (B, S) and the encoder's maps, the smallest first -> features and colours."""
        x = self.input.input.expand(style.shape[0], -1, -1, -1)
        x = self.conv1(x, style, maps[0])
        convs, colours = [x], [self.to_rgb1(x, style)]
        for level, to_rgb in enumerate(self.to_rgbs):
            for conv in (self.convs[2 * level], self.convs[2 * level + 1]):
                x = conv(x, style, maps[level + 1])
                convs.append(x)
            colours.append(to_rgb(x, style, colours[-1]))
        return convs, colours


class Gpen(nn.Module):
    """A degraded face to a restored one."""

    def __init__(self, config: GpenConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GpenConfig()
        falling = config.channels[::-1]
        self.generator = Generator(config)
        first = nn.Sequential(EqualConv(3, falling[0], 1), FusedLeakyReLU(falling[0]))
        self.stages = len(falling)
        self.ecd0 = nn.Sequential(first)
        for number in range(1, self.stages):
            setattr(self, f"ecd{number}", _shrinking(falling[number - 1], falling[number]))
        linear = EqualLinear(falling[-1] * 16, config.style, active=True)
        self.final_linear = nn.Sequential(linear)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, size, size) RGB in [-1, 1] -> the same, not clamped."""
        return self.trace(image).image

    def trace(self, image: Tensor) -> GpenTrace:
        """``forward`` with what is inside."""
        encoded: list[Tensor] = []
        x = image
        for number in range(self.stages):
            x = getattr(self, f"ecd{number}")(x)
            encoded.append(x)
        code = self.final_linear(x.flatten(1))
        latent = self.generator.style(code)
        convs, colours = self.generator(latent, encoded[::-1])
        return GpenTrace(colours[-1], encoded, code, latent, convs, colours)

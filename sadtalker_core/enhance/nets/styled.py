"""StyleGAN2's layers in plain tensors: the "clean" form of GFPGAN and VideoReTalking's ENet.

A modulated convolution multiplies its weights by one number for each input channel and, with
demodulation, scales each output channel back to unit length (Karras et al. 2020). Here the input
is multiplied instead of the weights, and the output scaled: the same numbers but for rounding,
and one convolution serves a whole batch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TINY = 1e-8  # under the square root, as in the original


class NormStyleCode(nn.Module):
    """Scales codes to a mean square of 1."""

    def forward(self, code: Tensor) -> Tensor:
        """(B, S) -> (B, S)."""
        return code * torch.rsqrt(code.square().mean(1, keepdim=True) + _TINY)


class ModulatedConv(nn.Module):
    """Convolution whose weights depend on a style; no bias, same size.

    ``upsamples`` doubles the input first (bilinear, pixel edges keep their place).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        style: int,
        *,
        demodulates: bool = True,
        upsamples: bool = False,
    ) -> None:
        super().__init__()
        self.demodulates = demodulates
        self.upsamples = upsamples
        self.modulation = nn.Linear(style, in_channels)
        spread = 1 / math.sqrt(in_channels * kernel**2)
        self.weight = nn.Parameter(
            torch.randn(1, out_channels, in_channels, kernel, kernel) * spread
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, C, H, W) and (B, S) -> (B, C', H, W), or twice the size."""
        factors = self.modulation(style)
        kernel = self.weight[0]
        x = x * factors[:, :, None, None]
        if self.upsamples:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = F.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        if not self.demodulates:
            return x
        lengths = F.linear(factors.square(), kernel.square().sum((2, 3)))
        return x * torch.rsqrt(lengths + _TINY)[:, :, None, None]


class StyleConv(nn.Module):
    """Modulated convolution, noise, bias, LeakyReLU. ``weight`` is the strength of the noise."""

    def __init__(
        self, in_channels: int, out_channels: int, style: int, *, upsamples: bool = False
    ) -> None:
        super().__init__()
        self.modulated_conv = ModulatedConv(
            in_channels, out_channels, 3, style, upsamples=upsamples
        )
        self.weight = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(1, out_channels, 1, 1))

    def forward(self, x: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """(B, C, H, W), (B, S) and noise (1 or B, 1, H', W') -> (B, C', H', W')."""
        x = self.modulated_conv(x, style) * math.sqrt(2)
        return F.leaky_relu(x + (self.weight * noise + self.bias), 0.2)


class ToRGB(nn.Module):
    """Colours of a feature map, added to the enlarged colours of the level below."""

    def __init__(self, in_channels: int, style: int) -> None:
        super().__init__()
        self.modulated_conv = ModulatedConv(in_channels, 3, 1, style, demodulates=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, style: Tensor, skip: Tensor | None = None) -> Tensor:
        """(B, C, H, W), (B, S) and (B, 3, H / 2, W / 2) -> (B, 3, H, W)."""
        out = self.modulated_conv(x, style) + self.bias
        if skip is None:
            return out
        return out + F.interpolate(skip, scale_factor=2, mode="bilinear", align_corners=False)


class ConstantInput(nn.Module):
    """The learnt map that every picture starts from."""

    def __init__(self, channels: int, size: int = 4) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, channels, size, size))


class NoiseMaps(nn.Module):
    """One fixed map of noise for each styled convolution: ``noise0`` of 4 pixels, then two a size.

    The original draws new noise at every call, which is one source of flicker; the maps in the
    file are as good and stay.
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        for number in range(2 * levels + 1):
            side = 2 ** ((number + 5) // 2)
            self.register_buffer(f"noise{number}", torch.randn(1, 1, side, side))

    def of(self, number: int) -> Tensor:
        """(1, 1, H, W) map of a convolution."""
        return self.get_buffer(f"noise{number}")


class ResBlock(nn.Module):
    """Two convolutions with a change of size between them, and a shortcut of 1x1."""

    def __init__(self, in_channels: int, out_channels: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.conv1 = nn.Conv2d(in_channels, in_channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(in_channels, out_channels, 3, 1, 1)
        self.skip = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H * scale, W * scale)."""
        out = _resized(F.leaky_relu(self.conv1(x), 0.2), self.scale)
        out = F.leaky_relu(self.conv2(out), 0.2)
        if self.scale > 1:  # a 1x1 convolution and a resize may change places
            return out + _resized(self.skip(x), self.scale)
        return out + self.skip(_resized(x, self.scale))


def _resized(x: Tensor, scale: float) -> Tensor:
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)

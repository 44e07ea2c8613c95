"""ENet and LNet with their convolutions in another arithmetic: judged in decibels, not to the bit.

Only products are made in bfloat16 or float16; norms, activations and sums stay in float32, and so
do DNet (its norms see maps of 8 x 8 pixels, and small numbers are lost), Fourier transforms and the
networks that are quick anyway. The goldens judge the plain networks exactly, and these in decibels.
"""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...enhance.nets import styled
from ...errors import OptionError
from ..blocks.fast.precision import cpu_has_bfloat16
from ..blocks.spade import SpectralConv2d
from .config import PRECISIONS

_N = TypeVar("_N", bound=nn.Module)
_FEWEST = 16  # channels below which nothing is won
_TINY = 1e-8  # under the square root, as in the plain layers


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The arithmetic of products for a precision on a device.

    "auto" is bfloat16 on a CPU that multiplies it in hardware, else float32.
    """
    if precision not in PRECISIONS:
        raise OptionError(f"precision is one of {', '.join(PRECISIONS)}, got {precision!r}.")
    if precision == "auto":
        quick = device.type == "cpu" and cpu_has_bfloat16()
        return torch.bfloat16 if quick else torch.float32
    if precision == "float16" and device.type == "cpu":
        raise OptionError("float16 is for graphics cards: a CPU takes bfloat16, float32 or auto.")
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.half}[precision]


class QuickConv(nn.Module):
    """A convolution with fixed weights; the result has the input's type."""

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        dtype: torch.dtype,
        stride: int = 1,
        padding: int = 0,
        mirrored: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.mirrored = stride, padding, mirrored
        typed = weight.detach().to(dtype)
        self.register_buffer("weight", typed.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", None if bias is None else bias.detach().to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        kind, pad = x.dtype, self.padding
        x = x.to(self.weight.dtype, memory_format=torch.channels_last)
        if self.mirrored and pad:
            x, pad = F.pad(x, (pad, pad, pad, pad), "reflect"), 0
        return F.conv2d(x, self.weight, self.bias, self.stride, pad).to(kind)


class QuickModulated(nn.Module):
    """``styled.ModulatedConv``: products in another arithmetic, lengths worked out once."""

    squares: Tensor

    def __init__(self, plain: styled.ModulatedConv, dtype: torch.dtype) -> None:
        super().__init__()
        kernel = plain.weight.detach()[0]
        self.modulation = plain.modulation
        self.demodulates, self.upsamples = plain.demodulates, plain.upsamples
        self.conv = QuickConv(kernel, None, dtype, padding=kernel.shape[-1] // 2)
        self.register_buffer("squares", kernel.square().sum((2, 3)))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        factors = self.modulation(style)
        x = x * factors[:, :, None, None]
        if self.upsamples:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = self.conv(x)
        if not self.demodulates:
            return x
        lengths = F.linear(factors.square(), self.squares)
        return x * torch.rsqrt(lengths + _TINY)[:, :, None, None]


def quicken(net: _N, dtype: torch.dtype) -> _N:
    """Replace the convolutions of ``net`` in place.

    With float32 nothing changes but what is folded: spectral norms and scales of weights.
    """
    for name, child in list(net.named_children()):
        quick = _quick(child, dtype)
        if quick is None:
            quicken(child, dtype)
        else:
            setattr(net, name, quick.eval())
    return net


def _quick(plain: nn.Module, dtype: torch.dtype) -> nn.Module | None:
    if isinstance(plain, styled.ModulatedConv):
        return QuickModulated(plain, dtype)
    if isinstance(plain, SpectralConv2d):
        weight = plain.weight()
        return QuickConv(weight, plain.bias, dtype, padding=weight.shape[-1] // 2)
    if type(plain) is not nn.Conv2d or plain.groups != 1 or plain.dilation != (1, 1):
        return None
    is_square = plain.stride[0] == plain.stride[1] and isinstance(plain.padding, tuple)
    if not is_square or max(plain.in_channels, plain.out_channels) < _FEWEST:
        return None
    return QuickConv(
        plain.weight,
        plain.bias,
        dtype,
        plain.stride[0],
        int(plain.padding[0]),
        plain.padding_mode == "reflect",
    )

"""Convolutions of the fast networks: channels last, and as few multiplications as pay.

Maps are (B, C, H, W) in torch's channels-last order, which a CPU's convolutions want: one of 64
channels over 512 x 512 pixels takes 2.4 times as long in the usual order. Wide 3x3 convolutions are
done by Winograd's method. All maps are float32; with another ``dtype`` only the products are made
in it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...systems.blocks.fast.convolution import WinogradConv

SLOPE = 0.2  # of every leaky ReLU here
_TINY = 1e-8  # under the square root, as in the plain layers
_WIDE = 128  # channels from which Winograd's transforms cost less than they save
_TILES = 4
_LAST = torch.channels_last


def channels_last(x: Tensor) -> Tensor:
    """The same map, its channels last in memory."""
    return x.contiguous(memory_format=_LAST)


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU in place."""
    return F.leaky_relu(x, SLOPE, inplace=True)


def enlarged(x: Tensor) -> Tensor:
    """Twice the size, bilinear; pixel edges keep their place."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def parameter(value: Tensor) -> nn.Parameter:
    """A weight of its own that is not trained; a weight of four axes with its channels last."""
    value = value.detach().clone()
    return nn.Parameter(channels_last(value) if value.ndim == 4 else value, requires_grad=False)


def takes_winograd(weight: Tensor, dtype: torch.dtype, side: int) -> bool:
    """Whether a kernel over maps of ``side`` pixels is quicker in tiles.

    On small maps the transformed weights, four times as large, would be read for a few tiles only;
    in bfloat16 tiles of 4 lose too many digits; graphics cards have their own ways.
    """
    is_wide = weight.shape[-1] == 3 and min(weight.shape[:2]) >= _WIDE
    is_exact = dtype == torch.float32 and weight.device.type == "cpu"
    return is_wide and is_exact and side >= 32


class LeanConv(nn.Module):
    """A convolution with fixed weights.

    Args:
        weight: (C', C, k, k).
        bias: (C',) or None.
        dtype: of the products.
        side: of the maps that it will see, pixels; 0 for any.
        stride: every which output is kept.
        padding: zeros around, or mirrored pixels where ``mirrored``; by default the size stays.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        dtype: torch.dtype = torch.float32,
        *,
        side: int = 0,
        stride: int = 1,
        padding: int | None = None,
        mirrored: bool = False,
    ) -> None:
        super().__init__()
        reach = weight.shape[-1] // 2
        self.stride, self.mirrored = stride, mirrored
        self.padding = reach if padding is None else padding
        self.tiles: WinogradConv | None = None
        self.weight = self.bias = None
        if stride == 1 and self.padding == reach and takes_winograd(weight, dtype, side):
            self.tiles = WinogradConv(weight.detach(), bias, dtype, _TILES)
        else:
            self.weight = parameter(weight.to(dtype))
            self.bias = None if bias is None else parameter(bias.to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) float32 -> (B, C', H', W') float32, a map of its own."""
        pad = self.padding
        if self.mirrored and pad:
            x = F.pad(x, (pad, pad, pad, pad), "reflect")
        if self.tiles is not None:
            out = self.tiles(channels_last(x).movedim(1, -1)).movedim(-1, 1)
            return out[:, :, pad:-pad, pad:-pad] if self.mirrored else out
        assert self.weight is not None
        x = x.to(self.weight.dtype, memory_format=_LAST)
        pad = 0 if self.mirrored else pad
        return F.conv2d(x, self.weight, self.bias, self.stride, pad).to(torch.float32)


class DoubledConv(nn.Module):
    """3x3 convolution over a map enlarged by repeating pixels and mirrored beyond its border.

    The kernel sees only 2x2 different pixels of the small map: four kernels of 2x2, one for each
    phase of the output, with 16 instead of 36 multiplications. Mirroring the large map repeats the
    border of the small one.
    """

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        first, middle, last = weight.double().unbind(-2)
        rows = (torch.stack((first, middle + last), -2), torch.stack((first + middle, last), -2))
        kernels: list[Tensor] = []
        for kernel in rows:
            left, centre, right = kernel.unbind(-1)
            kernels.append(torch.stack((left, centre + right), -1))
            kernels.append(torch.stack((left + centre, right), -1))
        self.weight = parameter(torch.cat(kernels).to(dtype))
        self.bias = parameter(bias.repeat(4).to(dtype))
        self.channels_out = weight.shape[0]

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) float32 -> (B, C', 2h, 2w) float32."""
        batch, _, height, width = x.shape
        x = F.pad(x, (1, 1, 1, 1), "replicate").to(self.weight.dtype, memory_format=_LAST)
        phases = F.conv2d(x, self.weight, self.bias).movedim(1, -1)
        count = self.channels_out
        out = phases.new_empty((batch, height, 2, width, 2, count), dtype=torch.float32)
        for down in (0, 1):
            for across in (0, 1):
                part = phases[:, down : down + height, across : across + width]
                at = count * (2 * down + across)
                out[:, :, down, :, across] = part[..., at : at + count]
        return out.flatten(3, 4).flatten(1, 2).movedim(-1, 1)


class LeanModulated(nn.Module):
    """A convolution whose input channels a style scales, and whose outputs have unit length.

    One picture's scales go into the weights where these are fewer than the map's numbers, and else
    into the map; several pictures' always into the map.

    Args:
        weight: (C', C, k, k).
        modulation: styles (B, S) to scales (B, C).
        bias: (C',), added to what ``gain`` has scaled.
        dtype: of the products.
        gain: of the output.
        demodulates: whether outputs have unit length.
        side: of the maps that it will see, pixels; 0 for any.
    """

    def __init__(
        self,
        weight: Tensor,
        modulation: nn.Module,
        bias: Tensor,
        dtype: torch.dtype = torch.float32,
        *,
        gain: float = 1.0,
        demodulates: bool = True,
        side: int = 0,
    ) -> None:
        super().__init__()
        self.modulation, self.gain, self.dtype = modulation, gain, dtype
        self.demodulates, self.reach = demodulates, weight.shape[-1] // 2
        self.squares = parameter(weight.detach().double().square().sum((2, 3)).float())
        self.bias = parameter(bias)
        self.tiles: WinogradConv | None = None
        self.weight = None
        if takes_winograd(weight, dtype, side):
            self.tiles = WinogradConv(weight.detach(), None, dtype, _TILES)
        else:
            self.weight = parameter(weight)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, C, H, W) and (B, S) -> (B, C', H, W), a map of its own."""
        factors, lengths = self._scales(style)
        if self.tiles is not None:
            x = channels_last(x * factors[:, :, None, None])
            return self._scaled(self.tiles(x.movedim(1, -1)).movedim(-1, 1), lengths)
        assert self.weight is not None
        if len(factors) == 1 and self.weight.numel() < x.numel():
            scales = lengths[0][:, None, None, None] * factors[0][None, :, None, None]
            return self._convolved(x, channels_last(self.weight * scales), self.bias)
        out = self._convolved(x * factors[:, :, None, None], self.weight, None)
        return self._scaled(out, lengths)

    def _scales(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C) of the inputs and (B, C') of the outputs."""
        factors = self.modulation(style)
        lengths = factors.new_full((len(factors), len(self.bias)), self.gain)
        if self.demodulates:
            lengths *= torch.rsqrt(F.linear(factors.square(), self.squares) + _TINY)
        return factors, lengths

    def _convolved(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        x, weight = x.to(self.dtype, memory_format=_LAST), weight.to(self.dtype)
        bias = None if bias is None else bias.to(self.dtype)
        return F.conv2d(x, weight, bias, padding=self.reach).to(torch.float32)

    def _scaled(self, out: Tensor, lengths: Tensor) -> Tensor:
        return torch.addcmul(self.bias[:, None, None], out, lengths[:, :, None, None], out=out)


class LeanDoubling(LeanModulated):
    """The same with a transposed convolution of stride 2: four phases, each with its own taps.

    Output 2i sees inputs i and i - 1 through the first and the last tap, output 2i + 1 sees input i
    through the middle one.
    """

    def __init__(
        self,
        weight: Tensor,
        modulation: nn.Module,
        bias: Tensor,
        dtype: torch.dtype = torch.float32,
        *,
        gain: float = 1.0,
    ) -> None:
        super().__init__(weight, modulation, bias, dtype, gain=gain)
        self.weight = None
        turned = weight.detach().flip(2, 3)
        self.phases = nn.ParameterList(
            parameter(turned[:, :, down::2, across::2].to(dtype))
            for down in (0, 1)
            for across in (0, 1)
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, C, H, W) and (B, S) -> (B, C', 2H + 1, 2W + 1), a map of its own."""
        factors, lengths = self._scales(style)
        x = (x * factors[:, :, None, None]).to(self.dtype, memory_format=_LAST)
        batch, _, height, width = x.shape
        size = (batch, 2 * height + 1, 2 * width + 1, len(self.bias))
        out = torch.empty(size, dtype=torch.float32, device=x.device).movedim(-1, 1)
        for number, weight in enumerate(self.phases):
            down, across = divmod(number, 2)
            pad = (weight.shape[2] - 1, weight.shape[3] - 1)
            part = F.conv2d(x, weight, padding=pad).to(torch.float32)
            bias = self.bias[:, None, None]
            place = out[:, :, down::2, across::2]
            torch.addcmul(bias, part, lengths[:, :, None, None], out=place)
        return out

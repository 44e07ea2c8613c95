"""ParseNet for inference: norms folded, enlarged maps convolved by phases."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets.parsenet import MirroredConv, ParseBlock, ParseNet
from .layers import SLOPE, DoubledConv, LeanConv, channels_last

_SIDE = 512  # of the faces that convolutions are chosen for; others are right as well


class FastParseNet(nn.Module):
    """(B, 3, H, W) RGB in [-1, 1], H and W multiples of 16 -> scores (B, classes, H, W)."""

    def __init__(self, plain: ParseNet, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        first, *falling = plain.encoder
        side = _SIDE
        self.first = _conv(cast(MirroredConv, first), torch.float32, side)
        encoder: list[nn.Module] = []
        for block in falling:
            encoder.append(_Block(cast(ParseBlock, block), dtype, side))
            side //= 2
        self.encoder = nn.Sequential(*encoder)
        self.body = nn.Sequential(
            *(_Block(cast(ParseBlock, block), dtype, side) for block in plain.body)
        )
        rising: list[nn.Module] = []
        for block in plain.decoder:
            side *= 2
            rising.append(_RisingBlock(cast(ParseBlock, block), dtype, side))
        self.decoder = nn.Sequential(*rising)
        self.scores = _conv(plain.out_mask_conv, dtype, side)

    def forward(self, image: Tensor) -> Tensor:
        encoded = self.encoder(self.first(channels_last(image)))
        return self.scores(self.decoder(encoded + self.body(encoded)))


def _folded(plain: MirroredConv) -> tuple[Tensor, Tensor]:
    """Weight and bias with the batch norm after them."""
    conv = plain.conv2d
    weight = conv.weight.detach().double()
    if plain.norm is None:
        assert conv.bias is not None
        return weight.float(), conv.bias.detach()
    norm = plain.norm.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    bias = norm.bias.detach().double() - norm.running_mean.double() * scale
    return (weight * scale[:, None, None, None]).float(), bias.float()


def _conv(plain: MirroredConv, dtype: torch.dtype, side: int) -> LeanConv:
    stride = plain.conv2d.stride[0]
    weight, bias = _folded(plain)
    return LeanConv(weight, bias, dtype, side=side, stride=stride, padding=1, mirrored=True)


def _leaky(x: Tensor) -> Tensor:
    # a map cut out of tiles is written anew, so that what reads it finds it in one piece
    return F.leaky_relu(x, SLOPE)


class _Block(nn.Module):
    """A block that keeps the size or halves it."""

    def __init__(self, plain: ParseBlock, dtype: torch.dtype, side: int) -> None:
        super().__init__()
        shortcut = plain.shortcut_func
        self.shortcut = None if shortcut is None else _conv(shortcut, dtype, side)
        self.conv1 = _conv(plain.conv1, dtype, side)
        self.conv2 = _conv(plain.conv2, dtype, side)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(_leaky(self.conv1(x)))
        return out.add_(x if self.shortcut is None else self.shortcut(x))


class _RisingBlock(nn.Module):
    """A block that doubles the size. What enlarges is computed once for both of its readers."""

    def __init__(self, plain: ParseBlock, dtype: torch.dtype, side: int) -> None:
        super().__init__()
        assert plain.shortcut_func is not None
        (a, a_bias), (b, b_bias) = _folded(plain.conv1), _folded(plain.shortcut_func)
        self.both = DoubledConv(torch.cat((a, b)), torch.cat((a_bias, b_bias)), dtype)
        self.conv2 = _conv(plain.conv2, dtype, side)

    def forward(self, x: Tensor) -> Tensor:
        inner, shortcut = self.both(x).chunk(2, 1)
        return self.conv2(_leaky(inner)).add_(shortcut)

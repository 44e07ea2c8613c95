"""The volume encoder for inference: a source video has one volume for every frame.

Batch norms after a convolution are folded into it; those before one, at the beginning of each
residual block, stay a multiplication and an addition.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..encoder import VolumeEncoder
from ..layers import ResBlock3d
from .convolution import Arithmetic, Conv, PlainConv
from .folding import conv_weights, fold_norm, folded, norm_terms


class FastEncoder(nn.Module):
    """(B, 3, S, S) in [0, 1] to feature volumes (B, C, D, S/4, S/4), float32."""

    def __init__(self, plain: VolumeEncoder, arithmetic: Arithmetic) -> None:
        super().__init__()
        self.dtype = arithmetic.dtype
        self.depth = plain.depth
        self.first = arithmetic.conv(*fold_norm(plain.first))
        self.down = nn.ModuleList(arithmetic.conv(*fold_norm(block)) for block in plain.down_blocks)
        self.second = PlainConv(*conv_weights(plain.second), arithmetic.dtype)
        self.resblocks = nn.ModuleList(
            _FastResBlock(cast(ResBlock3d, block), arithmetic) for block in plain.resblocks_3d
        )

    def forward(self, picture: Tensor) -> Tensor:
        x = self.first(picture.movedim(1, -1).to(self.dtype)).relu_()
        for conv in cast("list[Conv]", self.down):
            x = _relu_and_halve(conv, x)
        # Old channel C * depth + d: (B, H, W, C, D) -> (B, D, H, W, C).
        x = self.second(x).unflatten(-1, (-1, self.depth)).movedim(-1, 1).float().contiguous()
        for block in self.resblocks:
            x = block(x)
        return x.movedim(-1, 1).contiguous()


class _FastResBlock(nn.Module):
    """(B, D, H, W, C) to the same, float32."""

    scale: Tensor
    shift: Tensor

    def __init__(self, plain: ResBlock3d, arithmetic: Arithmetic) -> None:
        super().__init__()
        scale, shift = norm_terms(plain.norm1)
        self.register_buffer("scale", scale.float())
        self.register_buffer("shift", shift.float())
        self.conv1 = arithmetic.conv(*folded(conv_weights(plain.conv1), plain.norm2))
        self.conv2 = arithmetic.conv(*conv_weights(plain.conv2))

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(torch.addcmul(self.shift, x, self.scale).relu_()).relu_()
        total = torch.empty_like(x)
        for rows, part in self.conv2.strips(out):
            torch.add(x[..., rows, :, :], part, out=total[..., rows, :, :])
        return total


def _relu_and_halve(conv: Conv, x: Tensor) -> Tensor:
    """ReLU of a convolution, then the mean of 2x2."""
    out = F.avg_pool2d(conv(x).relu_().movedim(-1, 1), 2)
    return out.movedim(1, -1)

"""Convolutions over maps enlarged by repeating pixels, without computing what repeats.

A 3x3 kernel over a doubled map sees only 2x2 different pixels: four kernels of 2x2, one for each
phase of the output, over the small map give the same numbers with 16 instead of 36 multiplications.
Over a map enlarged four times the two middle phases of each axis see one pixel only and are equal:
25 instead of 144.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .folding import Weights, split_phases, split_rows


class EnlargedConv(nn.Module):
    """ReLU of a 3x3 convolution over a map (B, h, w, C) enlarged by ``factor``, 2 or 4.

    It is computed in ``dtype`` and written as ``dtype_out``.
    """

    corner_weight: Tensor

    def __init__(
        self, weights: Weights, factor: int, dtype: torch.dtype, dtype_out: torch.dtype
    ) -> None:
        super().__init__()
        weight, bias = weights
        self.factor = factor
        self.dtype_out = dtype_out
        self.channels_out = weight.shape[0]
        phases = split_phases(weight)
        self._add("corner", [kernel for row in phases for kernel in row], bias, dtype)
        if factor == 4:
            rows = split_rows(weight)
            columns = split_rows(weight.transpose(-1, -2))
            self._add("row", [kernel.sum(-1, keepdim=True) for kernel in rows], bias, dtype)
            across = [kernel.sum(-1, keepdim=True).transpose(-1, -2) for kernel in columns]
            self._add("column", across, bias, dtype)
            self._add("middle", [weight.double().sum((-1, -2), keepdim=True)], bias, dtype)

    def _add(self, name: str, kernels: list[Tensor], bias: Tensor, dtype: torch.dtype) -> None:
        weight = torch.cat(kernels).to(dtype).contiguous(memory_format=torch.channels_last)
        self.register_buffer(f"{name}_weight", weight)
        self.register_buffer(f"{name}_bias", bias.repeat(len(kernels)).to(dtype))

    def _phases(self, name: str, x: Tensor) -> Tensor:
        """(B, rows, columns, phases, channels) of one kind; rows and columns reach one too far."""
        weight: Tensor = getattr(self, f"{name}_weight")
        bias: Tensor = getattr(self, f"{name}_bias")
        pad = (weight.shape[2] - 1, weight.shape[3] - 1)
        out = F.conv2d(x.movedim(-1, 1), weight, bias, padding=pad).relu_().movedim(1, -1)
        return out.unflatten(-1, (-1, self.channels_out))

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.corner_weight.dtype)
        batch, height, width, _ = x.shape
        factor, last = self.factor, self.factor - 1
        size = (batch, height, factor, width, factor, self.channels_out)
        out = x.new_empty(size, dtype=self.dtype_out)
        corner = self._phases("corner", x)
        for a in (0, 1):
            for b in (0, 1):
                part = corner[:, a : a + height, b : b + width, 2 * a + b]
                out[:, :, a * last, :, b * last] = part
        if factor == 4:
            row, column = self._phases("row", x), self._phases("column", x)
            for a in (0, 1):
                out[:, :, a * last, :, 1:3] = row[:, a : a + height, :, a].unsqueeze(3)
                out[:, :, 1:3, :, a * last] = column[:, :, a : a + width, a].unsqueeze(2)
            out[:, :, 1:3, :, 1:3] = self._phases("middle", x).unsqueeze(2)
        return out.flatten(3, 4).flatten(1, 2)


class DoubledConv3d(nn.Module):
    """ReLU of a 3x3x3 convolution over a volume (B, D, h, w, C) of doubled height and width."""

    bias: Tensor

    def __init__(self, weights: Weights, dtype: torch.dtype) -> None:
        super().__init__()
        weight, bias = weights
        self.channels_out = weight.shape[0]
        for a, row in enumerate(split_phases(weight)):
            for b, kernel in enumerate(row):
                kernel = kernel.to(dtype).contiguous(memory_format=torch.channels_last_3d)
                self.register_buffer(f"weight_{a}{b}", kernel)
        self.register_buffer("bias", bias.to(dtype))

    def write(self, x: Tensor, out: Tensor) -> None:
        """Write the result to ``out`` (B, D, 2h, 2w, channels_out)."""
        height, width = x.shape[2:4]
        padded = F.pad(x, (0, 0, 1, 1, 1, 1))
        out = out.unflatten(3, (width, 2)).unflatten(2, (height, 2))
        for a in (0, 1):
            for b in (0, 1):
                part = padded[:, :, a : a + height + 1, b : b + width + 1]
                kernel: Tensor = getattr(self, f"weight_{a}{b}")
                y = F.conv3d(part.movedim(-1, 1), kernel, self.bias, padding=(1, 0, 0))
                out[:, :, :, a, :, b] = y.relu_().movedim(1, -1)

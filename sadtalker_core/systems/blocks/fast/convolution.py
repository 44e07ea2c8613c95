"""Convolutions of the fast networks: channels last, few multiplications, results in strips.

Tensors are (B, H, W, C), volumes (B, D, H, W, C). On a CPU the 3x3 convolutions of the decoder take
most of the time, so they are done by Winograd's method (Lavin and Gray 2016): for a tile of 4x4
outputs 36 multiplications a channel instead of 144. What is won in arithmetic would be lost again
in memory if the transformed tiles of a whole map were written out, so a few rows of tiles, which
fit in the cache, are carried through to the end at a time (``strips``); who consumes them can go on
while they are still there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Interpolation points besides infinity. For tiles of 4 the usual 0, 1, -1, 2, -2 lose half a digit
# more than these (measured: 1.8e-6 against 2.8e-6, oneDNN's direct convolution itself 1.1e-6).
_POINTS = {2: (0.0, 1.0, -1.0), 4: (0.0, 1.0, -1.0, 0.5, -2.0)}
TILES_AT_ONCE = 256
FEWEST_CHANNELS = 48  # below them the transforms cost more than the products save
_ALIGN = 16  # matrix products of other numbers of channels take up to 40 % longer on a CPU


class PlainConv(nn.Module):
    """What the library of the device does best by itself; kernel (k, k) or (k, k, k), same size."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        super().__init__()
        last = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d
        self.register_buffer("weight", weight.to(dtype).contiguous(memory_format=last))
        self.register_buffer("bias", None if bias is None else bias.to(dtype))

    @property
    def channels_out(self) -> int:
        return self.weight.shape[0]

    def forward(self, x: Tensor) -> Tensor:
        pad = self.weight.shape[-1] // 2
        convolve = F.conv2d if self.weight.ndim == 4 else F.conv3d
        x = x.to(self.weight.dtype).movedim(-1, 1)
        return convolve(x, self.weight, self.bias, padding=pad).movedim(1, -1)

    def strips(self, x: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """The whole result as one strip."""
        yield slice(0, x.shape[-3]), self(x)


class WinogradConv(nn.Module):
    """Convolution 3x3 or 3x3x3 by tiles of ``tile`` x ``tile`` outputs; depth taps are summed.

    The transforms of input and output are products with one small matrix over both axes, so three
    matrix products and two strided copies make a strip.
    """

    weight: Tensor
    bias: Tensor
    to_tile: Tensor
    from_tile: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype, tile: int) -> None:
        super().__init__()
        output, kernel, values = winograd_matrices(tile)
        channels_out, channels_in = weight.shape[:2]
        flat = weight.double().cpu().reshape(channels_out, channels_in, -1, 9)
        both = torch.kron(kernel, kernel)
        # (depth taps, points, in, out): each point is one matrix product over channels.
        spread = torch.einsum("pk,oidk->dpio", both, flat)
        # Zeros up to whole vectors.
        more = (0, -channels_out % _ALIGN, 0, -channels_in % _ALIGN)
        spread = F.pad(spread, more)
        self.tile = tile
        self.channels_out = channels_out
        if bias is None:
            bias = torch.zeros(channels_out)
        device = weight.device
        self.register_buffer("weight", spread.to(dtype).contiguous().to(device))
        self.register_buffer("bias", bias.to(dtype).to(device))
        self.register_buffer("to_tile", torch.kron(values, values).to(dtype).to(device))
        self.register_buffer("from_tile", torch.kron(output, output).to(dtype).to(device))

    def forward(self, x: Tensor) -> Tensor:
        out = self.weight.new_empty((*x.shape[:-1], self.channels_out))
        for rows, part in self.strips(x):
            out[..., rows, :, :] = part
        return out

    def strips(self, x: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Rows and their results (B, [D,] rows, W, channels_out), top to bottom."""
        x = x.to(self.weight.dtype)
        is_flat = x.ndim == 4
        volume = x.unsqueeze(1) if is_flat else x
        batch, depth, height, width, channels = volume.shape
        tile, side, taps = self.tile, self.tile + 2, self.weight.shape[0]
        across, down = -(-width // tile), -(-height // tile)
        wide = self.weight.shape[2]
        padded = F.pad(
            volume,
            (0, wide - channels, 1, across * tile - width + 1, 1, down * tile - height + 1)
            + (taps // 2, taps // 2),
        )
        deep = padded.shape[1]
        per_row = batch * depth * across
        rows_at_once = max(1, TILES_AT_ONCE // per_row)
        s = padded.stride()
        for top in range(0, down, rows_at_once):
            rows = min(rows_at_once, down - top)
            # Depth before batch: then the taps' windows over depth are plain slices below.
            tiles = padded[:, :, top * tile :].as_strided(
                (side, side, deep, batch, rows, across, wide),
                (s[2], s[3], s[1], s[0], s[2] * tile, s[3] * tile, 1),
            )
            points = self.to_tile @ tiles.reshape(side * side, -1)
            points = points.view(side * side, deep, -1, wide)
            products = self._multiply(points, depth)
            strip = self.from_tile @ products.view(side * side, -1)
            strip = strip.view(tile, tile, depth, batch, rows, across, -1)
            strip = strip.permute(3, 2, 4, 0, 5, 1, 6)[..., : self.channels_out]
            whole = strip.new_empty(strip.shape)
            torch.add(strip, self.bias, out=whole)
            whole = whole.view(batch, depth, rows * tile, across * tile, self.channels_out)
            first = top * tile
            last = min(first + rows * tile, height)
            whole = whole[:, :, : last - first, :width]
            yield slice(first, last), whole[:, 0] if is_flat else whole

    def _multiply(self, points: Tensor, depth: int) -> Tensor:
        count, _, tiles, channels = points.shape
        total: Tensor | None = None
        for tap, weight in enumerate(self.weight):
            part = points[:, tap : tap + depth].reshape(count, depth * tiles, channels)
            if total is None:
                total = torch.bmm(part, weight)
            else:
                total.baddbmm_(part, weight)
        if total is None:
            raise ValueError("a convolution without taps")
        return total


def winograd_matrices(tile: int) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices of F(tile, 3) along one axis, float64: outputs = A [(G kernel) * (B inputs)].

    Returns A (tile, tile + 2), G (tile + 2, 3), B (tile + 2, tile + 2): Toom and Cook's
    multiplication of polynomials at the points above, transposed.
    """
    points = torch.tensor(_POINTS[tile], dtype=torch.float64)
    count = len(points)
    output = torch.zeros(tile, count + 1, dtype=torch.float64)
    kernel = torch.zeros(count + 1, 3, dtype=torch.float64)
    values = torch.zeros(count + 1, count + 1, dtype=torch.float64)
    for j, point in enumerate(points):
        others = torch.cat([points[:j], points[j + 1 :]])
        output[:, j] = point ** torch.arange(tile)
        kernel[j] = point ** torch.arange(3) / (point - others).prod()
        values[j, :count] = _polynomial(others)
    output[-1, -1] = 1
    kernel[-1, -1] = 1
    values[-1] = _polynomial(points)
    return output, kernel, values


def _polynomial(roots: Tensor) -> Tensor:
    """Coefficients of the monic polynomial with these roots, lowest power first."""
    coefficients = torch.ones(1, dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    for root in roots:
        shifted = torch.cat([zero, coefficients])
        coefficients = shifted - root * torch.cat([coefficients, zero])
    return coefficients


Conv = PlainConv | WinogradConv


@dataclass(frozen=True)
class Arithmetic:
    """How one part of a renderer computes.

    Attributes:
        dtype: of weights and maps; norms and sums are float32 whatever it is.
        tile: side of Winograd's tiles, 4 or 2, or 0 for the device's own convolutions. In bfloat16
            tiles of 4 lose too many digits.
        fourier: apply the mask's large kernel in frequencies.
    """

    dtype: torch.dtype = torch.float32
    tile: int = 0
    fourier: bool = False

    def conv(self, weight: Tensor, bias: Tensor | None, is_small: bool = False) -> Conv:
        """The convolution for a kernel; ``is_small``: for maps of a few tiles only."""
        is_wide = min(weight.shape[:2]) >= FEWEST_CHANNELS
        if self.tile and weight.shape[-1] == 3 and is_wide and not is_small:
            return WinogradConv(weight, bias, self.dtype, self.tile)
        return PlainConv(weight, bias, self.dtype)

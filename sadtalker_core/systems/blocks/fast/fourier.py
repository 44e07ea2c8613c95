"""A large 3D kernel by Fourier transforms over height and width.

The mask's kernel of 7x7x7 is a third of dense motion's arithmetic. In the frequencies of tiles of
40x40 a product replaces its 49 taps over height and width; those over depth are summed as they are.
Measured error 1.3e-6, that of the direct convolution.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TILE = 40  # 34 results a side: two tiles make a map of 64, four one of 128


class FourierConv(nn.Module):
    """(B, D, H, W, C) to (B, D, H, W, channels_out), float32, same size; kernel (k, k, k) odd."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.kernel = weight.shape[-1]
        # A convolution of networks does not turn the kernel round: conjugate frequencies.
        freq = torch.fft.rfft2(weight.double(), s=(TILE, TILE)).conj()
        freq = freq.permute(2, 3, 4, 1, 0).flatten(1, 2).to(torch.complex64)
        # Kept as pairs of real numbers: modules change the type of complex buffers badly.
        pairs = torch.view_as_real(freq.resolve_conj().contiguous()).contiguous()
        self.register_buffer("weight", pairs)  # (taps over depth, frequencies, C, out, 2)
        self.register_buffer("bias", bias.float())

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._one(one) for one in x.float()])

    def _one(self, x: Tensor) -> Tensor:
        depth, height, width, channels = x.shape
        reach = self.kernel // 2
        kept = TILE - 2 * reach
        down, across = -(-height // kept), -(-width // kept)
        padded = F.pad(
            x.permute(3, 0, 1, 2),
            (reach, across * kept - width + reach, reach, down * kept - height + reach),
        ).contiguous()
        s = padded.stride()
        tiles = padded.as_strided(
            (channels, depth, down, across, TILE, TILE),
            (s[0], s[1], s[2] * kept, s[3] * kept, s[2], s[3]),
        )
        freq = torch.fft.rfft2(tiles).permute(4, 5, 1, 2, 3, 0)  # (f, f, D, down, across, C)
        taps, count = self.weight.shape[:2]
        deep = freq.new_zeros((count, depth + taps - 1, down * across, channels))
        deep[:, reach : reach + depth] = freq.reshape(count, depth, down * across, channels)
        weight = torch.view_as_complex(self.weight)
        total = torch.zeros((), dtype=deep.dtype, device=deep.device)
        for tap in range(taps):
            part = deep[:, tap : tap + depth].flatten(1, 2)
            if tap == 0:
                total = torch.bmm(part, weight[0])
            else:
                total.baddbmm_(part, weight[tap])
        total = total.view(TILE, TILE // 2 + 1, depth, down, across, -1).permute(2, 3, 4, 5, 0, 1)
        out = torch.fft.irfft2(total, s=(TILE, TILE))[..., :kept, :kept]
        out = out.permute(0, 1, 4, 2, 5, 3).reshape(1, depth, down * kept, across * kept, -1)
        return out[:, :, :height, :width] + self.bias

"""Dense motion for inference: ``blocks.dense_motion`` with less work.

- A keypoint's proposal is one shift of the whole volume, so moving the volume is three small
  matrix products, one for each axis, instead of eight reads a voxel;
- its heatmap is the product of three lines, and the mean of the proposals that of their shifts;
- batch norms are folded, convolutions after an enlargement are done by phases;
- the mask's large kernel is applied in frequencies, in float32 (on a CPU);
- the occlusion's convolution has one channel out, which is one matrix product and a sum of shifted
  pictures.

Volumes are (B, D, H, W, C).
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..dense_motion import HEATMAP_VARIANCE, DenseMotionNetwork
from ..layers import coordinate_grid
from .convolution import Arithmetic, Conv
from .enlarged import DoubledConv3d
from .folding import conv_weights, fold_norm
from .fourier import FourierConv


class FastDenseMotion(nn.Module):
    """Compressed volume (1 or N, c, D, H, W) and keypoints to deformation and occlusion.

    Returns (N, D, H, W, 3) and (N, H, W, 1), float32, for kp_driving (N, K, 3).
    """

    occlusion_weight: Tensor
    occlusion_bias: Tensor

    def __init__(self, plain: DenseMotionNetwork, arithmetic: Arithmetic) -> None:
        super().__init__()
        config = plain.config
        self.config = config
        self.dtype = arithmetic.dtype
        encoder, decoder = plain.hourglass.encoder, plain.hourglass.decoder
        self.down = nn.ModuleList(
            arithmetic.conv(*fold_norm(block), is_small=i >= 4)
            for i, block in enumerate(encoder.down_blocks)
        )
        self.up = nn.ModuleList(
            DoubledConv3d(fold_norm(block), arithmetic.dtype) for block in decoder.up_blocks
        )
        self.out = arithmetic.conv(*fold_norm(decoder))
        mask = conv_weights(plain.mask)
        self.mask = FourierConv(*mask) if arithmetic.fourier else arithmetic.conv(*mask)
        weight, bias = conv_weights(plain.occlusion)
        # (1, C * D, k, k), channel-major -> (D, C, k * k), taps turned round: they are spread, not
        # gathered.
        taps = weight.flip(-1, -2).reshape(config.outputs, config.depth, -1).transpose(0, 1)
        self.register_buffer("occlusion_weight", taps.to(arithmetic.dtype).contiguous())
        self.register_buffer("occlusion_bias", bias.float())

    def forward(
        self, small: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> tuple[Tensor, Tensor]:
        shift = kp_source.float() - kp_driving.float()
        # The background's proposal, which comes first, is to stay.
        shift = torch.cat([torch.zeros_like(shift[:, :1]), shift], 1)
        x = self._proposals(small.float(), shift, kp_source.float(), kp_driving.float())
        out = self._hourglass(x.to(self.dtype))
        logits = self.mask(out).float()
        return self._deformation(logits, shift), self._occlusion(out)

    def _proposals(
        self, small: Tensor, shift: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """(N, D, H, W, (K + 1) * (1 + c)): heatmap and moved volume of each proposal."""
        count, proposals, _ = shift.shape
        _, channels, depth, height, width = small.shape
        if len(small) == 1:
            moved = move_volume(small[0], shift.flatten(0, 1))
        else:
            moved = torch.cat([move_volume(one, by) for one, by in zip(small, shift)])
        moved = moved.view(count, proposals, channels, depth, height, width)
        size = (depth, height, width)
        heat = gaussians(size, kp_driving) - gaussians(size, kp_source)
        out = small.new_empty((count, depth, height, width, proposals, 1 + channels))
        out[..., 0, 0] = 0
        out[..., 1:, 0] = heat.movedim(1, -1)
        out[..., 1:] = moved.permute(0, 3, 4, 5, 1, 2)
        return out.flatten(-2)

    def _hourglass(self, x: Tensor) -> Tensor:
        levels = [x]
        for conv in cast("list[Conv]", self.down):
            levels.append(_relu_and_halve(conv, levels[-1]))
        out = levels.pop()
        for conv in cast("list[DoubledConv3d]", self.up):
            skip = levels.pop()
            both = skip.new_empty((*skip.shape[:-1], conv.channels_out + skip.shape[-1]))
            conv.write(out, both[..., : conv.channels_out])
            both[..., conv.channels_out :] = skip
            out = both
        return self.out(out).relu_()

    def _deformation(self, logits: Tensor, shift: Tensor) -> Tensor:
        mask = logits.softmax(-1)
        floor = self.config.mask_floor
        if floor:
            mask = torch.where(mask < floor, 0.0, mask)
        depth, height, width = mask.shape[1:4]
        grid = coordinate_grid((depth, height, width), mask)
        # The mean of (place + shift) is place * (sum of weights) + mean of shifts.
        moved = torch.bmm(mask.flatten(1, 3), shift).view(*mask.shape[:4], 3)
        return torch.addcmul(moved, grid, mask.sum(-1, keepdim=True))

    def _occlusion(self, x: Tensor) -> Tensor:
        count, _, height, width, _ = x.shape
        side = self.config.kernel
        taps = torch.stack(
            [torch.bmm(one.flatten(1, 2), self.occlusion_weight).float().sum(0) for one in x]
        )
        summed = F.fold(taps.mT, (height, width), (side, side), padding=side // 2)
        return torch.sigmoid(summed + self.occlusion_bias).view(count, height, width, 1)


def move_volume(volume: Tensor, shifts: Tensor) -> Tensor:
    """(M, C, D, H, W): a volume (C, D, H, W) seen through M shifts (M, 3), xyz.

    What ``dense_motion.sample_volume`` gives at grid + shift, with zeros outside.
    """
    channels, depth, height, width = volume.shape
    count = len(shifts)
    x, y, z = (
        _interpolation(size, shifts[:, axis]) for axis, size in enumerate((width, height, depth))
    )
    out = volume.reshape(1, -1, width).expand(count, -1, -1) @ x.mT
    out = out.view(count, channels * depth, height, width)
    out = y.unsqueeze(1) @ out
    out = z.unsqueeze(1) @ out.view(count, channels, depth, height * width)
    return out.view(count, channels, depth, height, width)


def _interpolation(size: int, shifts: Tensor) -> Tensor:
    """(M, size, size) matrices that read a line at its grid's places plus a shift, linearly."""
    cells = torch.arange(size, device=shifts.device, dtype=shifts.dtype)
    grid = 2 * (cells / (size - 1)) - 1
    # From [-1, 1] to cells as if -1 and 1 were outer faces, see sample_volume.
    places = ((grid + shifts[:, None] + 1) * size - 1) / 2
    return (1 - (places.unsqueeze(-1) - cells).abs()).clamp_(min=0)


def gaussians(size: tuple[int, int, int], kp: Tensor) -> Tensor:
    """(N, K, D, H, W) Gaussians round keypoints (N, K, 3), as the product of three lines."""
    lines: list[Tensor] = []
    for axis, cells in enumerate(reversed(size)):
        grid = 2 * (torch.arange(cells, device=kp.device).to(kp) / (cells - 1)) - 1
        lines.append(torch.exp(-0.5 * (grid - kp[..., axis, None]) ** 2 / HEATMAP_VARIANCE))
    x, y, z = lines
    return z[..., :, None, None] * (y[..., :, None] * x[..., None, :]).unsqueeze(2)


def _relu_and_halve(conv: Conv, x: Tensor) -> Tensor:
    """ReLU of a convolution, then the mean of 2x2; strip by strip."""
    count, depth, height, width, _ = x.shape
    out = x.new_empty((count, depth, height // 2, width // 2, conv.channels_out))
    for rows, part in conv.strips(x):
        part = part.relu()
        top, bottom = part[:, :, 0::2], part[:, :, 1::2]
        pairs = top + bottom
        total = pairs[:, :, :, 0::2] + pairs[:, :, :, 1::2]
        torch.mul(total, 0.25, out=out[:, :, rows.start // 2 : rows.stop // 2])
    return out

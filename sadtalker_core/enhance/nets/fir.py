"""StyleGAN2's custom operations in plain tensors: a filter with resampling, and its activation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def upfirdn2d(
    x: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)
) -> Tensor:
    """Zeros between the samples, padding, a true convolution, and every ``down``-th sample of it.

    Args:
        x: (B, C, H, W).
        kernel: (k, k); it is flipped, as a convolution does.
        up: samples for each sample: ``up - 1`` zeros follow it.
        down: which samples are kept.
        pad: zeros before and after, on both axes alike; a negative number cuts off.

    Returns:
        (B, C, H', W')
    """
    batch, channels, height, width = x.shape
    if up > 1:
        spread = x.new_zeros(batch, channels, height, up, width, up)
        spread[:, :, :, 0, :, 0] = x
        x = spread.reshape(batch, channels, height * up, width * up)
    before, after = pad
    if before != after or before < 0:
        x, before = F.pad(x, (*pad, *pad)), 0
    # Every channel by itself in one call, channels last: as a picture for each channel it takes
    # sixteen times as long on a CPU.
    x = x.contiguous(memory_format=torch.channels_last)
    weight = kernel.flip(0, 1).to(x.dtype).expand(channels, 1, -1, -1)
    return F.conv2d(x, weight, stride=down, padding=before, groups=channels)


def fused_leaky_relu(x: Tensor, bias: Tensor) -> Tensor:
    """``sqrt(2) * leaky_relu(x + bias, 0.2)``; ``bias`` (C,) belongs to axis 1."""
    shape = [1, -1] + [1] * (x.dim() - 2)
    return F.leaky_relu(x + bias.reshape(shape), 0.2) * math.sqrt(2)

"""Weights rewritten once, so that every frame needs fewer operations for the same numbers.

All of it happens in float64 and is rounded once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

Weights = tuple[Tensor, Tensor]


def fold_norm(block: nn.Module) -> Weights:
    """Weight and bias of a block's ``conv`` with its batch norm ``norm`` after it, as stored."""
    conv, norm = getattr(block, "conv", None), getattr(block, "norm", None)
    if not isinstance(norm, (nn.BatchNorm2d, nn.BatchNorm3d)):
        raise TypeError(f"Expected a block with a batch norm, got {type(block).__name__}.")
    return folded(conv_weights(conv), norm)


def folded(weights: Weights, norm: nn.BatchNorm2d | nn.BatchNorm3d) -> Weights:
    """Weight and bias of a convolution with a batch norm after it."""
    weight, bias = weights
    scale, shift = norm_terms(norm)
    scaled = weight.double() * scale.view(-1, *[1] * (weight.ndim - 1))
    return scaled.float(), (bias.double() * scale + shift).float()


def norm_terms(norm: nn.BatchNorm2d | nn.BatchNorm3d) -> Weights:
    """(C,) multiplier and offset of a batch norm with stored statistics, float64."""
    mean, var = norm.running_mean, norm.running_var
    if mean is None or var is None:
        raise ValueError("Only norms with stored statistics can be folded.")
    scale = norm.weight.detach().double() / torch.sqrt(var.double() + norm.eps)
    return scale, norm.bias.detach().double() - mean.double() * scale


def split_rows(weight: Tensor) -> list[Tensor]:
    """A 3-tap kernel over a doubled (nearest) line, as two 2-tap kernels over the line itself.

    Output 2i sees inputs i-1, i, i and output 2i+1 sees i, i, i+1. The taps are on the
    second-last axis, the results' as well.
    """
    first, middle, last = weight.double().unbind(-2)
    even = torch.stack([first, middle + last], -2)
    odd = torch.stack([first + middle, last], -2)
    return [even, odd]


def split_phases(weight: Tensor) -> list[list[Tensor]]:
    """Kernels (..., 2, 2) by row and column phase of a (..., 3, 3) kernel over a doubled map."""
    return [
        [both.transpose(-1, -2) for both in split_rows(rows.transpose(-1, -2))]
        for rows in split_rows(weight)
    ]


def conv_weights(conv: object) -> Weights:
    """Weight and bias of a convolution that has both."""
    if not isinstance(conv, (nn.Conv2d, nn.Conv3d)) or conv.bias is None:
        raise TypeError(f"Expected a convolution with bias, got {type(conv).__name__}.")
    return conv.weight.detach(), conv.bias.detach()


def joined(parts: list[Weights]) -> Weights:
    """One convolution that gives what several give, channel after channel."""
    return torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts])

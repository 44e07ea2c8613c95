"""What tests of networks that share these layers need."""

from __future__ import annotations

import torch
from torch import nn


def randomise(net: nn.Module, seed: int) -> None:
    """Norms with statistics of their own: a fresh batch norm would hide a folding mistake."""
    random = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            for tensor in (module.running_mean, module.bias):
                assert tensor is not None
                tensor.data = 0.3 * torch.randn(tensor.shape, generator=random)
            for tensor in (module.running_var, module.weight):
                assert tensor is not None
                tensor.data = 0.5 + torch.rand(tensor.shape, generator=random)


def moved_keypoints(
    frames: int, seed: int = 1, keypoints: int = 3
) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, K, 3) of a portrait and (frames, K, 3) near them."""
    random = torch.Generator().manual_seed(seed)
    source = torch.rand(1, keypoints, 3, generator=random) - 0.5
    return source, source + 0.2 * torch.randn(frames, keypoints, 3, generator=random)

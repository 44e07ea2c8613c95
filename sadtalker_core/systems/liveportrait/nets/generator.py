"""G, the generator: a bent feature map drawn as a picture of twice the source's side."""

from __future__ import annotations

import torch
from torch import Tensor

from ...blocks.spade import SpadeConfig, SpadeDecoder


class SpadeGenerator(SpadeDecoder):
    """(B, 256, 64, 64) features to (B, 3, 512, 512) RGB in (0, 1).

    ``config`` is the decoder's; without one it has the published sizes.
    """

    def __init__(self, config: SpadeConfig | None = None) -> None:
        super().__init__(config or SpadeConfig(enlarges=True))

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(super().forward(features))

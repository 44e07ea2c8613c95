"""ExpNet: speech and a reference expression become expression coefficients of a 3D face."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .audio_encoder import AudioEncoderConfig, mel_encoder


@dataclass(frozen=True)
class ExpNetConfig:
    """Sizes of ExpNet; the defaults are the published ones."""

    audio: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)
    expression: int = 64


class ExpNet(nn.Module):
    """Attribute names are those under ``audio2exp.`` in the published checkpoint."""

    def __init__(self, config: ExpNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ExpNetConfig()
        self.audio_encoder = mel_encoder(config.audio)
        # one more input: how far the eyes are closed
        self.mapping1 = nn.Linear(config.audio.embedding + config.expression + 1, config.expression)

    def embed(self, windows: Tensor) -> Tensor:
        """(N, 1, 80, 16) mel windows -> (N, 512)."""
        return self.audio_encoder(windows).flatten(1)

    def express(self, embedding: Tensor, reference: Tensor, blink_ratio: Tensor) -> Tensor:
        """(N, 512), (N, 64) expression to start from, (N, 1) closing of the eyes -> (N, 64)."""
        return self.mapping1(torch.cat([embedding, reference, blink_ratio], 1))

    def forward(self, windows: Tensor, reference: Tensor, blink_ratio: Tensor) -> Tensor:
        return self.express(self.embed(windows), reference, blink_ratio)

"""The speech encoder under a name of its own, as PoseVAE's checkpoint has it."""

from __future__ import annotations

from torch import Tensor, nn

from ...blocks.mel_encoder import AudioEncoderConfig, MelConv, mel_encoder

__all__ = ["AudioEncoder", "AudioEncoderConfig", "MelConv", "mel_encoder"]


class AudioEncoder(nn.Module):
    """Speech encoder of expression and head pose networks."""

    def __init__(self, config: AudioEncoderConfig) -> None:
        super().__init__()
        self.audio_encoder = mel_encoder(config)

    def forward(self, windows: Tensor) -> Tensor:
        """(N, 1, 80, 16) mel windows -> (N, 16 width)."""
        return self.audio_encoder(windows).flatten(1)

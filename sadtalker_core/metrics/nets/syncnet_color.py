"""Wav2Lip's lip expert: do five frames of lips and a fifth of a second of sound belong together?"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from ...systems.blocks.mel_encoder import AudioEncoderConfig, MelConv, mel_encoder

FRAMES = 5


@dataclass(frozen=True)
class SyncNetColorConfig:
    """``width`` channels in the first block of both encoders, 16 times as many in what they say."""

    width: int = 32


class SyncNetColor(nn.Module):
    """Two encoders whose results point the same way when lips and sound match."""

    def __init__(self, config: SyncNetColorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SyncNetColorConfig()
        a, b, c, d, e = (config.width * factor for factor in (1, 2, 4, 8, 16))
        self.face_encoder = nn.Sequential(
            MelConv(3 * FRAMES, a, kernel=7, padding=3),
            MelConv(a, b, kernel=5, stride=(1, 2), padding=1),  # 46 x 47 of 48 x 96
            *(MelConv(b, b, residual=True) for _ in range(2)),
            MelConv(b, c, stride=2),
            *(MelConv(c, c, residual=True) for _ in range(3)),
            MelConv(c, d, stride=2),
            *(MelConv(d, d, residual=True) for _ in range(2)),
            MelConv(d, e, stride=2),
            *(MelConv(e, e, residual=True) for _ in range(2)),
            MelConv(e, e, stride=2),
            MelConv(e, e, padding=0),
            MelConv(e, e, kernel=1, padding=0),
        )
        self.audio_encoder = mel_encoder(AudioEncoderConfig(config.width), last_residuals=2)

    def forward(self, mel: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        """What is heard and what is seen, of length one; their product is 0 to 1.

        Args:
            mel: (B, 1, 80, 16) in [-4, 4].
            faces: (B, 15, 48, 96): the lower halves of five 96 pixel frames one after the other,
                each BGR in [0, 1].

        Returns:
            (B, 16 width) of the sound and of the lips.
        """
        heard = self.audio_encoder(mel).flatten(1)
        seen = self.face_encoder(faces).flatten(1)
        return F.normalize(heard), F.normalize(seen)

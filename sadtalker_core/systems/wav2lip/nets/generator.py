"""Wav2Lip's generator: a face whose lower half is hidden, another view of it, a window of sound ->
the face with lips for the sound (Prajwal et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...blocks.mel_encoder import AudioEncoderConfig, MelConv, mel_encoder

FACE_SIZE = 96


@dataclass(frozen=True)
class Wav2LipConfig:
    """``width`` channels in the first block of the face; the speech encoder begins with twice."""

    width: int = 16


class UpConv(nn.Module):
    """Transposed convolution, batch norm, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 2, padding: int = 1
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ConvTranspose2d(
                in_channels, out_channels, 3, stride, padding, output_padding=stride - 1
            ),
            nn.BatchNorm2d(out_channels),
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv_block(x))


def _residuals(channels: int, count: int) -> list[nn.Module]:
    return [MelConv(channels, channels, residual=True) for _ in range(count)]


class Wav2Lip(nn.Module):
    """The generator. Faces are BGR, as OpenCV has them."""

    def __init__(self, config: Wav2LipConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or Wav2LipConfig()
        w = config.width
        # 96, 48, 24, 12, 6, 3 and 1 pixels
        levels = ((w, 2 * w, 2), (2 * w, 4 * w, 3), (4 * w, 8 * w, 2), (8 * w, 16 * w, 2))
        self.face_encoder_blocks = nn.ModuleList(
            [
                nn.Sequential(MelConv(6, w, kernel=7, padding=3)),
                *(
                    nn.Sequential(MelConv(a, b, stride=2), *_residuals(b, count))
                    for a, b, count in (*levels, (16 * w, 32 * w, 1))
                ),
                nn.Sequential(
                    MelConv(32 * w, 32 * w, padding=0),
                    MelConv(32 * w, 32 * w, kernel=1, padding=0),
                ),
            ]
        )
        self.audio_encoder = mel_encoder(AudioEncoderConfig(2 * w))
        # each takes the one before beside the face encoder's block of its size
        self.face_decoder_blocks = nn.ModuleList(
            [
                nn.Sequential(MelConv(32 * w, 32 * w, kernel=1, padding=0)),
                nn.Sequential(UpConv(64 * w, 32 * w, stride=1, padding=0), *_residuals(32 * w, 1)),
                *(
                    nn.Sequential(UpConv(a * w, b * w), *_residuals(b * w, 2))
                    for a, b in ((64, 32), (48, 24), (32, 16), (20, 8), (10, 4))
                ),
            ]
        )
        self.output_block = nn.Sequential(
            MelConv(5 * w, 2 * w), nn.Conv2d(2 * w, 3, 1), nn.Sigmoid()
        )

    def forward(self, mel: Tensor, faces: Tensor) -> Tensor:
        """Lips for each window.

        Args:
            mel: (B, 1, 80, 16) in [-4, 4].
            faces: (B, 6, 96, 96) BGR in [0, 1]: the face with rows 48 to 95 black, and whole.

        Returns:
            (B, 3, 96, 96) BGR in [0, 1].
        """
        x, skips = faces, []
        for block in self.face_encoder_blocks:
            x = block(x)
            skips.append(x)
        x = self.audio_encoder(mel)
        for block in self.face_decoder_blocks:
            x = torch.cat((block(x), skips.pop()), 1)
        return self.output_block(x)

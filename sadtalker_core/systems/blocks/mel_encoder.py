"""Wav2Lip's convolution block, and its speech encoder: a window of mel becomes one embedding.

SadTalker, VideoReTalking and Wav2Lip carry one each, with weights of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class AudioEncoderConfig:
    """``width`` channels in the first block, 16 times as many in the embedding (512)."""

    width: int = 32

    @property
    def embedding(self) -> int:
        return 16 * self.width


class MelConv(nn.Module):
    """Convolution, batch norm, ReLU; ``residual`` adds the input before the ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        stride: int | tuple[int, int] = 1,
        padding: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel, stride, padding),
            nn.BatchNorm2d(out_channels),
        )
        self.act = nn.ReLU()
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv_block(x)
        return self.act(out + x if self.residual else out)


def mel_encoder(config: AudioEncoderConfig, last_residuals: int = 1) -> nn.Sequential:
    """(N, 1, 80, 16) -> (N, 16 width, 1, 1). ``last_residuals`` stand before the last two blocks;
    the lip expert SyncNet has two, all others one."""
    a, b, c, d, e = (config.width * factor for factor in (1, 2, 4, 8, 16))
    return nn.Sequential(
        MelConv(1, a),
        MelConv(a, a, residual=True),
        MelConv(a, a, residual=True),
        MelConv(a, b, stride=(3, 1)),  # 27 x 16
        MelConv(b, b, residual=True),
        MelConv(b, b, residual=True),
        MelConv(b, c, stride=3),  # 9 x 6
        MelConv(c, c, residual=True),
        MelConv(c, c, residual=True),
        MelConv(c, d, stride=(3, 2)),  # 3 x 3
        *(MelConv(d, d, residual=True) for _ in range(last_residuals)),
        MelConv(d, e, padding=0),  # 1 x 1
        MelConv(e, e, kernel=1, padding=0),
    )

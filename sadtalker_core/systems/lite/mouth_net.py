"""The network that hears mouth shapes: log-mel in, lips and phone classes out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

LIPS = ("open", "width", "corners", "pucker", "jaw")
DIRECT_ROWS = 42  # of log-mel around each row of output that the linear filter sees
PHONE_CLASSES = 15  # training.phones.CLASSES; 0 is silence, 1 bilabial, 2 labiodental


@dataclass(frozen=True)
class MouthNetConfig:
    """Sizes of the network.

    Attributes:
        bands: mel bands of the input.
        channels: of the trunk.
        dilations: one residual block each, in rows of the output.
    """

    bands: int = 80
    channels: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)

    @property
    def reach(self) -> int:
        """Rows of output on each side that one row depends on."""
        return sum(self.dilations) + 3


class ResidualBlock(nn.Module):
    """Dilated convolution and a pointwise one, added to their input."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.spread = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.drop = nn.Dropout1d(dropout)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, T) -> (B, C, T)
        y = self.norm(x.transpose(1, 2)).transpose(1, 2)
        y = nn.functional.gelu(self.spread(y))
        return x + self.mix(self.drop(y))


class MouthNet(nn.Module):
    """Residual convolutions at 50 rows per second over log-mel at 100.

    Normalisation is within each row, so that a row depends on ``config.reach`` neighbours only
    and long sounds can be cut into blocks.
    """

    def __init__(self, config: MouthNetConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        width = config.channels
        self.stem = nn.Conv1d(config.bands, width, 6, stride=2, padding=2)
        self.blocks = nn.ModuleList(
            [ResidualBlock(width, dilation, dropout) for dilation in config.dilations]
        )
        self.norm = nn.LayerNorm(width)
        self.phones = nn.Conv1d(width, PHONE_CLASSES, 1)
        self.speech = nn.Conv1d(width, 1, 1)
        self.lips = nn.Conv1d(width, len(LIPS), 1)
        # A plain linear filter of the sound beside the deep path: little data teaches it well.
        self.direct = nn.Conv1d(config.bands, len(LIPS), DIRECT_ROWS, stride=2, padding=20)

    def trunk(self, log_mel: Tensor) -> Tensor:
        """(B, 2T, bands) normalised log-mel -> (B, C, T)."""
        x = self.stem(log_mel.transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        return self.norm(x.transpose(1, 2)).transpose(1, 2)

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 2T, bands) normalised log-mel at 100 rows a second.

        Returns:
            lips (B, T, 5) in units of each speaker's own spread, phone logits (B, T, 15),
            speech logit (B, T), all at 50 rows a second.
        """
        x = self.trunk(log_mel)
        return (
            (self.lips(x) + self.direct(log_mel.transpose(1, 2))).transpose(1, 2),
            self.phones(x).transpose(1, 2),
            self.speech(x)[:, 0],
        )


def config_of(state: dict[str, Tensor]) -> MouthNetConfig:
    """Sizes read from the shapes of saved weights; dilations double from block to block."""
    channels, bands, _ = state["stem.weight"].shape
    blocks = len({name.split(".")[1] for name in state if name.startswith("blocks.")})
    return MouthNetConfig(bands, channels, tuple(2**i for i in range(blocks)))


def parameters(net: nn.Module) -> int:
    """How many numbers the network has."""
    return sum(torch.numel(p) for p in net.parameters())

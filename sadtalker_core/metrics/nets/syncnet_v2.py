"""The original SyncNet, which LSE-D and LSE-C are measured with (Chung and Zisserman 2016).

Names as in ``syncnet_v2.model`` of joonson/syncnet_python.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

FRAMES = 5
LIP_SIZE = 224
MFCC_ROWS = 20  # rows of MFCC that five frames last


@dataclass(frozen=True)
class SyncNetV2Config:
    """``width``: a 32nd of the length of the results, of which all channels are multiples."""

    width: int = 32


def _norm_relu(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels), nn.ReLU()


def _lips(
    in_channels: int, out_channels: int, kernel: tuple[int, int, int], **more: object
) -> list[nn.Module]:
    conv = nn.Conv3d(in_channels, out_channels, kernel, **more)  # type: ignore[arg-type]
    return [conv, nn.BatchNorm3d(out_channels), nn.ReLU()]


class SyncNetV2(nn.Module):
    """Two encoders whose results are near each other when lips and sound match."""

    def __init__(self, config: SyncNetV2Config | None = None) -> None:
        super().__init__()
        self.config = config = config or SyncNetV2Config()
        w = config.width
        self.netcnnaud = nn.Sequential(
            nn.Conv2d(1, 2 * w, 3, padding=1),
            *_norm_relu(2 * w),
            nn.MaxPool2d(1, 1),
            nn.Conv2d(2 * w, 6 * w, 3, padding=1),
            *_norm_relu(6 * w),
            nn.MaxPool2d(3, (1, 2)),
            nn.Conv2d(6 * w, 12 * w, 3, padding=1),
            *_norm_relu(12 * w),
            nn.Conv2d(12 * w, 8 * w, 3, padding=1),
            *_norm_relu(8 * w),
            nn.Conv2d(8 * w, 8 * w, 3, padding=1),
            *_norm_relu(8 * w),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(8 * w, 16 * w, (5, 4)),
            *_norm_relu(16 * w),
        )
        self.netfcaud = self._head(w)
        self.netfclip = self._head(w)
        self.netcnnlip = nn.Sequential(
            *_lips(3, 3 * w, (FRAMES, 7, 7), stride=(1, 2, 2)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_lips(3 * w, 8 * w, (1, 5, 5), stride=(1, 2, 2), padding=(0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), padding=(0, 1, 1)),
            *_lips(8 * w, 8 * w, (1, 3, 3), padding=(0, 1, 1)),
            *_lips(8 * w, 8 * w, (1, 3, 3), padding=(0, 1, 1)),
            *_lips(8 * w, 8 * w, (1, 3, 3), padding=(0, 1, 1)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_lips(8 * w, 16 * w, (1, 6, 6)),
        )

    @staticmethod
    def _head(width: int) -> nn.Sequential:
        inner = 16 * width
        return nn.Sequential(
            nn.Linear(inner, inner),
            nn.BatchNorm1d(inner),
            nn.ReLU(),
            nn.Linear(inner, 32 * width),
        )

    def of_sound(self, mfcc: Tensor) -> Tensor:
        """(B, 1, 13, 20) MFCC, coefficient by row of time -> (B, 32 width)."""
        return self.netfcaud(self.netcnnaud(mfcc).flatten(1))

    def of_lips(self, frames: Tensor) -> Tensor:
        """(B, 3, 5, 224, 224) five frames BGR, 0 to 255 -> (B, 32 width)."""
        return self.netfclip(self.netcnnlip(frames).flatten(1))

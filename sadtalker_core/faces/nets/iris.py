"""MediaPipe's iris net: eye contour, brow and iris in a 64x64 crop of one eye (Ablavatski 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from .blaze_block import BottleneckBlock, stride_two_conv

INPUT_SIZE = 64
EYE_POINTS = 71
IRIS_POINTS = 5


def _stage(in_channels: int, out_channels: int, blocks: int) -> nn.Sequential:
    down = BottleneckBlock(in_channels, out_channels, 2)
    rest = [BottleneckBlock(out_channels, out_channels) for _ in range(blocks)]
    return nn.Sequential(down, *rest)


def _head(outputs: int) -> nn.Sequential:
    """8x8x128 -> 4x4 -> 2x2 -> 1x1."""
    return nn.Sequential(
        *[BottleneckBlock(128, 128) for _ in range(2)],
        *_stage(128, 128, 2),
        *_stage(128, 128, 2),
        nn.Conv2d(128, outputs, 2),
    )


class IrisNet(nn.Module):
    """Points around one eye. The net knows the viewer's left eye; mirror the other."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = stride_two_conv(3, 64, 3)
        self.stem_act = nn.PReLU(64)
        self.stage32 = nn.Sequential(*[BottleneckBlock(64, 64) for _ in range(4)])
        self.stage16 = _stage(64, 128, 4)
        self.stage8 = _stage(128, 128, 0)
        self.eye_head = _head(EYE_POINTS * 3)
        self.iris_head = _head(IRIS_POINTS * 3)

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 64, 64) RGB in [0, 1] -> eye (B, 71, 3), iris (B, 5, 3), xyz in crop pixels."""
        x = self.stage32(self.stem_act(self.stem(crop)))
        x = self.stage8(self.stage16(x))
        eye = self.eye_head(x).reshape(x.shape[0], EYE_POINTS, 3)
        return eye, self.iris_head(x).reshape(x.shape[0], IRIS_POINTS, 3)

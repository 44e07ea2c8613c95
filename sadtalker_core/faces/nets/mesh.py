"""MediaPipe's face mesh: 468 points of a face in a 192x192 crop (Kartynnik et al. 2019)."""

from __future__ import annotations

from torch import Tensor, nn

from .blaze_block import BlazeBlock, stride_two_conv

INPUT_SIZE = 192
POINTS = 468


def _stage(in_channels: int, out_channels: int, blocks: int) -> nn.Sequential:
    down = BlazeBlock(in_channels, out_channels, 2, is_prelu=True)
    rest = [BlazeBlock(out_channels, out_channels, is_prelu=True) for _ in range(blocks)]
    return nn.Sequential(down, *rest)


class FaceMesh(nn.Module):
    """Points of the face surface, and whether there is a face at all."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = stride_two_conv(3, 16, 3)
        self.stem_act = nn.PReLU(16)
        self.stage96 = nn.Sequential(*[BlazeBlock(16, 16, is_prelu=True) for _ in range(2)])
        self.stage48 = _stage(16, 32, 2)
        self.stage24 = _stage(32, 64, 2)
        self.stage12 = _stage(64, 128, 2)
        self.stage6 = _stage(128, 128, 2)
        self.points_head = _head(3, POINTS * 3)
        self.presence_head = _head(1, 1)

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 192, 192) RGB in [0, 1] -> points (B, 468, 3) in crop pixels, logits (B,)."""
        x = self.stage96(self.stem_act(self.stem(crop)))
        x = self.stage6(self.stage12(self.stage24(self.stage48(x))))
        points = self.points_head(x).reshape(x.shape[0], POINTS, 3)
        return points, self.presence_head(x).reshape(x.shape[0])


def _head(blocks: int, outputs: int) -> nn.Sequential:
    """6x6x128 -> 3x3x128 (``blocks`` blocks, the first with stride 2) -> 3x3x32 -> 1x1."""
    down = BlazeBlock(128, 128, 2, is_prelu=True)
    rest = [BlazeBlock(128, 128, is_prelu=True) for _ in range(blocks - 1)]
    return nn.Sequential(
        down,
        *rest,
        nn.Conv2d(128, 32, 1),
        nn.PReLU(32),
        BlazeBlock(32, 32, is_prelu=True),
        nn.Conv2d(32, outputs, 3),
    )

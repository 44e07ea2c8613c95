"""BlazeFace, the ``back`` variant: faces in a 256x256 picture (Bazarevsky et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blaze_block import BlazeBlock, stride_two_conv

INPUT_SIZE = 256
ANCHORS = 896  # 16 x 16 cells with 2 anchors, then 8 x 8 cells with 6


class FaceDetector(nn.Module):
    """Scores and boxes of 896 anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = stride_two_conv(3, 24, 5)
        self.stage128 = nn.Sequential(*[BlazeBlock(24, 24) for _ in range(7)])
        self.stage64 = nn.Sequential(BlazeBlock(24, 24, 2), *[BlazeBlock(24, 24) for _ in range(7)])
        self.stage32 = nn.Sequential(BlazeBlock(24, 48, 2), *[BlazeBlock(48, 48) for _ in range(7)])
        self.stage16 = nn.Sequential(BlazeBlock(48, 96, 2), *[BlazeBlock(96, 96) for _ in range(7)])
        self.to8_depthwise = stride_two_conv(96, 96, 3, groups=96)
        self.to8_pointwise = nn.Conv2d(96, 96, 1)
        self.scores16 = nn.Conv2d(96, 2, 1)
        self.scores8 = nn.Conv2d(96, 6, 1)
        self.boxes16 = nn.Conv2d(96, 2 * 16, 1)
        self.boxes8 = nn.Conv2d(96, 6 * 16, 1)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 256, 256) RGB in [-1, 1] -> logits (B, 896) and boxes (B, 896, 16).

        Boxes: centre x, y, width, height, then six (x, y) key points (viewer's left eye, right
        eye, nose, mouth, left ear, right ear), in input pixels relative to the anchor's centre.
        """
        x = torch.relu_(self.stem(picture))
        x = self.stage64(self.stage128(x))
        x16 = self.stage16(self.stage32(x))
        x8 = torch.relu_(self.to8_pointwise(self.to8_depthwise(x16)))
        logits = torch.cat([_rows(self.scores16(x16), 1), _rows(self.scores8(x8), 1)], dim=1)
        boxes = torch.cat([_rows(self.boxes16(x16), 16), _rows(self.boxes8(x8), 16)], dim=1)
        return logits[..., 0], boxes


def _rows(x: Tensor, width: int) -> Tensor:
    """(B, A * width, H, W) -> (B, H * W * A, width): cell by cell, as the anchors are listed."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, width)

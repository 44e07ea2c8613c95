"""Building blocks of MediaPipe's face nets.

TensorFlow pads the bottom and right edge only when a stride of 2 meets an even size. Here such
kernels are stored one row and one column larger (with zeros first), so that symmetric padding
gives the same numbers without a separate padding step.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def stride_two_conv(in_channels: int, out_channels: int, kernel: int, groups: int = 1) -> nn.Conv2d:
    """TensorFlow's ``SAME`` convolution of an odd ``kernel`` with stride 2, for even sizes."""
    return nn.Conv2d(
        in_channels, out_channels, kernel + 1, stride=2, padding=(kernel - 1) // 2, groups=groups
    )


def widen(x: Tensor, channels: int) -> Tensor:
    """``x`` (B, C, H, W) with channels of zeros added behind, up to ``channels``."""
    missing = channels - x.shape[1]
    return F.pad(x, (0, 0, 0, 0, 0, missing)) if missing else x


class BlazeBlock(nn.Module):
    """Depthwise 3x3, pointwise 1x1, residual, activation; ``stride`` 2 pools the residual.

    ``is_prelu`` chooses between ReLU (detector) and a learnt slope for each channel (mesh).
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, is_prelu: bool = False
    ) -> None:
        super().__init__()
        self.stride = stride
        self.out_channels = out_channels
        if stride == 2:
            self.depthwise = stride_two_conv(in_channels, in_channels, 3, groups=in_channels)
        else:
            self.depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)
        self.act = nn.PReLU(out_channels) if is_prelu else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H / stride, W / stride)."""
        kept = F.max_pool2d(x, 2) if self.stride == 2 else x
        kept = widen(kept, self.out_channels)
        return self.act(self.pointwise(self.depthwise(x)).add_(kept))


class BottleneckBlock(nn.Module):
    """Pointwise squeeze to half the channels, depthwise 3x3, pointwise, residual, PReLU."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.out_channels = out_channels
        hidden = out_channels // 2
        self.squeeze = nn.Conv2d(in_channels, hidden, stride, stride=stride)
        self.squeeze_act = nn.PReLU(hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.pointwise = nn.Conv2d(hidden, out_channels, 1)
        self.act = nn.PReLU(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H / stride, W / stride)."""
        kept = F.max_pool2d(x, 2) if self.stride == 2 else x
        kept = widen(kept, self.out_channels)
        y = self.squeeze_act(self.squeeze(x))
        return self.act(self.pointwise(self.depthwise(y)).add_(kept))

"""SPADE decoder: a feature map drawn as a picture, every norm steered by that feature map.

Semantic image synthesis with spatially-adaptive normalization (Park 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLUs


@dataclass(frozen=True)
class SpadeConfig:
    """Sizes of the decoder; the defaults are the published ones.

    Attributes:
        inputs: channels of the feature map, which steers all norms.
        outputs: channels of the last block.
        hidden: channels between the feature map and a norm's scale and shift.
        enlarges: whether the last convolution makes four pixels of each.
    """

    inputs: int = 256
    outputs: int = 64
    hidden: int = 128
    enlarges: bool = False


class SpectralConv2d(nn.Module):
    """Convolution whose weight is divided by its spectral norm, which stored vectors give.

    Tensors are named as torch's older ``spectral_norm`` named them. The vectors stay as stored, as
    that does in evaluation: this network is for inference.
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, channels_in: int, channels_out: int, kernel: int, bias: bool = True) -> None:
        super().__init__()
        shape = (channels_out, channels_in, kernel, kernel)
        self.weight_orig = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(channels_out)) if bias else None
        self.register_buffer("weight_u", torch.empty(channels_out))
        self.register_buffer("weight_v", torch.empty(channels_in * kernel * kernel))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Random weights with vectors that fit them well enough to compute with."""
        nn.init.kaiming_uniform_(self.weight_orig, a=5**0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        nn.init.normal_(self.weight_u)
        with torch.no_grad():
            flat = self.weight_orig.flatten(1)
            for _ in range(3):
                self.weight_v.copy_(F.normalize(flat.T @ self.weight_u, dim=0))
                self.weight_u.copy_(F.normalize(flat @ self.weight_v, dim=0))

    def weight(self) -> Tensor:
        """The weight that is convolved with."""
        sigma = torch.dot(self.weight_u, torch.mv(self.weight_orig.flatten(1), self.weight_v))
        return self.weight_orig / sigma

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight(), self.bias, padding=self.weight_orig.shape[-1] // 2)


class Spade(nn.Module):
    """Instance norm whose scale and shift come from a feature map, pixel by pixel."""

    def __init__(self, channels: int, config: SpadeConfig) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(
            nn.Conv2d(config.inputs, config.hidden, 3, padding=1), nn.ReLU()
        )
        self.mlp_gamma = nn.Conv2d(config.hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(config.hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        features = F.interpolate(features, size=x.shape[2:], mode="nearest")
        steer = self.mlp_shared(features)
        # The picture's own statistics, in evaluation as well.
        return F.instance_norm(x) * (1 + self.mlp_gamma(steer)) + self.mlp_beta(steer)


class SpadeResBlock(nn.Module):
    """Residual block of two steered convolutions."""

    def __init__(self, channels_in: int, channels_out: int, config: SpadeConfig) -> None:
        super().__init__()
        middle = min(channels_in, channels_out)
        self.conv_0 = SpectralConv2d(channels_in, middle, 3)
        self.conv_1 = SpectralConv2d(middle, channels_out, 3)
        self.norm_0 = Spade(channels_in, config)
        self.norm_1 = Spade(middle, config)
        self.learned_shortcut = channels_in != channels_out
        if self.learned_shortcut:
            self.conv_s = SpectralConv2d(channels_in, channels_out, 1, bias=False)
            self.norm_s = Spade(channels_in, config)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        out = self.conv_0(F.leaky_relu(self.norm_0(x, features), SLOPE))
        out = self.conv_1(F.leaky_relu(self.norm_1(out, features), SLOPE))
        return out + (self.conv_s(self.norm_s(x, features)) if self.learned_shortcut else x)


class SpadeDecoder(nn.Module):
    """(B, inputs, H, W) features to logits (B, 3, 4H, 4W) of a picture, 8H and 8W if enlarged."""

    def __init__(self, config: SpadeConfig | None = None) -> None:
        super().__init__()
        config = config or SpadeConfig()
        self.config = config
        wide = 2 * config.inputs
        self.fc = nn.Conv2d(config.inputs, wide, 3, padding=1)
        self.G_middle_0 = SpadeResBlock(wide, wide, config)
        self.G_middle_1 = SpadeResBlock(wide, wide, config)
        self.G_middle_2 = SpadeResBlock(wide, wide, config)
        self.G_middle_3 = SpadeResBlock(wide, wide, config)
        self.G_middle_4 = SpadeResBlock(wide, wide, config)
        self.G_middle_5 = SpadeResBlock(wide, wide, config)
        self.up_0 = SpadeResBlock(wide, config.inputs, config)
        self.up_1 = SpadeResBlock(config.inputs, config.outputs, config)
        if config.enlarges:
            last = nn.Conv2d(config.outputs, 12, 3, padding=1)
            self.conv_img = nn.Sequential(last, nn.PixelShuffle(2))
        else:
            self.conv_img = nn.Conv2d(config.outputs, 3, 3, padding=1)

    def middle_blocks(self) -> list[SpadeResBlock]:
        """The blocks at the feature map's own resolution, first to last."""
        return [getattr(self, f"G_middle_{i}") for i in range(6)]

    def forward(self, features: Tensor) -> Tensor:
        x = self.fc(features)
        for block in self.middle_blocks():
            x = block(x, features)
        x = self.up_0(F.interpolate(x, scale_factor=2.0, mode="nearest"), features)
        x = self.up_1(F.interpolate(x, scale_factor=2.0, mode="nearest"), features)
        return self.conv_img(F.leaky_relu(x, SLOPE))

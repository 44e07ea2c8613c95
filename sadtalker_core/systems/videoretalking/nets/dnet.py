"""DNet: a face with another expression, steered by 3DMM coefficients (PIRenderer's design)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import SLOPE, AdaIN, ConvBlock, LastConv, LayerNorm2d, UpBlock


@dataclass(frozen=True)
class DNetConfig:
    """Sizes; the defaults are the published ones.

    Attributes:
        coefficients: in a row of the 3DMM window.
        descriptor: numbers that steer the norms.
        hidden: of a norm, between descriptor and scale.
        mapping_layers: dilated convolutions over time.
        warp_width, warp_most: channels of the first and of the widest level of the warping net.
        warp_down, warp_up: its levels down and up again.
        edit_width, edit_most, edit_levels: the same of the editing net.
        edit_blocks: residual blocks of each of its levels.
    """

    coefficients: int = 73
    descriptor: int = 256
    hidden: int = 128
    mapping_layers: int = 3
    warp_width: int = 32
    warp_most: int = 256
    warp_down: int = 5
    warp_up: int = 3
    edit_width: int = 64
    edit_most: int = 256
    edit_levels: int = 3
    edit_blocks: int = 2

    def warp_channels(self, level: int) -> int:
        """Of the warping net's feature after ``level`` halvings."""
        return min(self.warp_width * 2**level, self.warp_most)

    def edit_channels(self, level: int) -> int:
        """The same of the editing net."""
        return min(self.edit_width * 2**level, self.edit_most)


class Edited(NamedTuple):
    """What DNet returns.

    Attributes:
        image: (B, 3, H, W) in [-1, 1], the face with the new expression.
        warped: (B, 3, H, W), the input moved by the flow.
        flow: (B, 2, H/4, W/4), x and y in pixels of its own grid.
    """

    image: Tensor
    warped: Tensor
    flow: Tensor


class MappingNet(nn.Module):
    """A window of coefficients to one descriptor."""

    def __init__(self, config: DNetConfig) -> None:
        super().__init__()
        self.layers = config.mapping_layers
        width = config.descriptor
        self.first = nn.Sequential(nn.Conv1d(config.coefficients, width, 7))
        for layer in range(self.layers):
            step = nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv1d(width, width, 3, dilation=3))
            setattr(self, f"encoder{layer}", step)

    def forward(self, window: Tensor) -> Tensor:
        """(B, 73, 26) -> (B, 256, 1)."""
        out = self.first(window)
        for layer in range(self.layers):
            out = getattr(self, f"encoder{layer}")(out) + out[:, :, 3:-3]
        return F.adaptive_avg_pool1d(out, 1)


class _WarpDown(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, config: DNetConfig) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(channels_in, channels_out, 4, 2, 1)
        self.conv_1 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.norm_0 = AdaIN(channels_in, config.descriptor, config.hidden)
        self.norm_1 = AdaIN(channels_out, config.descriptor, config.hidden)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        x = self.conv_0(F.leaky_relu(self.norm_0(x, descriptor), SLOPE))
        return self.conv_1(F.leaky_relu(self.norm_1(x, descriptor), SLOPE))


class _WarpUp(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, config: DNetConfig) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv_1 = nn.ConvTranspose2d(channels_out, channels_out, 3, 2, 1, 1)
        self.conv_s = nn.ConvTranspose2d(channels_in, channels_out, 3, 2, 1, 1)
        self.norm_0 = AdaIN(channels_in, config.descriptor, config.hidden)
        self.norm_1 = AdaIN(channels_out, config.descriptor, config.hidden)
        self.norm_s = AdaIN(channels_in, config.descriptor, config.hidden)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        aside = self.conv_s(F.leaky_relu(self.norm_s(x, descriptor), SLOPE))
        x = self.conv_0(F.leaky_relu(self.norm_0(x, descriptor), SLOPE))
        return aside + self.conv_1(F.leaky_relu(self.norm_1(x, descriptor), SLOPE))


class _WarpEncoder(nn.Module):
    def __init__(self, config: DNetConfig) -> None:
        super().__init__()
        self.levels = config.warp_down
        self.input_layer = nn.Conv2d(3, config.warp_width, 7, padding=3)
        for level in range(self.levels):
            sizes = config.warp_channels(level), config.warp_channels(level + 1)
            setattr(self, f"encoder{level}", _WarpDown(*sizes, config))

    def forward(self, image: Tensor, descriptor: Tensor) -> list[Tensor]:
        features = [self.input_layer(image)]
        for level in range(self.levels):
            features.append(getattr(self, f"encoder{level}")(features[-1], descriptor))
        return features


class _WarpDecoder(nn.Module):
    def __init__(self, config: DNetConfig) -> None:
        super().__init__()
        self.order = [config.warp_down - 1 - step for step in range(config.warp_up)]
        for level in self.order:
            joined = 1 if level == self.order[0] else 2
            channels_in = joined * config.warp_channels(level + 1)
            setattr(
                self, f"decoder{level}", _WarpUp(channels_in, config.warp_channels(level), config)
            )

    def forward(self, features: list[Tensor], descriptor: Tensor) -> Tensor:
        out = features[-1]
        for level in self.order:
            out = getattr(self, f"decoder{level}")(out, descriptor)
            out = torch.cat([out, features[level]], 1)
        return out


class Hourglass(nn.Module):
    """(B, 3, H, W) and descriptor to (B, 256, H/4, W/4)."""

    def __init__(self, config: DNetConfig) -> None:
        super().__init__()
        self.encoder = _WarpEncoder(config)
        self.decoder = _WarpDecoder(config)

    def forward(self, image: Tensor, descriptor: Tensor) -> Tensor:
        return self.decoder(self.encoder(image, descriptor), descriptor)


def deformation_of(flow: Tensor) -> Tensor:
    """Where each pixel of the flow's grid looks: (B, h, w, 2) x, y, -1 and 1 at the corner pixels.

    Args:
        flow: (B, 2, h, w), x and y in pixels of its own grid.
    """
    height, width = flow.shape[2:]
    x, y = (2 * (torch.arange(n).to(flow) / (n - 1)) - 1 for n in (width, height))
    grid = torch.stack((x.expand(height, width), y[:, None].expand(height, width)), 2)
    moved = 2 * torch.cat((flow[:, :1] / (width - 1), flow[:, 1:] / (height - 1)), 1)
    return grid + moved.permute(0, 2, 3, 1)


def warp_by(image: Tensor, deformation: Tensor) -> Tensor:
    """``image`` (B, 3, H, W) as seen through a deformation (B, h, w, 2); zero from outside.

    The grid has -1 and 1 at its corner pixels and the sampler takes them for corners of edges: the
    published weights were trained with this disagreement.
    """
    if deformation.shape[1:3] != image.shape[2:]:
        planes = deformation.permute(0, 3, 1, 2)
        planes = F.interpolate(planes, image.shape[2:], mode="bilinear", align_corners=False)
        deformation = planes.permute(0, 2, 3, 1)
    return F.grid_sample(image, deformation, align_corners=False)


class WarpingNet(nn.Module):
    """Finds the flow that brings the face nearer to the wanted expression."""

    def __init__(self, config: DNetConfig) -> None:
        super().__init__()
        self.hourglass = Hourglass(config)
        channels = 2 * config.warp_channels(config.warp_down - config.warp_up)
        self.flow_out = nn.Sequential(
            LayerNorm2d(channels), nn.LeakyReLU(SLOPE), nn.Conv2d(channels, 2, 7, padding=3)
        )

    def forward(self, image: Tensor, descriptor: Tensor) -> Tensor:
        """The flow (B, 2, H/4, W/4)."""
        return self.flow_out(self.hourglass(image, descriptor))


class _EditEncoder(nn.Module):
    def __init__(self, config: DNetConfig) -> None:
        super().__init__()
        self.levels = config.edit_levels
        self.first = ConvBlock(6, config.edit_width, 7, spectral=False)
        for level in range(self.levels):
            sizes = config.edit_channels(level), config.edit_channels(level + 1)
            setattr(self, f"down{level}", ConvBlock(*sizes, spectral=False, halve=True))

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.first(images)]
        for level in range(self.levels):
            features.append(getattr(self, f"down{level}")(features[-1]))
        return features


class _EditBlock(nn.Module):
    """x + norm(conv(x)).

    The checkpoint has a first convolution and norm too, but the reference throws their result away
    (``models/base_blocks.py``, FineADAINResBlock2d), so they are loaded and not computed.
    """

    def __init__(self, channels: int, config: DNetConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = AdaIN(channels, config.descriptor, config.hidden)
        self.norm2 = AdaIN(channels, config.descriptor, config.hidden)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        return self.norm2(self.conv2(x), descriptor) + x


class _EditBlocks(nn.Module):
    def __init__(self, channels: int, config: DNetConfig) -> None:
        super().__init__()
        self.count = config.edit_blocks
        for number in range(self.count):
            setattr(self, f"res{number}", _EditBlock(channels, config))

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        for number in range(self.count):
            x = getattr(self, f"res{number}")(x, descriptor)
        return x


class _EditDecoder(nn.Module):
    def __init__(self, config: DNetConfig) -> None:
        super().__init__()
        self.levels = config.edit_levels
        for level in range(self.levels):
            wide, narrow = config.edit_channels(level + 1), config.edit_channels(level)
            setattr(self, f"up{level}", UpBlock(wide, narrow, spectral=False))
            setattr(self, f"res{level}", _EditBlocks(wide, config))
            setattr(self, f"jump{level}", ConvBlock(narrow, narrow, spectral=False))
        self.final = LastConv(config.edit_width, spectral=False)

    def forward(self, features: list[Tensor], descriptor: Tensor) -> Tensor:
        out = features[-1]
        for level in reversed(range(self.levels)):
            out = getattr(self, f"res{level}")(out, descriptor)
            out = getattr(self, f"up{level}")(out)
            out = getattr(self, f"jump{level}")(features[level]) + out
        return self.final(out)


class EditingNet(nn.Module):
    """Draws the face anew from the picture and its warped form; returns logits."""

    def __init__(self, config: DNetConfig) -> None:
        super().__init__()
        self.encoder = _EditEncoder(config)
        self.decoder = _EditDecoder(config)

    def forward(self, image: Tensor, warped: Tensor, descriptor: Tensor) -> Tensor:
        """(B, 3, H, W) logits of the picture."""
        return self.decoder(self.encoder(torch.cat([image, warped], 1)), descriptor)


class DNet(nn.Module):
    """A face with the expression that a window of coefficients describes."""

    def __init__(self, config: DNetConfig | None = None) -> None:
        super().__init__()
        config = config or DNetConfig()
        self.mapping_net = MappingNet(config)
        self.warpping_net = WarpingNet(config)
        self.editing_net = EditingNet(config)

    def forward(self, image: Tensor, window: Tensor) -> Edited:
        """``image`` (B, 3, 256, 256) RGB in [-1, 1], ``window`` (B, 73, 26) of coefficients."""
        descriptor = self.mapping_net(window)
        flow = self.warpping_net(image, descriptor)
        warped = warp_by(image, deformation_of(flow))
        logits = self.editing_net(image, warped, descriptor)
        return Edited(logits.tanh(), warped, flow)

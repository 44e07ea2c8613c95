"""Fast Fourier convolutions of LNet (Chi et al. 2020), steered by the sound."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import AdaIN

# Not the 0.1 of the other layers: the reference hands its blocks the arguments in the wrong order,
# so that they take torch's default, and the weights were trained so.
_SLOPE = 0.01
_GLOBAL = 0.75  # share of the channels that see the whole picture


def global_channels(channels: int) -> int:
    """How many of a feature's channels, the last ones, are global."""
    return int(channels * _GLOBAL)


class FourierUnit(nn.Module):
    """A convolution 1x1 of the spectrum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        spectrum = torch.fft.rfft2(x, norm="ortho")
        # Real and imaginary parts take turns as channels.
        parts = torch.view_as_real(spectrum).permute(0, 1, 4, 2, 3)
        parts = parts.reshape(batch, 2 * channels, height, -1)
        parts = F.relu(self.bn(self.conv_layer(parts)))
        pairs = parts.view(batch, channels, 2, height, -1).permute(0, 1, 3, 4, 2).contiguous()
        return torch.fft.irfft2(torch.view_as_complex(pairs), s=(height, width), norm="ortho")


class SpectralTransform(nn.Module):
    """The global channels' own way: half the channels, the spectrum, all channels again."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Sequential(
            nn.Conv2d(channels, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU()
        )
        self.fu = FourierUnit(half)
        self.conv2 = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        return self.conv2(x + self.fu(x))


class FFC(nn.Module):
    """Local and global channels, each made of both."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = global_channels(channels)
        near = channels - wide
        self.convl2l = _conv(near, near)
        self.convl2g = _conv(near, wide)
        self.convg2l = _conv(wide, near)
        self.convg2g = SpectralTransform(wide)

    def forward(self, near: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
        return (
            self.convl2l(near) + self.convg2l(wide),
            self.convl2g(near) + self.convg2g(wide),
        )


def _conv(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False, padding_mode="reflect")


class SteeredFFC(nn.Module):
    """``FFC``, then norms steered by the sound, then leaky ReLU."""

    def __init__(self, channels: int, features: int, hidden: int) -> None:
        super().__init__()
        wide = global_channels(channels)
        self.ffc = FFC(channels)
        self.bn_l = AdaIN(channels - wide, features, hidden)
        self.bn_g = AdaIN(wide, features, hidden)

    def forward(self, near: Tensor, wide: Tensor, feature: Tensor) -> tuple[Tensor, Tensor]:
        near, wide = self.ffc(near, wide)
        near = F.leaky_relu(self.bn_l(near, feature), _SLOPE)
        return near, F.leaky_relu(self.bn_g(wide, feature), _SLOPE)


class FFCResBlock(nn.Module):
    """Residual block of two steered Fourier convolutions."""

    def __init__(self, channels: int, features: int, hidden: int) -> None:
        super().__init__()
        self.near = channels - global_channels(channels)
        self.conv1 = SteeredFFC(channels, features, hidden)
        self.conv2 = SteeredFFC(channels, features, hidden)

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        near, wide = x[:, : self.near], x[:, self.near :]
        parts = self.conv2(*self.conv1(near, wide, feature), feature)
        return x + torch.cat(parts, 1)

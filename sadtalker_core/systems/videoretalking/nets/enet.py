"""ENet: LNet's small face drawn at 384 pixels in the style of a reference (StyleGAN2 layers)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....enhance.nets.styled import ResBlock, StyleConv, ToRGB
from .lnet import LNet, LNetConfig, at_its_size

SIZE = 384  # pixels of the faces it works on
_STYLE_SIZE = 256  # of the picture that the style is read from
_MARGIN = 2  # pixels around LNet's face that are cut off again at the end
_SLOPE = 0.2


@dataclass(frozen=True)
class ENetConfig:
    """Sizes; the defaults are the published ones.

    Attributes:
        first: channels of the style encoder's first layer.
        body: channels after each of its halvings.
        last: channels of its last convolution.
        style: numbers of the style.
        levels: channels at 200 and at 400 pixels.
        lnet: the network inside; None where it comes from a file of its own and is put in later.
    """

    first: int = 256
    body: tuple[int, ...] = (256, 512, 512, 512, 512, 512)
    last: int = 512
    style: int = 512
    levels: tuple[int, ...] = (256, 128)
    lnet: LNetConfig | None = LNetConfig()


class ENet(nn.Module):
    """New lips at 384 pixels; LNet is inside."""

    def __init__(self, config: ENetConfig | None = None) -> None:
        super().__init__()
        config = config or ENetConfig()
        if config.lnet is not None:
            self.low_res = LNet(config.lnet)
        self.conv_body_first = nn.Conv2d(3, config.first, 1)
        sizes = (config.first, *config.body)
        self.conv_body_down = nn.ModuleList(ResBlock(a, b, 0.5) for a, b in zip(sizes, sizes[1:]))
        self.final_conv = nn.Conv2d(sizes[-1], config.last, 3, padding=1)
        side = _STYLE_SIZE // 2 ** len(config.body)
        self.final_linear = nn.Linear(config.last * side * side, config.style)
        self.style_convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        before = 3
        for channels in config.levels:
            self.style_convs.append(StyleConv(before, channels, config.style, upsamples=True))
            self.style_convs.append(StyleConv(channels, channels, config.style))
            self.to_rgbs.append(ToRGB(channels, config.style))
            before = channels

    def style_of(self, reference: Tensor) -> Tensor:
        """The style (B, 512) of a face (B, 3, H, W) in [0, 1]."""
        size = (_STYLE_SIZE, _STYLE_SIZE)
        x = F.interpolate(reference, size, mode="bilinear", align_corners=False)
        x = F.leaky_relu(self.conv_body_first(x), _SLOPE)
        for block in self.conv_body_down:
            x = block(x)
        x = F.leaky_relu(self.final_conv(x), _SLOPE)
        return self.final_linear(x.flatten(1))

    def noise_sizes(self) -> list[int]:
        """Sides of the noise maps that ``forward`` takes."""
        side, sizes = SIZE // 4 + 2 * _MARGIN, []
        for _ in self.to_rgbs:
            side *= 2
            sizes += [side, side]
        return sizes

    def enlarge(self, small: Tensor, style: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """A face (B, 3, 96, 96) in [0, 1] at 384 pixels, in a style (B, 512)."""
        out = F.pad(small, (_MARGIN,) * 4, mode="reflect")
        shown = out
        for level, to_rgb in enumerate(self.to_rgbs):
            for number in (2 * level, 2 * level + 1):
                out = self.style_convs[number](out, style, noise[number])
            shown = to_rgb(out, style, shown)
        cut = _MARGIN * 2 ** len(self.to_rgbs)
        return shown[:, :, cut:-cut, cut:-cut]

    def forward(
        self,
        mel: Tensor,
        faces: Tensor,
        reference: Tensor,
        noise: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """New lips at 384 and at 96 pixels, about in [0, 1], in the input's order of channels.

        Args:
            mel: (B, 1, 80, 16) windows of sound.
            faces: (B, 6, 384, 384) in [0, 1], BGR: face with its lower half hidden, reference.
            reference: (B, 3, 384, 384), the reference once more.
            noise: four maps (1, 1, s, s) of ``noise_sizes``; None is none. The reference draws
                them anew at every call, so that its video flickers.
        """
        masked, styled = faces.split(3, 1)
        style = self.style_of(styled)
        small = self.low_res(mel, at_its_size(torch.cat([masked, reference], 1)))
        silent = [small.new_zeros(())] * len(self.style_convs)
        return self.enlarge(small, style, noise or silent), small

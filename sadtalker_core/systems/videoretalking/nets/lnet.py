"""LNet: a face whose lower half is drawn to the sound, at 96 pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...blocks.mel_encoder import AudioEncoderConfig, mel_encoder
from .fourier import FFCResBlock
from .layers import ConvBlock, LastConv, UpBlock

SIZE = 96  # pixels of the pictures it was trained on
_LEVELS = 3
_HEADS = 4
_TRANSFORMER_LAYERS = 2


@dataclass(frozen=True)
class LNetConfig:
    """Sizes; the defaults are the published ones.

    Attributes:
        width: channels of the first level; they double with each of the three levels.
        blocks: Fourier blocks of each level of the decoder.
        hidden: of a norm, between sound and scale.
        audio: the encoder of the sound.
    """

    width: int = 64
    blocks: int = 9
    hidden: int = 128
    audio: AudioEncoderConfig = AudioEncoderConfig()


class _Attention(nn.Module):
    """Where to look comes from the masked face alone; what is seen there from the reference."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.to_q = nn.Linear(channels, inner, bias=False)
        self.to_k = nn.Linear(channels, inner, bias=False)
        self.to_v = nn.Linear(channels, inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, channels))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        q, k, v = (
            layer(value).unflatten(2, (_HEADS, -1)).transpose(1, 2)
            for layer, value in ((self.to_q, x), (self.to_k, x), (self.to_v, y))
        )
        scores = torch.matmul(q, k.transpose(-1, -2)) * q.shape[-1] ** -0.5
        seen = torch.matmul(scores.softmax(-1), v)
        return self.to_out(seen.transpose(1, 2).flatten(2))


class _GELU(nn.Module):
    """The approximation with tanh, in the order of operations of the reference."""

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class _FeedForward(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        # The third was a dropout; its place keeps the checkpoint's numbers.
        self.net = nn.Sequential(
            nn.Linear(channels, hidden), _GELU(), nn.Identity(), nn.Linear(hidden, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class _NormedPair(nn.Module):
    def __init__(self, channels: int, fn: nn.Module) -> None:
        super().__init__()
        self.normx, self.normy, self.fn = nn.LayerNorm(channels), nn.LayerNorm(channels), fn

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.fn(self.normx(x), self.normy(y))


class _Normed(nn.Module):
    def __init__(self, channels: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(channels), fn

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x))


class Transformer(nn.Module):
    """Brings what the reference shows to where the masked face wants it; (B, C, H, W) each."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    _NormedPair(channels, _Attention(channels, _HEADS * width)),
                    _Normed(channels, _FeedForward(channels, 4 * width)),
                ]
            )
            for _ in range(_TRANSFORMER_LAYERS)
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x, y = x.flatten(2).transpose(1, 2), y.flatten(2).transpose(1, 2)
        for attend, think in self.layers:  # type: ignore[misc]
            x = attend(x, y) + x
            x = think(x) + x
        return x.transpose(1, 2).unflatten(2, (height, width))


class _Encoder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first_inp = ConvBlock(3, width, 7, spectral=True)
        self.first_ref = ConvBlock(3, width, 7, spectral=True)
        for level in range(_LEVELS):
            sizes = width * 2**level, width * 2 ** (level + 1)
            for name in ("ref_down", "inp_down"):
                setattr(self, f"{name}{level}", ConvBlock(*sizes, spectral=True, halve=True))
        self.ca2 = Transformer(width * 2**_LEVELS, width)

    def forward(self, masked: Tensor, reference: Tensor) -> list[Tensor]:
        """Features of the masked face at each level, and of both at the last."""
        x, y = self.first_inp(masked), self.first_ref(reference)
        features = [x]
        for level in range(_LEVELS):
            x, y = getattr(self, f"inp_down{level}")(x), getattr(self, f"ref_down{level}")(y)
            features.append(x)
        features[-1] = torch.cat([self.ca2(x, y), y], 1)
        return features


class _Blocks(nn.Module):
    def __init__(self, count: int, channels: int, features: int, hidden: int) -> None:
        super().__init__()
        self.count = count
        for number in range(count):
            setattr(self, f"res{number}", FFCResBlock(channels, features, hidden))

    def forward(self, x: Tensor, feature: Tensor) -> Tensor:
        for number in range(self.count):
            x = getattr(self, f"res{number}")(x, feature)
        return x


class _Decoder(nn.Module):
    def __init__(self, config: LNetConfig) -> None:
        super().__init__()
        width, features = config.width, config.audio.embedding
        for level in reversed(range(_LEVELS)):
            narrow, wide = width * 2**level, width * 2 ** (level + 1)
            if level == _LEVELS - 1:
                wide *= 2  # the transformer's result and the reference beside it
            setattr(self, f"up{level}", UpBlock(wide, narrow, spectral=True))
            setattr(self, f"res{level}", _Blocks(config.blocks, wide, features, config.hidden))
            setattr(self, f"jump{level}", ConvBlock(narrow, narrow, spectral=True))
        self.final = LastConv(width, spectral=True)

    def forward(self, features: list[Tensor], sound: Tensor) -> Tensor:
        out = features[-1]
        for level in reversed(range(_LEVELS)):
            out = getattr(self, f"res{level}")(out, sound)
            out = getattr(self, f"up{level}")(out)
            out = getattr(self, f"jump{level}")(features[level]) + out
        return self.final(out)


class LNet(nn.Module):
    """Lips for a window of sound, in a face that is hidden below and a reference of it."""

    def __init__(self, config: LNetConfig | None = None) -> None:
        super().__init__()
        config = config or LNetConfig()
        self.encoder = _Encoder(config.width)
        self.decoder = _Decoder(config)
        self.audio_encoder = mel_encoder(config.audio)

    def forward(self, mel: Tensor, faces: Tensor) -> Tensor:
        """``mel`` (B, 1, 80, 16), ``faces`` (B, 6, 96, 96) in [0, 1]: masked face, reference.

        The result (B, 3, 96, 96) is in [0, 1] and in the channel order of the input.
        """
        masked, reference = faces.split(3, 1)
        sound = self.audio_encoder(mel)
        return torch.sigmoid(self.decoder(self.encoder(masked, reference), sound))


def at_its_size(images: Tensor) -> Tensor:
    """(B, C, H, W) resized to LNet's 96 pixels, bilinear as ENet does it."""
    return F.interpolate(images, (SIZE, SIZE), mode="bilinear", align_corners=False)

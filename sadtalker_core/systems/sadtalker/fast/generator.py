"""The generator for inference: ``optimise`` makes it from the plain one, once."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets.generator import Generator
from .convolution import Arithmetic, PlainConv
from .decoder import FastDecoder
from .folding import conv_weights, fold_norm
from .motion import FastDenseMotion


@dataclass(frozen=True)
class Mix:
    """Arithmetic of each part of the generator.

    Attributes:
        motion: dense motion.
        bent: the two convolutions after the bent volume.
        steering: the decoder's first convolutions, which read the feature map.
        decoder: the rest of the SPADE decoder.
    """

    motion: Arithmetic = field(default_factory=Arithmetic)
    bent: Arithmetic = field(default_factory=Arithmetic)
    steering: Arithmetic = field(default_factory=Arithmetic)
    decoder: Arithmetic = field(default_factory=Arithmetic)


class FastGenerator(nn.Module):
    """``nets.generator.Generator`` with its numbers and less work; it offers the same methods.

    Source and keypoints stay float32, so does what is returned.
    """

    def __init__(self, plain: Generator, mix: Mix) -> None:
        super().__init__()
        # Encoding a portrait is done once: the plain layers do it.
        self.first, self.second = plain.first, plain.second
        self.down_blocks, self.resblocks_3d = plain.down_blocks, plain.resblocks_3d
        self.compress_conv = plain.dense_motion_network.compress
        self.compress_norm = plain.dense_motion_network.norm
        self.config = plain.config
        self.motion = FastDenseMotion(plain.dense_motion_network, mix.motion)
        self.third = mix.bent.conv(*fold_norm(plain.third))
        self.third_slope = plain.third.negative_slope
        self.fourth = PlainConv(*conv_weights(plain.fourth), mix.bent.dtype)
        self.bent_dtype = mix.bent.dtype
        self.decoder = FastDecoder(plain.decoder, mix.decoder, mix.steering)

    def encode(self, picture: Tensor) -> Tensor:
        """(1, 3, S, S) in [0, 1] to the feature volume (1, C, D, S/4, S/4)."""
        x = self.first(picture)
        for block in self.down_blocks:
            x = block(x)
        x = self.second(x)
        return self.resblocks_3d(x.unflatten(1, (-1, self.config.motion.depth)))

    def compress(self, volume: Tensor) -> Tensor:
        """What dense motion needs of a feature volume."""
        return F.relu(self.compress_norm(self.compress_conv(volume)))

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """(N, 3, S, S) in [0, 1] of an encoded portrait moved to kp_driving (N, K, 3)."""
        deformation, occlusion = self.motion(compressed, kp_source, kp_driving)
        bent = bend(volume, deformation).to(self.bent_dtype)
        features = F.leaky_relu(self.third(bent), self.third_slope, inplace=True)
        features = self.fourth(features).float() * occlusion
        return torch.sigmoid(self.decoder(features))


def bend(volume: Tensor, deformation: Tensor) -> Tensor:
    """(N, H, W, C * D) of a volume (1, C, D, H, W) read at (N, D, H, W, 3)."""
    count, depth, height, width, _ = deformation.shape
    # On a CPU torch shares this work between cores by batch only, so each depth is made one of it.
    slices = deformation.view(count * depth, 1, height, width, 3)
    copies = volume.expand(count * depth, *volume.shape[1:])
    bent = F.grid_sample(copies, slices, align_corners=False)
    bent = bent.view(count, depth, volume.shape[1], height, width)
    return bent.permute(0, 3, 4, 2, 1).flatten(3)


def optimise(plain: Generator, mix: Mix, is_compiled: bool = False) -> FastGenerator:
    """The inference form of a loaded generator, on its device.

    Args:
        plain: in evaluation mode, float32; it may be deleted afterwards.
        mix: arithmetic of the parts.
        is_compiled: let torch compile them at the first frame, which takes about a minute.
    """
    with torch.no_grad():
        fast = FastGenerator(plain, mix).eval()
    if is_compiled:
        fast.motion.compile()
        fast.decoder.compile()
    return fast

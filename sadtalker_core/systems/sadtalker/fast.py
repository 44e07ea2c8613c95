"""The generator for inference: ``optimise`` makes it from the plain one, once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..blocks.fast.decoder import FastDecoder
from ..blocks.fast.encoder import FastEncoder
from ..blocks.fast.precision import Mix
from ..blocks.fast.warp import FastWarp
from .nets.generator import Generator


class FastGenerator(nn.Module):
    """``nets.generator.Generator`` with its numbers and less work; it offers the same methods.

    Source and keypoints stay float32, so does what is returned.
    """

    def __init__(self, plain: Generator, mix: Mix) -> None:
        super().__init__()
        self.encoder = FastEncoder(plain, mix.encoder)
        self.warp = FastWarp(plain.dense_motion_network, plain.third, plain.fourth, mix)
        self.decoder = FastDecoder(plain.decoder, mix.decoder, mix.steering)

    def encode(self, picture: Tensor) -> Tensor:
        """(1, 3, S, S) in [0, 1] to the feature volume (1, C, D, S/4, S/4)."""
        return self.encoder(picture)

    def compress(self, volume: Tensor) -> Tensor:
        """What dense motion needs of a feature volume."""
        return self.warp.compress(volume)

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """(N, 3, S, S) in [0, 1] of an encoded portrait moved to kp_driving (N, K, 3)."""
        return torch.sigmoid(self.decoder(self.warp(volume, compressed, kp_source, kp_driving)))


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
        fast.warp.motion.compile()
        fast.decoder.compile()
    return fast

"""W and G for inference: ``optimise`` makes one renderer of the two plain networks, once."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ..blocks.fast.decoder import FastDecoder
from ..blocks.fast.precision import Mix
from ..blocks.fast.precision import choose_mix as blocks_mix
from ..blocks.fast.warp import FastWarp
from .nets.generator import SpadeGenerator
from .nets.warping import WarpingNetwork


class PlainRenderer(nn.Module):
    """The two networks as they are, behind the methods that ``render.FrameRenderer`` names."""

    def __init__(self, warping: WarpingNetwork, generator: SpadeGenerator) -> None:
        super().__init__()
        self.warping = warping
        self.generator = generator

    def compress(self, volume: Tensor) -> Tensor:
        """What dense motion needs of feature volumes (B, C, D, H, W)."""
        return self.warping.compress(volume)

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """(N, 3, 8H, 8W) in (0, 1) of volumes (1 or N, ...) moved to kp_driving (N, K, 3)."""
        motion = self.warping.dense_motion_network.flow(compressed, kp_source, kp_driving)
        return self.generator(self.warping.bend(volume, motion))


class FastRenderer(nn.Module):
    """``PlainRenderer`` with its numbers and less work. What comes in and out is float32."""

    def __init__(self, warping: WarpingNetwork, generator: SpadeGenerator, mix: Mix) -> None:
        super().__init__()
        self.warp = FastWarp(warping.dense_motion_network, warping.third, warping.fourth, mix)
        self.decoder = FastDecoder(generator, mix.decoder, mix.steering, mix.early)

    def compress(self, volume: Tensor) -> Tensor:
        """See ``PlainRenderer``."""
        return self.warp.compress(volume)

    def frames(
        self, volume: Tensor, compressed: Tensor, kp_source: Tensor, kp_driving: Tensor
    ) -> Tensor:
        """See ``PlainRenderer``."""
        return torch.sigmoid(self.decoder(self.warp(volume, compressed, kp_source, kp_driving)))


def choose_mix(precision: str, device: torch.device) -> Mix:
    """The arithmetic for a precision on a device, see ``blocks.fast.precision.choose_mix``.

    The generator's first blocks lose most in bfloat16: on the worst of three sets of seeded weights
    all of it in that gives 38.9 dB, with these two in float32 it is 43.2.
    """
    mix = blocks_mix(precision, device)
    if device.type == "cpu" and mix.decoder.dtype == torch.bfloat16:
        return replace(mix, early=mix.steering)
    return mix


def optimise(
    warping: WarpingNetwork, generator: SpadeGenerator, mix: Mix, is_compiled: bool = False
) -> FastRenderer:
    """The inference form of loaded networks, on their device.

    Args:
        warping: in evaluation mode, float32; it may be deleted afterwards, as may the generator.
        generator: see ``warping``.
        mix: arithmetic of the parts.
        is_compiled: let torch compile them at the first frame, which takes about a minute.
    """
    with torch.no_grad():
        fast = FastRenderer(warping, generator, mix).eval()
    if is_compiled:
        fast.warp.motion.compile()
        fast.decoder.compile()
    return fast

"""The real motion networks at toy size, with weights from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from sadtalker_core.systems.sadtalker.motion import MotionNets
from sadtalker_core.systems.sadtalker.nets.audio_encoder import AudioEncoderConfig
from sadtalker_core.systems.sadtalker.nets.expnet import ExpNet, ExpNetConfig
from sadtalker_core.systems.sadtalker.nets.mapping import MappingNet, MappingNetConfig
from sadtalker_core.systems.sadtalker.nets.posevae import PoseVAE, PoseVAEConfig

AUDIO = AudioEncoderConfig(width=2)
POSE = PoseVAEConfig(
    audio=AUDIO, frames=8, latent=4, hidden=8, filters=(2, 3, 4, 5), critic=(2, 3, 4)
)


def seeded(net: nn.Module, seed: int = 0) -> nn.Module:
    """``net`` with random weights and statistics, so that nothing cancels out."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            noise = torch.randn(value.shape, generator=generator)
            if value.ndim > 1:
                value.copy_(noise * (2 / value[0].numel()) ** 0.5)
            elif name.endswith(("running_var", "weight")):  # of a norm
                value.copy_(1 + 0.2 * noise.tanh())
            else:
                value.copy_(0.2 * noise)
    return net.eval().requires_grad_(False)


def toy_nets() -> MotionNets:
    expnet, posevae = seeded(ExpNet(ExpNetConfig(AUDIO))), seeded(PoseVAE(POSE), 1)
    assert isinstance(expnet, ExpNet)
    assert isinstance(posevae, PoseVAE)
    return MotionNets(expnet, posevae)


def toy_mapping(coefficients: int = 70) -> MappingNet:
    net = seeded(MappingNet(MappingNetConfig(coefficients, width=8, keypoints=5)), 2)
    assert isinstance(net, MappingNet)
    return net


def source_coeff() -> Tensor:
    """(1, 73)."""
    coeff = 0.3 * torch.randn(1, 73, generator=torch.Generator().manual_seed(5))
    return torch.cat([coeff[:, :70], torch.tensor([[0.9, 128.0, 120.0]])], 1)


def voice(samples: int, chunk: int = 4000) -> Callable[[], Iterator[Tensor]]:
    """A sound that swells and falls."""
    generator = torch.Generator().manual_seed(6)
    swell = (torch.arange(samples) / 3000).sin().abs()
    sound = 0.3 * swell * torch.randn(samples, generator=generator)
    return lambda: iter(sound.split(chunk))

"""The motion networks have the published names and shapes, at full size without memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.systems.sadtalker.nets.expnet import ExpNet
from sadtalker_core.systems.sadtalker.nets.mapping import MappingNet, MappingNetConfig
from sadtalker_core.systems.sadtalker.nets.posevae import PoseVAE
from tests.parity import sadtalker_motion
from tests.parity.seeded_weights import describe, load_golden, load_manifest, worst_error

from .toy_motion import toy_mapping, toy_nets

DATA = sadtalker_motion.DATA


@pytest.mark.parametrize(
    ("build", "manifest"),
    [
        (ExpNet, "audio2exp"),
        (PoseVAE, "audio2pose"),
        (MappingNet, "mapping_70"),
        (lambda: MappingNet(MappingNetConfig(73)), "mapping_73"),
    ],
)
def test_names_and_shapes_are_those_of_the_checkpoint(
    build: Callable[[], nn.Module], manifest: str
) -> None:
    with torch.device("meta"):
        net = build()
    assert describe(net.state_dict()) == load_manifest(DATA / f"{manifest}.json")


@pytest.mark.parametrize("name", ["audio_features", "frame_data", "keypoint_transformation"])
def test_functions_give_the_numbers_of_the_reference(name: str) -> None:
    inputs, wanted, meta = load_golden(DATA / f"{name}.safetensors")
    made = sadtalker_motion.CASES[f"sadtalker/{name}"](inputs, int(meta["seed"]), meta)
    assert made.keys() >= wanted.keys()
    assert max(worst_error(made, wanted, meta).values()) < 1e-5


def test_frames_of_speech_do_not_hear_each_other() -> None:
    nets = toy_nets()
    windows = torch.randn(3, 1, 80, 16, generator=torch.Generator().manual_seed(0))
    for hear in (nets.expnet.embed, nets.posevae.hear):
        together = hear(windows)
        torch.testing.assert_close(together[1:2], hear(windows[1:2]), rtol=0, atol=1e-5)
    assert nets.expnet.embed(windows).shape == (3, 32)
    assert nets.posevae.hear(windows).shape == (3, 6)


def test_every_input_of_the_heads_counts() -> None:
    nets, generator = toy_nets(), torch.Generator().manual_seed(1)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    exp_inputs = [noise(2, 32), noise(2, 64), noise(2, 1)]
    pose_inputs = [noise(2, 8, 6), noise(2, 6), torch.tensor([0, 45]), noise(2, 4)]
    net = toy_mapping()
    assert net(noise(2, 70, 27)).expression.shape == (2, 15)
    for call, inputs in ((nets.expnet.express, exp_inputs), (nets.posevae, pose_inputs)):
        plain = call(*inputs)
        for i in range(len(inputs)):
            changed = [value.flip(0) if i == j else value for j, value in enumerate(inputs)]
            assert not torch.allclose(call(*changed), plain)


def test_networks_can_learn() -> None:
    nets = toy_nets()
    net = nets.expnet.train().requires_grad_(True)
    windows = torch.randn(4, 1, 80, 16, generator=torch.Generator().manual_seed(0))
    net(windows, torch.zeros(4, 64), torch.zeros(4, 1)).square().mean().backward()
    assert all(value.grad is not None for value in net.parameters())

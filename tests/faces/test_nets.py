"""The nets against OpenCV's run of the original files.

``face_nets.npz`` was made by ``tools/convert_face_nets.py --goldens``: every n-th output number
for the seeded picture below.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.faces.nets.blaze_block import stride_two_conv, widen
from sadtalker_core.faces.networks import FaceNets

GOLDENS = Path(__file__).parent / "face_nets.npz"
WORST = 1e-4  # of the standard deviation; measured below 1e-5
SIZES = {"detector": 256, "mesh": 192, "iris": 64}


def seeded_picture(name: str) -> Tensor:
    size = SIZES[name]
    coarse = np.random.RandomState(5).rand(8, 8, 3)
    picture = np.kron(coarse, np.ones((size // 8, size // 8, 1))).transpose(2, 0, 1)[None]
    if name == "detector":
        picture = picture * 2 - 1
    return torch.from_numpy(np.ascontiguousarray(picture, dtype=np.float32))


@pytest.mark.parametrize("name", list(SIZES))
def test_outputs_are_those_of_the_original_file(nets: FaceNets, name: str) -> None:
    net: nn.Module = getattr(nets, name)
    outputs = sorted(
        (o.reshape(-1).numpy() for o in net(seeded_picture(name))), key=lambda o: -o.size
    )
    with np.load(GOLDENS) as goldens:
        for i, ours in enumerate(outputs):
            theirs = goldens[f"{name}.{i}"]
            sampled = ours[:: max(1, ours.size // 256)]
            assert sampled.shape == theirs.shape
            assert np.abs(sampled - theirs).max() <= WORST * max(float(theirs.std()), 1.0)


@pytest.mark.parametrize("name", list(SIZES))
def test_a_batch_is_its_members(nets: FaceNets, name: str) -> None:
    net: nn.Module = getattr(nets, name)
    one = seeded_picture(name)
    two = torch.cat((one, one.flip(-1)))
    for together, alone in zip(net(two), net(one)):
        torch.testing.assert_close(together[:1], alone, rtol=1e-4, atol=1e-3)


def test_nets_can_train(nets: FaceNets) -> None:
    from sadtalker_core.faces.nets.iris import IrisNet

    net = IrisNet()
    eye, iris = net(torch.rand(1, 3, 64, 64))
    (eye.square().mean() + iris.square().mean()).backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


@pytest.mark.parametrize("kernel", [3, 5])
def test_stride_two_kernel_pads_as_tensorflow_does(kernel: int) -> None:
    conv = stride_two_conv(1, 1, kernel)
    with torch.no_grad():
        conv.weight.zero_()
        conv.bias.zero_()  # type: ignore[union-attr]
        conv.weight[0, 0, 1:, 1:] = torch.arange(kernel * kernel).reshape(kernel, kernel).float()
    picture = torch.rand(1, 1, 8, 8)
    before = (kernel - 2) // 2
    after = kernel - 2 - before
    padded = nn.functional.pad(picture, (before, after, before, after))
    expected = nn.functional.conv2d(padded, conv.weight[:, :, 1:, 1:], stride=2)
    torch.testing.assert_close(conv(picture), expected)


def test_widen_adds_zeros_behind() -> None:
    wide = widen(torch.ones(1, 2, 3, 3), 5)
    assert wide.shape == (1, 5, 3, 3)
    assert wide[:, :2].eq(1).all()
    assert wide[:, 2:].eq(0).all()

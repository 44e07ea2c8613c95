"""Parts of the renderer's networks against their definitions, at toy size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sadtalker_core.systems.blocks.spade import SpadeConfig
from sadtalker_core.systems.sadtalker.nets.generator import Generator, GeneratorConfig
from sadtalker_core.systems.sadtalker.nets.keypoint_detector import AntiAliasDown, KeypointDetector

from .toy_renderer import KEYPOINTS, SIDE, toy_detector, toy_generator, toy_keypoints


def test_nets_build_on_the_meta_device() -> None:
    with torch.device("meta"):
        nets = [Generator(), KeypointDetector()]
    for net in nets:
        assert {tensor.device.type for tensor in net.state_dict().values()} == {"meta"}
    # The published sizes of the fact sheet.
    counts = [sum(p.numel() for p in net.parameters()) for net in nets]
    assert counts[0] > 100_000_000
    assert counts[1] > 41_000_000


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"spade.inputs 16 is not 4 \* width, width being 5"):
        GeneratorConfig(width=5, spade=SpadeConfig(inputs=16))


def test_anti_alias_kernel_sums_to_one_and_keeps_every_fourth_pixel() -> None:
    down = AntiAliasDown(4)
    assert down.weight.shape == (3, 1, 13, 13)
    assert down.weight.sum((1, 2, 3)) == pytest.approx([1, 1, 1], abs=1e-6)
    picture = torch.rand(1, 3, 32, 32)
    blurred = F.conv2d(F.pad(picture, (6, 6, 6, 6)), down.weight, groups=3)
    torch.testing.assert_close(down(picture), blurred[:, :, ::4, ::4])


def test_keypoints_lie_where_the_heatmap_is() -> None:
    net = toy_detector()
    assert net(torch.rand(2, 3, SIDE, SIDE)).shape == (2, KEYPOINTS, 3)
    peak = torch.full((1, KEYPOINTS, 4, 16, 16), -100.0)
    peak[:, :, 3, 0, 15] = 100.0
    net.kp.register_forward_hook(lambda module, args, output: peak)
    found = net(torch.rand(1, 3, SIDE, SIDE))
    assert found[0, 0].tolist() == pytest.approx([1, -1, 1])


def test_generator_shows_what_occlusion_and_motion_say() -> None:
    net = toy_generator()
    picture = torch.rand(1, 3, SIDE, SIDE)
    source, driving = toy_keypoints(2)
    result = net(picture.expand(2, -1, -1, -1), source.expand(2, -1, -1), driving)
    assert result.prediction.shape == (2, 3, SIDE, SIDE)
    assert result.motion.deformation.shape == (2, 4, 16, 16, 3)
    assert result.motion.occlusion.shape == (2, 1, 16, 16)
    assert result.motion.mask.sum(1).allclose(torch.ones(2, 4, 16, 16))
    volume = net.encode(picture)
    shared = net.frames(volume, net.compress(volume), source, driving)
    torch.testing.assert_close(shared, result.prediction, atol=1e-5, rtol=1e-4)
    hidden = result.motion._replace(occlusion=torch.zeros_like(result.motion.occlusion))
    assert (net.draw(volume, hidden) - result.prediction).abs().max() > 1e-3

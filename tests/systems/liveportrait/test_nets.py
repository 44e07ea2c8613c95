"""Parts of LivePortrait's networks against their definitions, at toy size."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from sadtalker_core.systems.blocks import dense_motion
from sadtalker_core.systems.liveportrait.nets.appearance import AppearanceExtractor
from sadtalker_core.systems.liveportrait.nets.generator import SpadeGenerator
from sadtalker_core.systems.liveportrait.nets.motion_extractor import (
    ChannelNorm,
    ConvNeXtBlock,
    MotionExtractor,
    ResponseNorm,
)
from sadtalker_core.systems.liveportrait.nets.retargeting import EYES, LIPS, STITCHING, Retargeting
from sadtalker_core.systems.liveportrait.nets.warping import WarpingNetwork

from .toy_nets import (
    KEYPOINTS,
    toy_appearance,
    toy_generator,
    toy_keypoints,
    toy_motion_extractor,
    toy_retargeting,
    toy_warping,
)
from .toy_nets import LIPS as TOY_LIPS


def test_nets_build_on_the_meta_device_with_the_published_sizes() -> None:
    with torch.device("meta"):
        nets = [
            AppearanceExtractor(),
            MotionExtractor(),
            WarpingNetwork(),
            SpadeGenerator(),
            *(Retargeting(config) for config in (STITCHING, EYES, LIPS)),
        ]
    for net in nets:
        assert {tensor.device.type for tensor in net.state_dict().values()} == {"meta"}
    # The fact sheet of the published networks.
    counts = [sum(p.numel() for p in net.parameters()) for net in nets]
    assert counts == [836_224, 28_118_728, 45_529_829, 55_365_388, 45_249, 144_703, 37_311]


def test_features_lie_channel_by_depth() -> None:
    net = toy_appearance()
    volume = net(torch.rand(2, 3, 64, 64))
    assert volume.shape == (2, 4, 2, 16, 16)
    flat = torch.rand(1, 8, 16, 16)
    net.second.register_forward_hook(lambda module, args, output: flat)
    net.resblocks_3d = torch.nn.Sequential()
    found = net(torch.rand(1, 3, 64, 64))
    torch.testing.assert_close(found[0, 3, 1], flat[0, 2 * 3 + 1])


def test_channel_norm_is_a_layer_norm_of_every_pixel() -> None:
    x = torch.rand(2, 6, 3, 4)
    mean, var = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    norm = ChannelNorm(6)
    norm.weight.data.uniform_(0.5, 2)
    norm.bias.data.uniform_(-1, 1)
    weight, bias = (value.detach().view(1, 6, 1, 1) for value in (norm.weight, norm.bias))
    torch.testing.assert_close(norm(x), (x - mean) / (var + 1e-6).sqrt() * weight + bias)


def test_response_norm_follows_its_definition() -> None:
    norm = ResponseNorm(5)
    x = torch.rand(2, 3, 4, 5)
    norm.beta.data.uniform_(-1, 1)
    norm.gamma.data.uniform_(-1, 1)
    strength = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True)
    relative = strength / (strength.mean(3, keepdim=True) + 1e-6)
    torch.testing.assert_close(norm(x), norm.gamma * x * relative + norm.beta + x)
    assert norm(torch.zeros(1, 3, 3, 5)).isfinite().all()


def test_block_of_the_motion_extractor() -> None:
    block = ConvNeXtBlock(4)
    x = torch.rand(2, 4, 9, 9)
    y = F.conv2d(x, block.dwconv.weight, block.dwconv.bias, padding=3, groups=4)
    y = block.norm(y.permute(0, 2, 3, 1))
    y = F.gelu(F.linear(y, block.pwconv1.weight, block.pwconv1.bias), approximate="none")
    y = F.linear(block.grn(y), block.pwconv2.weight, block.pwconv2.bias)
    torch.testing.assert_close(block(x), x + y.permute(0, 3, 1, 2))


def test_motion_heads() -> None:
    raw = toy_motion_extractor()(torch.rand(2, 3, 64, 64))
    sizes = {name: tuple(value.shape) for name, value in raw._asdict().items()}
    assert sizes == {
        **dict.fromkeys(("pitch", "yaw", "roll"), (2, 66)),
        **dict.fromkeys(("expression", "keypoints"), (2, 3 * KEYPOINTS)),
        "translation": (2, 3),
        "scale": (2, 1),
    }


def test_small_weights_of_proposals_are_kept() -> None:
    net = toy_warping()
    volume = torch.rand(1, 4, 2, 16, 16)
    source, driving = toy_keypoints(1)
    motion = net.dense_motion_network
    # One proposal far ahead of the others: theirs are small, and yet count.
    logits = torch.zeros(1, KEYPOINTS + 1, 2, 16, 16)
    logits[:, 3] = 12.0
    motion.mask.register_forward_hook(lambda module, args, output: logits)
    found = net(volume, driving, source).motion
    assert 0 < found.mask.min() < 1e-5
    motions = dense_motion.sparse_motions((2, 16, 16), source, driving)
    want = (motions * found.mask.unsqueeze(-1)).sum(1)
    torch.testing.assert_close(found.deformation, want)


def test_hidden_places_bring_no_features() -> None:
    net = toy_warping()
    volume = torch.rand(1, 4, 2, 16, 16)
    source, driving = toy_keypoints(2)
    result = net(volume.expand(2, -1, -1, -1, -1), driving, source)
    assert result.features.shape == (2, 16, 16, 16)
    shared = net.dense_motion_network.flow(net.compress(volume), source, driving)
    torch.testing.assert_close(net.bend(volume, shared), result.features, atol=1e-5, rtol=1e-4)
    hidden = result.motion._replace(occlusion=torch.zeros_like(result.motion.occlusion))
    assert net.bend(volume, hidden).abs().max() == 0


def test_generator_enlarges_eight_times() -> None:
    net = toy_generator()
    features = torch.rand(1, 16, 8, 8)
    last: list[torch.Tensor] = []
    conv = net.get_submodule("conv_img.0")

    def keep(module: torch.nn.Module, args: object, output: torch.Tensor) -> None:
        last.append(output)

    conv.register_forward_hook(keep)
    picture = net(features)
    assert picture.shape == (1, 3, 64, 64)
    # Pixel (2y + a, 2x + b) of channel c is channel 4c + 2a + b before.
    want = last[0][0, 4 * 1 + 2 * 1 + 0, 5, 7].sigmoid()
    torch.testing.assert_close(picture[0, 1, 2 * 5 + 1, 2 * 7], want)


def test_retargeting_is_linear_layers_with_relu_between() -> None:
    net = toy_retargeting(TOY_LIPS)
    x = torch.randn(3, 65)
    y = x
    for i in (0, 2, 4):
        y = F.relu(net.mlp[i](y))
    torch.testing.assert_close(net(x), net.mlp[6](y))
    assert (net(x) < 0).any()

"""Toy sizes of LivePortrait's networks: the real classes with few channels, for crops of 256.

Keypoints lie within the picture and expressions are small, so that frames show something.
"""

from __future__ import annotations

import torch
from torch import nn

from sadtalker_core.systems.blocks.dense_motion import DenseMotionConfig
from sadtalker_core.systems.blocks.spade import SpadeConfig
from sadtalker_core.systems.liveportrait.fast import PlainRenderer
from sadtalker_core.systems.liveportrait.nets.appearance import (
    AppearanceConfig,
    AppearanceExtractor,
)
from sadtalker_core.systems.liveportrait.nets.generator import SpadeGenerator
from sadtalker_core.systems.liveportrait.nets.motion_extractor import (
    MotionExtractor,
    MotionExtractorConfig,
)
from sadtalker_core.systems.liveportrait.nets.retargeting import Retargeting, RetargetingConfig
from sadtalker_core.systems.liveportrait.nets.warping import WarpingConfig, WarpingNetwork
from sadtalker_core.systems.liveportrait.render import RenderNets

from ..blocks.toys import moved_keypoints, randomise

KEYPOINTS = 21
SIDE = 256
APPEARANCE = AppearanceConfig(width=4, channels=4, depth=2, resblocks=1)
WARPING = WarpingConfig(
    features=16,
    motion=DenseMotionConfig(KEYPOINTS, 4, 2, 1, 2, 8, 2, 3, mask_floor=0.0),
)
GENERATOR = SpadeConfig(inputs=16, outputs=4, hidden=4, enlarges=True)
MOTION = MotionExtractorConfig(depths=(1, 1, 2, 1), widths=(4, 4, 8, 8), keypoints=KEYPOINTS)
STITCHING = RetargetingConfig(126, (8, 8, 8), 65)
EYES = RetargetingConfig(66, (8, 8, 8, 8, 8), 63)
LIPS = RetargetingConfig(65, (8, 8, 8), 63)


def toy_motion_extractor(seed: int = 0) -> MotionExtractor:
    """Canonical keypoints within half the picture, scale near 1, small expressions."""
    torch.manual_seed(seed)
    net = MotionExtractor(MOTION)
    heads = net.detector
    with torch.no_grad():
        for head, factor in ((heads.fc_kp, 0.5), (heads.fc_exp, 0.05), (heads.fc_t, 0.1)):
            head.weight.mul_(factor)
            head.bias.mul_(factor)
        heads.fc_kp.bias.uniform_(-0.5, 0.5)
        heads.fc_scale.weight.mul_(0.1)
        heads.fc_scale.bias.fill_(1.2)
    return net.eval().requires_grad_(False)


def toy_retargeting(config: RetargetingConfig, seed: int = 0) -> Retargeting:
    torch.manual_seed(seed)
    net = Retargeting(config)
    last = net.mlp[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.mul_(0.1)
    return net.eval().requires_grad_(False)


def toy_appearance(seed: int = 0, config: AppearanceConfig = APPEARANCE) -> AppearanceExtractor:
    torch.manual_seed(seed)
    net = AppearanceExtractor(config).eval().requires_grad_(False)
    randomise(net, seed)
    return net


def toy_warping(seed: int = 0, config: WarpingConfig = WARPING) -> WarpingNetwork:
    torch.manual_seed(seed)
    net = WarpingNetwork(config).eval().requires_grad_(False)
    randomise(net, seed)
    return net


def toy_generator(seed: int = 0, config: SpadeConfig = GENERATOR) -> SpadeGenerator:
    torch.manual_seed(seed)
    return SpadeGenerator(config).eval().requires_grad_(False)


def toy_render_nets(seed: int = 0) -> RenderNets:
    renderer = PlainRenderer(toy_warping(seed), toy_generator(seed))
    return RenderNets(toy_appearance(seed), renderer)


def toy_keypoints(frames: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, 21, 3) of the portrait and (frames, 21, 3) near them."""
    return moved_keypoints(frames, seed, KEYPOINTS)

"""LivePortrait's networks as architectures: their sizes are read from the shapes in a file.

The animals' networks are the same ones with other weights.
"""

from __future__ import annotations

from typing import Any

from ...weights import families
from ...weights.architecture import Architecture, Shapes, count_keys
from ..blocks.dense_motion import DenseMotionConfig
from ..blocks.spade import SpadeConfig
from .nets.appearance import AppearanceConfig, AppearanceExtractor
from .nets.generator import SpadeGenerator
from .nets.motion_extractor import MotionExtractor, MotionExtractorConfig
from .nets.retargeting import EYES, LIPS, STITCHING, Retargeting, RetargetingConfig
from .nets.warping import WarpingConfig, WarpingNetwork


def _appearance(shapes: Shapes) -> AppearanceConfig:
    channels = shapes["resblocks_3d.3dr0.conv1.weight"][0]
    return AppearanceConfig(
        width=shapes["first.conv.weight"][0],
        channels=channels,
        depth=shapes["second.weight"][0] // channels,
        resblocks=count_keys(shapes, "resblocks_3d.3dr", ".conv1.weight"),
    )


def _motion(shapes: Shapes) -> MotionExtractorConfig:
    stages = count_keys(shapes, "detector.stages.", ".0.dwconv.weight")
    first = [f"detector.stages.{i}." for i in range(stages)]
    return MotionExtractorConfig(
        depths=tuple(count_keys(shapes, start, ".dwconv.weight") for start in first),
        widths=tuple(shapes[f"{start}0.dwconv.weight"][0] for start in first),
        keypoints=shapes["detector.fc_kp.weight"][0] // 3,
        bins=shapes["detector.fc_pitch.weight"][0],
    )


def _warping(shapes: Shapes) -> WarpingConfig:
    motion = "dense_motion_network"
    down = f"{motion}.hourglass.encoder.down_blocks."
    blocks = count_keys(shapes, down, ".conv.weight")
    proposals, outputs, kernel = shapes[f"{motion}.mask.weight"][:3]
    compressed, channels = shapes[f"{motion}.compress.weight"][:2]
    features, flat = shapes["third.conv.weight"][:2]
    return WarpingConfig(
        features=features,
        motion=DenseMotionConfig(
            keypoints=proposals - 1,
            feature_channels=channels,
            depth=flat // channels,
            compressed=compressed,
            width=outputs - proposals * (compressed + 1),
            max_width=shapes[f"{down}{blocks - 1}.conv.weight"][0],
            blocks=blocks,
            kernel=kernel,
            mask_floor=0.0,
        ),
    )


def _generator(shapes: Shapes) -> SpadeConfig:
    return SpadeConfig(
        inputs=shapes["fc.weight"][1],
        outputs=shapes["conv_img.0.weight"][1],
        hidden=shapes["G_middle_0.norm_0.mlp_shared.0.weight"][0],
        enlarges=True,
    )


def _retargeting(shapes: Shapes) -> RetargetingConfig:
    layers = 0
    while f"mlp.{2 * layers}.weight" in shapes:
        layers += 1
    sizes = [shapes[f"mlp.{2 * layer}.weight"][0] for layer in range(layers)]
    return RetargetingConfig(shapes["mlp.0.weight"][1], tuple(sizes[:-1]), sizes[-1])


APPEARANCE = families.APPEARANCE.with_network(_appearance, AppearanceExtractor, AppearanceConfig)
MOTION = families.MOTION_EXTRACTOR.with_network(_motion, MotionExtractor, MotionExtractorConfig)
WARPING = families.WARPING.with_network(_warping, WarpingNetwork, WarpingConfig)
GENERATOR = families.SPADE_GENERATOR.with_network(
    _generator, SpadeGenerator, lambda: SpadeConfig(enlarges=True)
)
STITCHER = families.STITCHING.with_network(_retargeting, Retargeting, lambda: STITCHING)
EYE_RETARGETING = families.RETARGET_EYES.with_network(_retargeting, Retargeting, lambda: EYES)
LIP_RETARGETING = families.RETARGET_LIPS.with_network(_retargeting, Retargeting, lambda: LIPS)

ARCHITECTURES: tuple[Architecture[Any], ...] = (
    APPEARANCE,
    MOTION,
    WARPING,
    GENERATOR,
    STITCHER,
    EYE_RETARGETING,
    LIP_RETARGETING,
)

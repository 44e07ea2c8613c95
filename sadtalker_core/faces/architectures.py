"""Face networks that several systems use, as architectures: sizes from the shapes in a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..weights import families
from ..weights.architecture import Architecture, Shapes
from .nets.fan68 import Fan68, Fan68Config
from .nets.resnet import ResNetConfig
from .nets.retinaface import RetinaFace, RetinaFaceConfig
from .nets.s3fd import S3fd, S3fdConfig


def trunk_config(shapes: Shapes, prefix: str) -> ResNetConfig:
    """Sizes of a ResNet-50's trunk whose names begin with ``prefix`` and a dot."""
    counts: list[int] = []
    for stage in (1, 2, 3, 4):
        count = 0
        while f"{prefix}.layer{stage}.{count}.conv1.weight" in shapes:
            count += 1
        counts.append(count)
    a, b, c, d = counts
    return ResNetConfig(shapes[f"{prefix}.layer1.0.conv1.weight"][0], (a, b, c, d))


def _retinaface(shapes: Shapes) -> RetinaFaceConfig:
    return RetinaFaceConfig(trunk_config(shapes, "body"), shapes["fpn.output1.0.weight"][0])


def _fan68(shapes: Shapes) -> Fan68Config:
    stacks = depth = 0
    while f"l{stacks}.weight" in shapes:
        stacks += 1
    while f"m0.b1_{depth + 1}.conv1.weight" in shapes:
        depth += 1
    points, channels = shapes["l0.weight"][:2]
    return Fan68Config(stacks, points, channels, depth)


def _s3fd(shapes: Shapes) -> S3fdConfig:
    return S3fdConfig(shapes["conv1_1.weight"][0])


def _architecture(
    family: Architecture[Any], config_from: Any, build: Any, default: Any
) -> Architecture[Any]:
    return replace(family, config_from=config_from, build=build, default=default)


RETINAFACE: Architecture[Any] = _architecture(
    families.RETINAFACE, _retinaface, RetinaFace, RetinaFaceConfig
)
FAN_68: Architecture[Any] = _architecture(families.FAN_68, _fan68, Fan68, Fan68Config)
S3FD: Architecture[Any] = _architecture(families.S3FD, _s3fd, S3fd, S3fdConfig)

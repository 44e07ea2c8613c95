"""Published face nets as architectures: their sizes are read from the shapes in a file."""

from __future__ import annotations

from dataclasses import replace

from ..weights import families
from ..weights.architecture import Architecture, Shapes
from .nets.resnet import ResNetConfig
from .nets.retinaface import RetinaFace, RetinaFaceConfig


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


RETINAFACE: Architecture[RetinaFace] = replace(  # type: ignore[assignment]  # a family is of any net
    families.RETINAFACE, config_from=_retinaface, build=RetinaFace, default=RetinaFaceConfig
)

"""Face networks that several systems use, as architectures: sizes from the shapes in a file."""

from __future__ import annotations

from typing import Any

from ..weights import families
from ..weights.architecture import Architecture, Shapes, count_keys
from .nets.fan68 import Fan68, Fan68Config
from .nets.fan98 import Fan98, Fan98Config
from .nets.recon3d import Recon3D, Recon3DConfig
from .nets.resnet import ResNetConfig
from .nets.retinaface import RetinaFace, RetinaFaceConfig
from .nets.s3fd import S3fd, S3fdConfig


def trunk_config(shapes: Shapes, prefix: str) -> ResNetConfig:
    """Sizes of a ResNet-50's trunk whose names begin with ``prefix`` and a dot."""
    a, b, c, d = (count_keys(shapes, f"{prefix}.layer{i}.", ".conv1.weight") for i in (1, 2, 3, 4))
    return ResNetConfig(shapes[f"{prefix}.layer1.0.conv1.weight"][0], (a, b, c, d))


def _recon(shapes: Shapes) -> Recon3DConfig:
    heads = count_keys(shapes, "final_layers.", ".weight")
    sizes = tuple(shapes[f"final_layers.{head}.weight"][0] for head in range(heads))
    return Recon3DConfig(trunk_config(shapes, "backbone"), sizes)


def _retinaface(shapes: Shapes) -> RetinaFaceConfig:
    return RetinaFaceConfig(trunk_config(shapes, "body"), shapes["fpn.output1.0.weight"][0])


def _fan68(shapes: Shapes) -> Fan68Config:
    return Fan68Config(**_fan(shapes), points=shapes["l0.weight"][0])


def _fan98(shapes: Shapes) -> Fan98Config:
    return Fan98Config(**_fan(shapes), points=shapes["l0.weight"][0] - 1)


def _fan(shapes: Shapes) -> dict[str, int]:
    return {
        "stacks": count_keys(shapes, "l", ".weight"),
        "channels": shapes["l0.weight"][1],
        "depth": count_keys(shapes, "m0.b1_", ".conv1.weight", start=1),
    }


def _s3fd(shapes: Shapes) -> S3fdConfig:
    return S3fdConfig(shapes["conv1_1.weight"][0])


RECON: Architecture[Any] = families.FACE_3DRECON.with_network(_recon, Recon3D, Recon3DConfig)
RETINAFACE: Architecture[Any] = families.RETINAFACE.with_network(
    _retinaface, RetinaFace, RetinaFaceConfig
)
FAN_68: Architecture[Any] = families.FAN_68.with_network(_fan68, Fan68, Fan68Config)
FAN_98: Architecture[Any] = families.FAN_98.with_network(_fan98, Fan98, Fan98Config)
S3FD: Architecture[Any] = families.S3FD.with_network(_s3fd, S3fd, S3fdConfig)

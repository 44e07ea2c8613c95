"""Networks that judge, as architectures: their sizes are read from the shapes in a file."""

from __future__ import annotations

from typing import Any

from ..weights import families
from ..weights.architecture import Architecture, Shapes
from .nets.syncnet_color import SyncNetColor, SyncNetColorConfig
from .nets.syncnet_v2 import SyncNetV2, SyncNetV2Config


def _expert(shapes: Shapes) -> SyncNetColorConfig:
    return SyncNetColorConfig(shapes["face_encoder.0.conv_block.0.weight"][0])


def _syncnet(shapes: Shapes) -> SyncNetV2Config:
    return SyncNetV2Config(shapes["netcnnaud.0.weight"][0] // 2)


LIP_EXPERT: Architecture[Any] = families.LIP_EXPERT.with_network(
    _expert, SyncNetColor, SyncNetColorConfig
)
SYNCNET_V2: Architecture[Any] = families.SYNCNET_V2.with_network(
    _syncnet, SyncNetV2, SyncNetV2Config
)

ARCHITECTURES: tuple[Architecture[Any], ...] = (LIP_EXPERT, SYNCNET_V2)

"""Networks that judge, as architectures: their sizes are read from the shapes in a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..weights import families
from ..weights.architecture import Architecture, Shapes
from .nets.syncnet_color import SyncNetColor, SyncNetColorConfig
from .nets.syncnet_v2 import SyncNetV2, SyncNetV2Config


def _expert(shapes: Shapes) -> SyncNetColorConfig:
    return SyncNetColorConfig(shapes["face_encoder.0.conv_block.0.weight"][0])


def _syncnet(shapes: Shapes) -> SyncNetV2Config:
    return SyncNetV2Config(shapes["netcnnaud.0.weight"][0] // 2)


def _architecture(
    family: Architecture[Any], config_from: Any, build: Any, default: Any
) -> Architecture[Any]:
    return replace(family, config_from=config_from, build=build, default=default)


LIP_EXPERT: Architecture[Any] = _architecture(
    families.LIP_EXPERT, _expert, SyncNetColor, SyncNetColorConfig
)
SYNCNET_V2: Architecture[Any] = _architecture(
    families.SYNCNET_V2, _syncnet, SyncNetV2, SyncNetV2Config
)

ARCHITECTURES: tuple[Architecture[Any], ...] = (LIP_EXPERT, SYNCNET_V2)

"""Wav2Lip's networks as architectures: their sizes are read from the shapes in a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...faces.architectures import S3FD
from ...weights import families
from ...weights.architecture import Architecture, Shapes
from .nets.generator import Wav2Lip, Wav2LipConfig


def _generator(shapes: Shapes) -> Wav2LipConfig:
    return Wav2LipConfig(shapes["face_encoder_blocks.0.0.conv_block.0.weight"][0])


def _architecture(
    family: Architecture[Any], config_from: Any, build: Any, default: Any
) -> Architecture[Any]:
    return replace(family, config_from=config_from, build=build, default=default)


WAV2LIP: Architecture[Any] = _architecture(families.WAV2LIP, _generator, Wav2Lip, Wav2LipConfig)

ARCHITECTURES: tuple[Architecture[Any], ...] = (WAV2LIP, S3FD)

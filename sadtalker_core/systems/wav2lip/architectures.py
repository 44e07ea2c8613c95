"""Wav2Lip's networks as architectures: their sizes are read from the shapes in a file."""

from __future__ import annotations

from typing import Any

from ...faces.architectures import S3FD
from ...weights import families
from ...weights.architecture import Architecture, Shapes
from .nets.generator import Wav2Lip, Wav2LipConfig


def _generator(shapes: Shapes) -> Wav2LipConfig:
    return Wav2LipConfig(shapes["face_encoder_blocks.0.0.conv_block.0.weight"][0])


WAV2LIP: Architecture[Any] = families.WAV2LIP.with_network(_generator, Wav2Lip, Wav2LipConfig)

ARCHITECTURES: tuple[Architecture[Any], ...] = (WAV2LIP, S3FD)

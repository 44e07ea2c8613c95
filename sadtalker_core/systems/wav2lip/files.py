"""Which published files a job needs."""

from __future__ import annotations

from ...weights import published_wav2lip as published
from ...weights.catalog import WeightFile
from .config import Wav2LipOptions


def needed_files(options: Wav2LipOptions) -> tuple[WeightFile, ...]:
    """The published files that these options need."""
    generator = published.WAV2LIP_GAN if options.model == "gan" else published.WAV2LIP
    return (generator, published.S3FD) if needs_detector(options) else (generator,)


def needs_detector(options: Wav2LipOptions) -> bool:
    """Whether the original's face finder is asked for."""
    return options.finder == "original" and options.fixed_box() is None

"""Wav2Lip's networks out of the published files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...faces.nets.s3fd import S3fd
from ...runtime import Runtime
from ...weights import published_wav2lip as published
from ...weights.catalog import WeightFile
from ...weights.network_files import NetworkFiles
from .architectures import ARCHITECTURES, S3FD, WAV2LIP
from .config import Wav2LipOptions
from .nets.generator import Wav2Lip


@dataclass(frozen=True)
class Wav2LipNets:
    """All networks of one job, on its device, in evaluation mode.

    Attributes:
        generator: paints the lips.
        detector: the original's face finder, or None where our own tracker is used.
    """

    generator: Wav2Lip
    detector: S3fd | None = None


def needed_files(options: Wav2LipOptions) -> tuple[WeightFile, ...]:
    """The published files that these options need."""
    generator = published.WAV2LIP_GAN if options.model == "gan" else published.WAV2LIP
    return (generator, published.S3FD) if needs_detector(options) else (generator,)


def needs_detector(options: Wav2LipOptions) -> bool:
    """Whether the original's face finder is asked for."""
    return options.finder == "original" and options.fixed_box() is None


def load_nets(files: Mapping[str, Path], options: Wav2LipOptions, runtime: Runtime) -> Wav2LipNets:
    """Every network of a job, read strictly.

    Args:
        files: paths by names of the catalog, of ``needed_files``.
        options: which networks.
        runtime: device.

    Raises:
        WeightsError: a file is damaged, or a network is in none of them.
    """
    found = NetworkFiles(files.values(), ARCHITECTURES, runtime)
    detector = found.network(S3FD) if needs_detector(options) else None
    return Wav2LipNets(found.network(WAV2LIP), detector)

"""Wav2Lip's networks out of the published files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...faces.nets.s3fd import S3fd
from ...runtime import Runtime
from ...weights.network_files import NetworkFiles
from .architectures import ARCHITECTURES, S3FD, WAV2LIP
from .config import Wav2LipOptions
from .files import needs_detector
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

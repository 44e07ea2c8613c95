"""SadTalker's networks out of the published files.

The new files hold all networks but MappingNet, each under its name and a dot. The files before
them hold one network each (the renderer's two). MappingNet has a file for each family of modes.
Which network is where is read from keys and shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from torch import nn

from ...errors import WeightsError
from ...faces.nets.recon3d import Recon3D
from ...runtime import Runtime
from ...weights.network_files import NetworkFiles
from ..blocks.fast.compiler import check_compiler
from ..blocks.fast.precision import choose_mix
from .architectures import (
    ARCHITECTURES,
    AUDIO2EXP,
    AUDIO2POSE,
    FACE_3DRECON,
    FAN_98,
    GENERATOR,
    KP_EXTRACTOR,
    MAPPING,
    RETINAFACE,
)
from .config import SadTalkerRenderOptions
from .fast import optimise
from .motion import MotionNets
from .nets.mapping import MappingNet
from .render import RenderNets
from .source import OriginalFinder

_N = TypeVar("_N", bound=nn.Module)


@dataclass(frozen=True)
class SadTalkerNets:
    """All networks of one job, on its device, in evaluation mode.

    Attributes:
        recon: picture to coefficients.
        motion: sound to coefficients.
        mapping: coefficients to keypoints.
        render: keypoints to pictures.
        finder: the original's landmarks, or None where our own tracker is used.
    """

    recon: Recon3D
    motion: MotionNets
    mapping: MappingNet
    render: RenderNets
    finder: OriginalFinder | None = None


def load_nets(
    files: Mapping[str, Path], options: SadTalkerRenderOptions, runtime: Runtime
) -> SadTalkerNets:
    """Every network of a job, read strictly.

    Args:
        files: paths by names of the catalog, of ``needed_files`` or ``older_files``.
        options: mode, size, landmarks and precision.
        runtime: device.

    Raises:
        WeightsError: a file is damaged, or a network is in none of them.
    """
    if options.compile:
        check_compiler(runtime.device)
    found = NetworkFiles(files.values(), ARCHITECTURES, runtime)
    mapping = found.network(MAPPING)
    width = 73 if "full" in options.preprocess else 70
    if mapping.config.coefficients != width:
        raise WeightsError(
            f"{found.holder(MAPPING)} is MappingNet for {mapping.config.coefficients} "
            f"coefficients; the mode {options.preprocess} needs the one for {width}."
        )
    finder = None
    if options.landmarks == "original":
        finder = OriginalFinder(found.network(RETINAFACE), found.network(FAN_98))
    mix = choose_mix(options.precision, runtime.device)
    generator = optimise(found.network(GENERATOR), mix, options.compile)
    return SadTalkerNets(
        recon=found.network(FACE_3DRECON),
        motion=MotionNets(found.network(AUDIO2EXP), found.network(AUDIO2POSE)),
        mapping=mapping,
        render=RenderNets(found.network(KP_EXTRACTOR), generator),
        finder=finder,
    )

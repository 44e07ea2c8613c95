"""LivePortrait's networks out of the published files.

The originals hold one network a file, but for the three small ones that share one; the safetensors
copies do the same. Which network is where is read from keys and shapes. The animals' files look
like the humans': there the name alone tells them apart, so files are taken as the catalog has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from torch import nn

from ...runtime import Runtime
from ...weights.network_files import NetworkFiles
from ..blocks.fast.compiler import check_compiler
from ..blocks.fast.encoder import FastEncoder
from .architectures import (
    APPEARANCE,
    ARCHITECTURES,
    EYE_RETARGETING,
    GENERATOR,
    LIP_RETARGETING,
    MOTION,
    STITCHER,
    WARPING,
)
from .config import LivePortraitRenderOptions
from .fast import choose_mix, optimise
from .nets.motion_extractor import MotionExtractor
from .render import RenderNets
from .retarget import RetargetNets

_N = TypeVar("_N", bound=nn.Module)


@dataclass(frozen=True)
class LivePortraitNets:
    """All networks of one job, on its device, in evaluation mode.

    Attributes:
        motion: M, face to keypoints, pose and expression.
        retarget: stitching, eyes and lips.
        render: F, W and G.
        landmarks: the original's landmark network (a file for onnxruntime), or None.
    """

    motion: MotionExtractor
    retarget: RetargetNets
    render: RenderNets
    landmarks: Path | None = None


def load_nets(
    files: Mapping[str, Path], options: LivePortraitRenderOptions, runtime: Runtime
) -> LivePortraitNets:
    """Every network of a job, read strictly.

    Args:
        files: paths by names of the catalog, of ``needed_files`` or ``older_files``.
        options: precision and whether to compile.
        runtime: device.

    Raises:
        WeightsError: a file is damaged, or a network is in none of them.
    """
    if options.compile:
        check_compiler(runtime.device)
    landmarks = next((path for path in files.values() if path.suffix == ".onnx"), None)
    holding = (path for path in files.values() if path.suffix != ".onnx")
    found = NetworkFiles(holding, ARCHITECTURES, runtime)
    mix = choose_mix(options.precision, runtime.device)
    renderer = optimise(found.network(WARPING), found.network(GENERATOR), mix, options.compile)
    return LivePortraitNets(
        motion=found.network(MOTION),
        retarget=RetargetNets(
            stitching=found.network(STITCHER),
            eye=found.network(EYE_RETARGETING),
            lip=found.network(LIP_RETARGETING),
        ),
        render=RenderNets(FastEncoder(found.network(APPEARANCE), mix.encoder).eval(), renderer),
        landmarks=landmarks,
    )

"""The enhancer and the upscaler of a job, out of their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..faces.architectures import RETINAFACE as RETINAFACE_NET
from ..runtime import Runtime
from ..weights import published_enhance as published
from ..weights.network_files import NetworkFiles
from ..weights.published import RETINAFACE
from .align import SIZE, ffhq_points, gpen_points
from .architectures import ARCHITECTURES, GFPGAN, GPEN, PARSENET
from .fast.build import fast_form
from .foreign import Upscaler, load_foreign_face_network, load_upscaler
from .options import EnhanceOptions
from .original_nets import OriginalNets

GPEN_ID = "gpen-512"
_FOREIGN = ("codeformer", "restoreformer")


@dataclass(frozen=True)
class Enhancer:
    """What restores faces.

    Attributes:
        id: of ``ENHANCER_IDS``.
        restore: face pictures (B, 3, S, S) RGB in [-1, 1] to restored ones, not clamped.
        size: S.
        points: (5, 2) where the network wants eyes, nose tip and mouth corners in them.
        device: where it is computed.
        upscaler: what enlarges the rest, or None for Lanczos.
    """

    id: str
    restore: Callable[[Tensor], Tensor]
    size: int
    points: Tensor
    device: torch.device
    upscaler: Upscaler | None = None


def load_enhancer(files: Mapping[str, Path], options: EnhanceOptions, runtime: Runtime) -> Enhancer:
    """The networks of a job.

    Args:
        files: paths by the names of ``needed_files``.
        options: which.
        runtime: device.

    Raises:
        WeightsError: a file is damaged or holds something else, or a package is missing.
    """
    path = files[options.enhancer]
    upscaler = None
    if options.upscaler:
        named = files.get(options.upscaler) or Path(options.upscaler).expanduser()
        upscaler = load_upscaler(named, runtime.device)
    if options.enhancer in _FOREIGN:
        restore = load_foreign_face_network(
            path, options.enhancer, options.fidelity, runtime.device
        )
        return Enhancer(options.enhancer, restore, SIZE, ffhq_points(), runtime.device, upscaler)
    found = NetworkFiles([path], ARCHITECTURES, runtime)
    wanted = GPEN if options.enhancer == GPEN_ID else GFPGAN
    network = found.network(wanted)
    size = network.config.size
    points = gpen_points(size) if wanted is GPEN else ffhq_points(size)
    # The fast form was measured on CPUs; a graphics card's library does well by itself.
    restore = fast_form(network) if runtime.device.type == "cpu" else network
    return Enhancer(options.enhancer, restore, size, points, runtime.device, upscaler)


def load_original_nets(files: Mapping[str, Path], runtime: Runtime) -> OriginalNets:
    """RetinaFace and ParseNet for the original's way. Raises ``WeightsError``."""
    paths = [files[RETINAFACE.name], files[published.PARSENET.name]]
    found = NetworkFiles(paths, (*ARCHITECTURES, RETINAFACE_NET), runtime)
    parser = found.network(PARSENET)
    fast = fast_form(parser) if runtime.device.type == "cpu" else parser
    return OriginalNets(found.network(RETINAFACE_NET), fast)

"""Face enhancers under the host's model manager, and the host's own upscale models."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..sadtalker_core.engines.engine import no_weights
from ..sadtalker_core.enhance.files import needed_files
from ..sadtalker_core.enhance.foreign import Upscaler
from ..sadtalker_core.enhance.load import Enhancer, load_original_nets
from ..sadtalker_core.enhance.load import load_enhancer as read_enhancer
from ..sadtalker_core.enhance.options import EnhanceOptions
from ..sadtalker_core.enhance.original_nets import OriginalNets
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.weights.catalog import WeightFile
from .host_models import HostModel, loaded


@dataclass(frozen=True)
class EnhancerNets:
    """What restores faces, and what the original's way needs beside it."""

    enhancer: Enhancer
    original: OriginalNets | None = None


def _load(files: Mapping[str, Path], options: Any, runtime: Runtime) -> EnhancerNets:
    original = load_original_nets(files, runtime) if options.enhance_way == "original" else None
    return EnhancerNets(read_enhancer(files, options, runtime), original)


@dataclass(frozen=True)
class FaceEnhancer:
    """Restoring faces as an engine of its own, for loading and for reports."""

    id: str = "enhance"
    title: str = "Face enhancer"
    description: str = "Restores faces in pictures and videos."
    licence: str = "code Apache-2.0; each network has its own terms, see below"
    needs_download: bool = True
    render_options: type[Any] = EnhanceOptions
    weights: Callable[[Any], tuple[WeightFile, ...]] = needed_files
    older_weights: Callable[[Any], tuple[WeightFile, ...]] = no_weights
    load: Callable[[Mapping[str, Path], Any, Runtime], Any] = _load


FACE_ENHANCER = FaceEnhancer()


def load_enhancer(options: EnhanceOptions) -> HostModel:
    """A face enhancer, see ``host_models.loaded``."""
    return loaded(FACE_ENHANCER, options)


@contextlib.contextmanager
def with_upscaler(model: HostModel, upscale_model: Any) -> Generator[Enhancer, None, None]:
    """The enhancer of a model with the host's upscale model beside it, moved in meanwhile.

    Args:
        model: from ``load_enhancer``.
        upscale_model: an UPSCALE_MODEL, or None for Lanczos.
    """
    enhancer: Enhancer = model.networks.enhancer
    if upscale_model is None:
        yield enhancer
        return
    import comfy.model_management as management

    if model.device.type != "cpu":
        management.free_memory(management.module_size(upscale_model.model), model.device)
    upscale_model.to(model.device)
    try:
        run = Upscaler(int(upscale_model.scale), upscale_model)
        yield replace(enhancer, upscaler=run)
    finally:
        upscale_model.to("cpu")

"""Face enhancers under the host's model manager, and the host's own upscale models."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from ..sadtalker_core.engines.face_enhancer import FACE_ENHANCER
from ..sadtalker_core.enhance.foreign import Upscaler
from ..sadtalker_core.enhance.load import Enhancer
from ..sadtalker_core.enhance.options import EnhanceOptions
from .host_models import HostModel, loaded


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

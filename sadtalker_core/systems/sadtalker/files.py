"""Which published files a job needs."""

from __future__ import annotations

from ...weights.catalog import WeightFile
from ...weights.published import (
    LANDMARKS_98,
    LEGACY_EXPRESSION,
    LEGACY_POSE,
    LEGACY_RECON,
    LEGACY_RENDERER,
    MAPPING_CROP,
    MAPPING_FULL,
    RETINAFACE,
    SADTALKER_256,
    SADTALKER_512,
)
from .config import SadTalkerRenderOptions


def needed_files(options: SadTalkerRenderOptions) -> tuple[WeightFile, ...]:
    """The published files that these options need."""
    renderer = SADTALKER_512 if options.size == "512" else SADTALKER_256
    return (renderer, *_beside(options))


def older_files(options: SadTalkerRenderOptions) -> tuple[WeightFile, ...]:
    """What does as well: the files before the safetensors ones. Empty where there are none."""
    if options.size == "512":
        return ()
    older = (LEGACY_RECON, LEGACY_EXPRESSION, LEGACY_POSE, LEGACY_RENDERER)
    return (*older, *_beside(options))


def _beside(options: SadTalkerRenderOptions) -> tuple[WeightFile, ...]:
    mapping = MAPPING_FULL if "full" in options.preprocess else MAPPING_CROP
    finder = (RETINAFACE, LANDMARKS_98) if options.landmarks == "original" else ()
    return (mapping, *finder)

"""Which published files a job needs."""

from __future__ import annotations

from ...weights.catalog import WeightFile
from ...weights.published_liveportrait import (
    ANIMAL,
    ANIMAL_COPY,
    HUMAN,
    HUMAN_COPY,
    LANDMARKS_203,
    RETARGETING,
    RETARGETING_COPY,
)
from .config import LivePortraitRenderOptions


def needed_files(options: LivePortraitRenderOptions) -> tuple[WeightFile, ...]:
    """The published files that these options need."""
    nets = HUMAN if options.species == "human" else (*ANIMAL, RETARGETING)
    return (*nets, *_landmarks(options))


def older_files(options: LivePortraitRenderOptions) -> tuple[WeightFile, ...]:
    """What does as well: the safetensors files of the ComfyUI node packs."""
    nets = HUMAN_COPY if options.species == "human" else (*ANIMAL_COPY, RETARGETING_COPY)
    return (*nets, *_landmarks(options))


def _landmarks(options: LivePortraitRenderOptions) -> tuple[WeightFile, ...]:
    return (LANDMARKS_203,) if options.landmarks == "original" else ()

"""Networks that give a video new lips, under the host's model manager."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from ..sadtalker_core.registry import find_relipper
from ..sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from .host_models import HostModel, host_store, loaded
from .schema import options_from

_ANY_EMOTION = "surprise"


def load_lips(engine_id: str, options: Any = None) -> HostModel:
    """An engine that gives a video new lips, see ``host_models.loaded``."""
    return loaded(find_relipper(engine_id), options)


@functools.lru_cache(maxsize=1)
def builtin_lips() -> HostModel:
    """The built-in one: what nodes use where none is connected."""
    return load_lips("lite")


def has_emotions() -> bool:
    """Whether the network for eyes and brows is on this machine."""
    from ..sadtalker_core.weights.published_retalking import EMOTION

    return host_store().find(EMOTION) is not None


def load_videoretalking(values: Mapping[str, Any]) -> HostModel:
    """VideoReTalking's networks, that of emotions too where its file is here.

    Args:
        values: the options that choose networks.
    """
    options = options_from(VideoReTalkingOptions, values)
    if not has_emotions():
        return load_lips("videoretalking", options)
    model = load_lips("videoretalking", dataclasses.replace(options, up_face=_ANY_EMOTION))
    model.options = options
    return model

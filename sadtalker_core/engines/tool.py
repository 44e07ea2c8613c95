"""Networks that work beside the engines: they restore or judge frames, and make none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..runtime import Runtime
from ..weights.catalog import WeightFile
from .engine import no_weights


@dataclass(frozen=True)
class Tool:
    """What is chosen, fetched, loaded and told of as an engine is, without an engine's steps.

    Attributes:
        id: of settings and reports.
        title: name for people.
        description: one sentence.
        licence: terms of the code and of its weights.
        render_options: option dataclass.
        weights: from options to the files needed.
        load: ``(paths by file name, options, runtime)``: the networks.
        needs_download: whether weights must be fetched before the first use.
        older_weights: files that do as well, all of them.
    """

    id: str
    title: str
    description: str
    licence: str
    render_options: type[Any]
    weights: Callable[[Any], tuple[WeightFile, ...]]
    load: Callable[[Mapping[str, Path], Any, Runtime], Any]
    needs_download: bool = True
    older_weights: Callable[[Any], tuple[WeightFile, ...]] = no_weights

"""Restoring faces, as something that is loaded and told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..enhance.files import needed_files
from ..enhance.options import EnhanceOptions
from ..runtime import Runtime
from .tool import Tool

if TYPE_CHECKING:
    from ..enhance.load import Enhancer
    from ..enhance.original_nets import OriginalNets


@dataclass(frozen=True)
class EnhancerNets:
    """What restores faces, and what the original's way needs beside it."""

    enhancer: Enhancer
    original: OriginalNets | None = None


def _load(files: Mapping[str, Path], options: EnhanceOptions, runtime: Runtime) -> EnhancerNets:
    from ..enhance.load import load_enhancer, load_original_nets

    original = load_original_nets(files, runtime) if options.enhance_way == "original" else None
    return EnhancerNets(load_enhancer(files, options, runtime), original)


FACE_ENHANCER = Tool(
    id="enhance",
    title="Face enhancer",
    description="Restores faces in pictures and videos.",
    licence="code Apache-2.0; each network has its own terms, see below",
    render_options=EnhanceOptions,
    weights=needed_files,
    load=_load,
)

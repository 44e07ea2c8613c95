"""Which published files a job needs."""

from __future__ import annotations

from collections.abc import Mapping

from ..weights import published_enhance as published
from ..weights.catalog import WeightFile
from ..weights.published import RETINAFACE
from .options import EnhanceOptions

_FILES: Mapping[str, WeightFile] = {
    file.name: file for file in (*published.ENHANCERS, *published.UPSCALERS)
}


def needed_files(options: EnhanceOptions) -> tuple[WeightFile, ...]:
    """The published files that these options need."""
    files = [_FILES[options.enhancer]]
    if options.enhance_way == "original":
        files += [RETINAFACE, published.PARSENET]
    if options.upscaler in _FILES:
        files.append(_FILES[options.upscaler])
    return tuple(files)

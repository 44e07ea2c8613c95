"""Words in the metadata that say how a video came to be.

A synthetic video should say so. The title and comment are kept by MP4, WebM, MKV and PNG; what
else a host wants to note (engine, seed) travels as JSON in the description.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from .containers import read_metadata

SYNTHETIC_TITLE = "Synthetic video"
SYNTHETIC_COMMENT = "Synthetic video made by Talking Portraits; not a recording of a person."
_PLAIN_KEYS = ("title", "comment", "artist", "copyright", "date", "description")


def provenance_metadata(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Title and comment of a synthetic video; ``extra`` adds to them or replaces them."""
    return {"title": SYNTHETIC_TITLE, "comment": SYNTHETIC_COMMENT, **(extra or {})}


def container_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """``metadata`` in the keys that every container keeps; the others as JSON in description."""
    kept = {key: value for key, value in metadata.items() if key in _PLAIN_KEYS}
    others = {key: value for key, value in metadata.items() if key not in _PLAIN_KEYS}
    if others:
        if "description" in kept:
            others["description"] = kept["description"]
        kept["description"] = json.dumps(others, ensure_ascii=False, sort_keys=True)
    return kept


def read_provenance(path: str | Path) -> dict[str, str]:
    """What ``write_video`` was given as metadata, read back from its file or PNG folder.

    Raises:
        MediaError: the file cannot be read.
    """
    found = read_metadata(path)
    metadata = {key: found[key] for key in _PLAIN_KEYS if key in found}
    try:
        others = json.loads(metadata.get("description", ""))
    except ValueError:
        return metadata
    if isinstance(others, dict):
        del metadata["description"]
        metadata.update({str(key): str(value) for key, value in others.items()})
    return metadata

"""Every weight file the project knows: where it is, what it is for, whose it is, on which terms."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class WeightFile:
    """One file of weights.

    Attributes:
        name: short name.
        file: path inside the package for bundled weights, else the file's name in the store.
        description: what it does.
        licence: terms, in SPDX's words where there are some, else plain words.
        origin: who made it.
        engines: ids of the engines that use it.
        urls: addresses outside the hub; empty for bundled files.
        sha256: of the published file; empty for bundled files, which travel with the code, and for
            files whose hash is pinned at the first download.
        size: bytes of the published file; 0 when not known or bundled.
        repository: repository on Hugging Face ("owner/name"), or empty.
        revision: of that repository: a commit where one is known, so that it never changes.
        hub_path: path inside the repository where it is not ``file``.
        folders: sub-folders of a model folder where other programs keep this file.
        elsewhere: paths inside a model folder where others keep it under another name.
    """

    name: str
    file: str
    description: str
    licence: str
    origin: str
    engines: tuple[str, ...]
    urls: tuple[str, ...] = ()
    sha256: str = ""
    size: int = 0
    repository: str = ""
    revision: str = "main"
    hub_path: str = ""
    folders: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where a bundled file is."""
        return _PACKAGE / self.file


BUNDLED: tuple[WeightFile, ...] = (
    WeightFile(
        name="face nets",
        file="faces/data/face_nets.safetensors",
        description="finds faces, 468 landmarks and irises",
        licence="Apache-2.0",
        origin="MediaPipe, Google",
        engines=("lite",),
    ),
    WeightFile(
        name="mouth net",
        file="systems/lite/data/mouth_net.safetensors",
        description="hears the mouth's shape in a voice",
        licence="Apache-2.0",
        origin="this project",
        engines=("lite",),
    ),
)


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces. Raises ``OSError``."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

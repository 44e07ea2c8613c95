"""Results on disk with their settings, and what belongs to which open page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import MediaError, TalkingPortraitsError
from ..jobs.drive_settings import DriveJob
from ..jobs.kinds import describe
from ..jobs.result import AnimateResult
from ..jobs.settings import AnimateJob
from ..media.files import replaced_when_complete
from ..media.provenance import read_provenance
from . import versions
from .host import UiHost

SUFFIXES = (".mp4", ".webm", ".mkv", ".png")
PLAYABLE = (".mp4", ".webm")


def settings_path(path: Path) -> Path:
    """The file with the settings of a result."""
    return path.with_suffix(".json") if path.suffix else path.with_name(f"{path.name}.json")


def keep_settings(path: Path, job: AnimateJob | DriveJob, result: AnimateResult) -> None:
    """Write what made a result beside it; files by name alone, without their folders."""
    values = describe(job)
    settings: dict[str, Any] = {}
    for name, value in values.items():
        if name in job.kind.outputs or value is None:
            continue
        if name in job.kind.inputs:
            names = value if isinstance(value, list) else [value]
            settings[name] = [Path(each).name for each in names]
        else:
            settings[name] = value
    made = result.as_dict()
    facts = {name: made[name] for name in ("engine", "device", "seed", "frames", "fps", "width")}
    facts |= {name: made[name] for name in ("height", "duration_s", "total_s", "weights")}
    text = json.dumps(
        {"command": job.kind.name, "result": facts, "settings": settings},
        indent=1,
        ensure_ascii=False,
    )
    with replaced_when_complete(settings_path(path)) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_settings(path: Path) -> dict[str, Any]:
    """What is known of a result: the file beside it, else what the file itself says."""
    try:
        found = json.loads(settings_path(path).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    except (OSError, ValueError):
        pass
    try:
        return {"result": dict(read_provenance(path))}
    except (TalkingPortraitsError, OSError):
        return {}


@dataclass
class Page:
    """What one open page uses.

    Attributes:
        uploads: files that came from it.
        results: what it made, in order.
    """

    uploads: set[Path] = field(default_factory=set)
    results: list[Path] = field(default_factory=list)


class Pages:
    """The open pages. A file goes when the last page that uses it is closed."""

    def __init__(self, host: UiHost) -> None:
        self._host = host
        self._pages: dict[str, Page] = {}
        self._lock = threading.Lock()

    def uploaded(self, owner: str, paths: Iterable[Path]) -> None:
        """Note files that somebody uploaded."""
        with self._lock:
            self._pages.setdefault(owner, Page()).uploads.update(paths)

    def made(self, owner: str, path: Path) -> None:
        """Note a result."""
        with self._lock:
            self._pages.setdefault(owner, Page()).results.append(path)

    def results(self, owner: str, most: int = 200) -> list[Path]:
        """What somebody may see, the newest first: on a shared page only their own."""
        if self._host.is_shared:
            with self._lock:
                own = list(self._pages.get(owner, Page()).results)
            return [path for path in reversed(own) if path.is_file()][:most]
        folder = self._host.output_folder()
        found: list[tuple[float, Path]] = []
        for path in folder.iterdir():
            try:
                if path.suffix.lower() in SUFFIXES and path.is_file() and path.name[0] != ".":
                    found.append((path.stat().st_mtime, path))
            except OSError:
                continue
        return [path for _, path in sorted(found, reverse=True)][:most]

    def left(self, owner: str) -> None:
        """Somebody closed their page: what only they uploaded goes."""
        with self._lock:
            page = self._pages.pop(owner, Page())
            others: set[Path] = set()
            for other in self._pages.values():
                others |= other.uploads
        folder = versions.upload_folder().resolve()
        for path in page.uploads - others:
            if _is_below(path, folder):
                path.unlink(missing_ok=True)
        # Players were given copies; the names end in random letters, so they are nobody else's.
        for result in page.results:
            for copy in folder.glob(f"*/{result.name}"):
                copy.unlink(missing_ok=True)

    def check(self, paths: Iterable[Path]) -> None:
        """Raise ``MediaError`` for a file that was neither uploaded nor made here.

        gradio checks this too; a program may send any text as a path, so it is looked at twice.
        """
        folders = [versions.upload_folder(), *self._host.readable_folders()]
        allowed = [folder.resolve() for folder in folders]
        for path in paths:
            if not any(_is_below(path, folder) for folder in allowed):
                raise MediaError(f"{path.name} was not uploaded here; choose the file again.")


def _is_below(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder)
    except (OSError, ValueError):
        return False

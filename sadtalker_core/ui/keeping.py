"""Results on disk with their settings, and what belongs to which open page."""

from __future__ import annotations

import contextlib
import glob
import json
import re
import shutil
import threading
import zipfile
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import MediaError, TalkingPortraitsError
from ..media.files import replaced_when_complete
from ..media.frame_sinks import FRAME_PREFIX, SOUND_NAME
from ..media.provenance import read_provenance
from . import versions
from .any_job import Job, Result, kind_of, settings_of
from .host import UiHost

SUFFIXES = (".mp4", ".webm", ".mkv", ".png")
# What ``host.result_name`` puts at the end.
OWN_NAME = re.compile(r"-\d{8}-\d{6}-[0-9a-f]{8}$")
PLAYABLE = (".mp4", ".webm")
# What is told of how a result was made.
_FACTS = (
    *("engine", "device", "seed", "frames", "fps", "width", "height"),
    *("duration_s", "total_s", "weights"),
)


def settings_path(path: Path) -> Path:
    """The file with the settings of a result."""
    return path.with_suffix(".json") if path.suffix else path.with_name(f"{path.name}.json")


def keep_settings(path: Path, job: Job, result: Result) -> None:
    """Write what made a result beside it; files by name alone, without their folders."""
    made = {"duration_s": round(float(result.frames / result.fps), 4), **result.as_dict()}
    text = json.dumps(
        {
            "command": kind_of(job).name,
            "result": {name: made[name] for name in _FACTS if name in made},
            "settings": settings_of(job),
        },
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


def is_own_name(path: Path) -> bool:
    """Whether a result has the name that this page gave it, which nobody else has."""
    return bool(OWN_NAME.search(path.stem))


def frames_of(folder: Path) -> list[Path]:
    """The pictures of a result that is a folder; none where it is another folder.

    A result has its settings beside it, and nothing else in it.
    """
    if not folder.is_dir() or folder.is_symlink() or not settings_path(folder).is_file():
        return []
    files = sorted(folder.iterdir())
    frames = [path for path in files if path.name.startswith(FRAME_PREFIX)]
    is_whole = all(path in frames or path.name == SOUND_NAME for path in files)
    return frames if is_whole else []


def is_result(path: Path) -> bool:
    """Whether a file or folder is something that the page makes."""
    if path.name.startswith("."):
        return False
    if path.suffix.lower() in SUFFIXES:
        return path.is_file()
    return not path.suffix and bool(frames_of(path))


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
        self._reading: Counter[Path] = Counter()
        self._left_over: set[Path] = set()  # to go when nobody reads it any more
        self._inputs: dict[str, dict[str, list[Path]]] = {}  # by the name of the result
        self._lock = threading.Lock()

    def uploaded(self, owner: str, paths: Iterable[Path]) -> None:
        """Note files that somebody uploaded."""
        with self._lock:
            self._pages.setdefault(owner, Page()).uploads.update(paths)

    def made(self, owner: str, path: Path, files: Mapping[str, list[Path]] | None = None) -> None:
        """Note a result, and the files that it was made of, by name."""
        with self._lock:
            self._pages.setdefault(owner, Page()).results.append(path)
            if files is not None:
                self._inputs[path.name] = dict(files)

    def files_for(self, owner: str, path: Path) -> dict[str, list[Path]]:
        """The files that a result was made of, where they are still here; they stay for ``owner``.

        A result of somebody who may not see it has none.
        """
        if path not in self.results(owner, None):
            return {}
        with self._lock:
            known = self._inputs.get(path.name, {})
            here = {
                name: list(paths)
                for name, paths in known.items()
                if all(each.is_file() for each in paths)
            }
            kept = {each for paths in here.values() for each in paths}
            self._pages.setdefault(owner, Page()).uploads.update(kept)
        return here

    def delete(self, owner: str, path: Path) -> None:
        """Take a result away for good, with its settings; only one that ``owner`` may see.

        Raises:
            MediaError: it is not there, is nobody's to take away, or the system refuses.
        """
        if path not in self.results(owner, None):
            raise MediaError("This result is not there any more.")
        settings = settings_path(path)
        # A name without our letters may be a file of another program, with its own beside it.
        same = [each for each in path.parent.glob(f"{glob.escape(path.stem)}.*") if each != path]
        is_ours = is_own_name(path) or ("command" in read_settings(path) and same == [settings])
        try:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            if is_ours:
                settings.unlink(missing_ok=True)
        except OSError as error:
            raise MediaError(f"{path.name} cannot be deleted: {error.strerror}.") from error
        with self._lock:
            self._inputs.pop(path.name, None)
            for page in self._pages.values():
                page.results = [each for each in page.results if each != path]
        self._remove_copies(path)

    def results(self, owner: str, most: int | None = 200) -> list[Path]:
        """What somebody may see, the newest first: on a shared page only their own."""
        if self._host.is_shared:
            with self._lock:
                own = list(self._pages.get(owner, Page()).results)
            return [path for path in reversed(own) if is_result(path)][:most]
        folder = self._host.output_folder()
        found: list[tuple[float, Path]] = []
        for path in folder.iterdir():
            try:
                if is_result(path):
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
            mine = page.uploads - others
            self._left_over |= {path for path in mine if self._reading[path]}
            mine -= self._left_over
        self._remove(mine)
        for result in page.results:
            self._remove_copies(result)

    @contextlib.contextmanager
    def reading(self, paths: Iterable[Path]) -> Generator[None, None, None]:
        """Held while a job reads files: the same file may be somebody else's, who closes a page."""
        known = set(paths)
        with self._lock:
            self._reading.update(known)
        try:
            yield
        finally:
            with self._lock:
                self._reading.subtract(known)
                used = {path for page in self._pages.values() for path in page.uploads}
                gone = {path for path in known & self._left_over if not self._reading[path]}
                self._left_over -= gone
                self._reading += Counter()  # forget what is at zero
            self._remove(gone - used)

    def _remove(self, paths: Iterable[Path]) -> None:
        folder = versions.upload_folder().resolve()
        for path in paths:
            if _is_below(path, folder):
                path.unlink(missing_ok=True)

    def archive_of(self, folder: Path) -> Path:
        """All pictures of a result in one file, for who cannot open folders of this machine."""
        archive = self._host.temp_folder() / "archives" / f"{folder.name}.zip"
        if not archive.is_file():
            archive.parent.mkdir(exist_ok=True)
            # Stored as they are: PNG does not become smaller.
            with replaced_when_complete(archive) as temporary, zipfile.ZipFile(temporary, "w") as f:
                for path in sorted(folder.iterdir()):
                    f.write(path, f"{folder.name}/{path.name}")
        return archive

    def _remove_copies(self, result: Path) -> None:
        """Players were given copies; names that end in our random letters are nobody else's."""
        if not is_own_name(result):
            return
        temp, uploads = self._host.temp_folder(), versions.upload_folder().resolve()
        for pattern in (result.name, f"{result.name}.zip", f"{result.name}-*.jpg"):
            made = [temp.glob(f"{folder}/{pattern}") for folder in ("archives", "posters")]
            for copies in (uploads.glob(f"*/{pattern}"), *made):
                for copy in copies:
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

"""Where weight files are, and how they get there.

Looked for in this order: the folder given as an option, the folders in the environment
(``TALKING_PORTRAITS_MODELS``, then ``SADTALKER_CHECKPOINTS``), the host's model folders, the cache
folder. Downloads go to the option's folder, else to that of ``TALKING_PORTRAITS_MODELS``, else to
the cache folder.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import Cancelled, OutputError, WeightsError
from .catalog import WeightFile, file_sha256
from .fetch import MAY_PASS, FetchFailed, check_space, fetch
from .lock import LockFile
from .published import SETS

MODELS_VARIABLE = "TALKING_PORTRAITS_MODELS"
COMPATIBLE_VARIABLE = "SADTALKER_CHECKPOINTS"
COMMAND = "talking-portraits models download"
_HUB = "https://huggingface.co"
_COMMANDS = ("enhance", "measure")  # what uses a file and is no engine
_SHA256 = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[str, int, int], None]


def _quiet(stage: str, done: int, total: int) -> None:
    pass


class WeightStore:
    """The folders of weights on this machine.

    Args:
        option: folder that the user named for this run.
        host_folders: model folders of the program we run in.
        environment: variables to read; those of the process by default.
        cache: folder to use in place of the platform's cache folder.
    """

    def __init__(
        self,
        option: Path | None = None,
        host_folders: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        cache: Path | None = None,
    ) -> None:
        variables = os.environ if environment is None else environment
        self.environment: Mapping[str, str] = variables
        cache = cache or cache_folder(variables)
        named = variables.get(MODELS_VARIABLE, "")
        compatible = variables.get(COMPATIBLE_VARIABLE, "")
        folders: list[Path] = [option] if option else []
        folders += [Path(text).expanduser() for text in (named, compatible) if text]
        folders += [*host_folders, cache]
        self.folders: tuple[Path, ...] = tuple(dict.fromkeys(folders))
        self.download_folder: Path = option or (Path(named).expanduser() if named else cache)
        self.lock = LockFile(self.download_folder)
        # What commands in messages need to mean these folders.
        self._flag = f" --models-dir {shlex.quote(str(option))}" if option else ""

    def find(self, file: WeightFile, any_size: bool = False) -> Path | None:
        """Where a file is, or None. Bundled files are where the package is.

        A file of another size than the published one (cut short, or a pointer that git left in its
        place) is passed over. Contents are compared in ``require`` and ``check``.

        Args:
            file: entry of the catalog.
            any_size: also give files of another size, but not empty ones.
        """
        if not is_downloaded(file):
            return file.path if file.path.is_file() else None
        places = [f"{place}/{file.file}" if place else file.file for place in ("", *file.folders)]
        for folder in self.folders:
            for place in (*places, *file.elsewhere):
                if self._fits(folder / place, file, any_size):
                    return folder / place
        return None

    def _fits(self, path: Path, file: WeightFile, any_size: bool) -> bool:
        try:
            size = path.stat().st_size if path.is_file() else 0
        except OSError:  # a drive that went away, a folder that may not be read
            return False
        if size and file.size and size != file.size and not any_size:
            # Only a file that the user accepted may differ from the published one.
            return size == self.lock.pinned_size(file.file)
        return size > 0

    def require(self, files: Sequence[WeightFile], purpose: str) -> dict[str, Path]:
        """Paths of all files, by their names in the catalog, contents compared.

        Args:
            files: what is needed.
            purpose: for what, to end the sentence "is needed for".

        Raises ``WeightsError`` that says what is missing, where it was looked for, the licence and
        the command that gets it; or which file is not the published one.
        """
        found = {file.name: self.find(file) for file in files}
        missing = [file for file in files if found[file.name] is None]
        if missing:
            raise WeightsError(self._absence(missing, purpose))
        paths = {name: path for name, path in found.items() if path is not None}
        for file in files:
            problem = self.check(file, paths[file.name])
            if problem:
                raise WeightsError(problem)
        return paths

    def _absence(self, missing: Sequence[WeightFile], purpose: str) -> str:
        names = ", ".join(
            f"{file.file} ({_megabytes(file.size)})" if file.size else file.file for file in missing
        )
        folders = ", ".join(str(folder) for folder in self.folders)
        wanted = what_to_download(missing)
        verb = "is" if len(missing) == 1 else "are"
        passed = "".join(map(self._passed_over, missing))
        return (
            f"{names} {verb} needed for {purpose} and not on this machine. Looked in: {folders}. "
            f"{passed}{_terms(missing)} To get what is missing: {COMMAND} {wanted}"
            f"{self._flag}"
        )

    def _passed_over(self, file: WeightFile) -> str:
        """A sentence about a file of another size, where there is one."""
        path = self.find(file, any_size=True)
        if path is None:
            return ""
        return (
            f"{path} was passed over: it has {path.stat().st_size} bytes instead of {file.size}, "
            "so it is cut short or another version (if you trust it: talking-portraits models "
            f"check --accept {file.name}{self._flag}). "
        )

    def check(self, file: WeightFile, path: Path) -> str:
        """What is wrong with a file on disk, or an empty text. Hashes are remembered.

        A file must be the one that the user accepted, else the published one, else the one that
        was downloaded first. Raises ``WeightsError`` when it cannot be read.
        """
        wanted = self.lock.pin(file.file) or file.sha256
        if not wanted:
            return ""
        actual = self.sha256(path)
        if actual == wanted:
            return ""
        return (
            f"{path} is not the published file: its SHA-256 is {actual[:12]}... instead of "
            f"{wanted[:12]}.... Delete it and run {COMMAND} {file.name}{self._flag}; or, if it is "
            f"a file that you trust, talking-portraits models check --accept {file.name}"
            f"{self._flag}"
        )

    def sha256(self, path: Path, fresh: bool = False) -> str:
        """Hash of a file, remembered while it does not change. Raises ``WeightsError``.

        ``fresh`` reads it again in any case.
        """
        try:
            if fresh:
                digest = file_sha256(path)
                self.lock.remember(path, digest)
                return digest
            return self.lock.sha256(path)
        except OSError as error:
            raise WeightsError(f"{path} cannot be read ({error}).") from error

    def accept(self, file: WeightFile, path: Path) -> str:
        """Take a file as it is from now on, and give its hash. Raises ``OutputError``."""
        digest = self.sha256(path)
        self._pin(file, digest, path.stat().st_size, f"accepted by the user: {path}")
        return digest

    def _pin(self, file: WeightFile, sha256: str, size: int, source: str) -> None:
        try:
            self.lock.set_pin(file.file, sha256, size, source)
        except OSError as error:
            raise OutputError(f"{self.lock.path} cannot be written ({error}).") from error

    def is_offline(self) -> bool:
        """Whether the environment forbids the network (``HF_HUB_OFFLINE``)."""
        return self.environment.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")

    def download(
        self,
        files: Sequence[WeightFile],
        *,
        progress: Progress = _quiet,
        cancelled: Callable[[], bool] = lambda: False,
        offline: bool = False,
        mirror: str = "",
        pause: Callable[[float], None] = time.sleep,
    ) -> dict[str, Path]:
        """Get the files that are not here yet; paths of all of them, by name.

        A file appears under its name only when it is whole and its hash is right. What an
        interrupted download left is gone on with.

        Args:
            files: what to get.
            progress: called as ``progress(stage, done, total)`` with megabytes.
            cancelled: asked all the time; when it says True, ``Cancelled`` is raised.
            offline: do not use the network, only look; ``HF_HUB_OFFLINE`` does the same.
            mirror: address in place of https://huggingface.co; ``HF_ENDPOINT`` does the same.
            pause: waits some seconds before another attempt; tests give their own.

        Raises:
            WeightsError: a file cannot be had from any of its addresses, or is another file.
            OutputError: disk full or not writable.
            Cancelled: the user stopped.
        """
        offline = offline or self.is_offline()
        found = {file.name: self.find(file) for file in files}
        missing = [file for file in files if found[file.name] is None]
        if missing and offline:
            names = ", ".join(file.file for file in missing)
            raise WeightsError(
                f"Not on this machine: {names}. Offline, so nothing was downloaded. Copy them "
                f"from another machine to {self.download_folder}, or leave out --offline and "
                "HF_HUB_OFFLINE."
            )
        endpoint = mirror or self.environment.get("HF_ENDPOINT", "") or _HUB
        self._prepare_folder(missing)
        for file in missing:
            if cancelled():
                raise Cancelled("Stopped by the user; the same command goes on from there.")
            found[file.name] = self._get(file, endpoint, progress, cancelled, pause)
        paths = {name: path for name, path in found.items() if path is not None}
        for file in files:
            problem = self.check(file, paths[file.name])
            if problem:
                raise WeightsError(problem)
        return paths

    def _prepare_folder(self, missing: Sequence[WeightFile]) -> None:
        if not missing:
            return
        folder = self.download_folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {folder} cannot be made ({error}).") from error
        parts = (self._part(file) for file in missing)
        have = sum(part.stat().st_size for part in parts if part.is_file())
        check_space(folder, max(0, sum(file.size for file in missing) - have))

    def _part(self, file: WeightFile) -> Path:
        return self.download_folder / f".{file.file}.part"

    def _get(
        self,
        file: WeightFile,
        endpoint: str,
        progress: Progress,
        cancelled: Callable[[], bool],
        pause: Callable[[float], None],
    ) -> Path:
        part, target = self._part(file), self.download_folder / file.file

        def report(done: int, total: int) -> None:
            whole = (total + 999_999) // 1_000_000
            progress(f"{file.file} (MB)", whole if done == total else done // 1_000_000, whole)

        def fetched(url: str) -> str:
            fetch(url, part, size=file.size, report=report, cancelled=cancelled, pause=pause)
            return file_sha256(part)

        wanted = file.sha256 or self.lock.pin(file.file)
        failures: list[str] = []
        places = [f"Hugging Face ({file.repository})"] if file.repository else []
        for label in [*places, *file.urls]:
            try:
                url = label if label in file.urls else _hub_address(file, endpoint, pause)
                resumed = part.is_file()
                digest = fetched(url)
                if resumed and wanted and digest != wanted:
                    # What lay there may be of another file; once more from the beginning.
                    part.unlink()
                    digest = fetched(url)
                if wanted and digest != wanted:
                    part.unlink()
                    raise FetchFailed(_another(digest, wanted))
                self._place(file, part, target, digest, label)
                return target
            except FetchFailed as error:
                failures.append(f"{label}: {error}")
        raise WeightsError(
            f"{file.file} could not be downloaded. {'; '.join(failures)}. Try again later, or put "
            f"the file into {self.download_folder} yourself."
        )

    def _place(self, file: WeightFile, part: Path, target: Path, digest: str, source: str) -> None:
        try:
            part.replace(target)
        except OSError as error:
            raise OutputError(f"{target} cannot be written ({error}).") from error
        self._pin(file, digest, target.stat().st_size, source)
        self.lock.remember(target, digest)


def what_to_download(missing: Sequence[WeightFile]) -> str:
    """The smallest set that has all of these files, or their names; one file's own name, but
    the engine's where it is all that an engine needs."""
    sets = sorted(SETS.items(), key=lambda item: len(item[1]))
    fitting = [name for name, files in sets if set(missing) <= set(files)]
    if len(missing) == 1:
        engines = [name for name in missing[0].engines if name not in _COMMANDS]
        fitting = [name for name in fitting if len(SETS[name]) == 1 and name in engines]
    return fitting[0] if fitting else " ".join(file.name for file in missing)


def is_downloaded(file: WeightFile) -> bool:
    """Whether a file comes from the network; the others travel with the package."""
    return bool(file.urls or file.repository)


def cache_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where programs of this platform keep what they can download again."""
    home = Path.home()
    if platform == "win32":
        base = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        given = environment.get("XDG_CACHE_HOME", "")
        # The standard says that a relative path there is to be ignored.
        base = Path(given) if given.startswith("/") else home / ".cache"
    return base / "talking-portraits" / "models"


def _hub_address(file: WeightFile, endpoint: str, pause: Callable[[float], None]) -> str:
    """Where the hub has the bytes of a file. Raises ``FetchFailed``."""
    if urlsplit(endpoint).scheme not in ("http", "https"):
        raise FetchFailed(f"the mirror {endpoint} is not a web address")
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
    except ImportError as error:
        raise FetchFailed("the package huggingface_hub is not installed") from error
    url = hf_hub_url(
        file.repository,
        file.hub_path or file.file,
        revision=file.revision,
        endpoint=endpoint.rstrip("/"),
    )
    for wait in (1.0, 2.0, 0.0):
        try:
            # The files are public: no token is sent, to the hub or to a mirror.
            metadata = get_hf_file_metadata(url, token=False)
            break
        except Exception as error:  # its versions raise their own kinds for the same faults
            code = getattr(getattr(error, "response", None), "status_code", None)
            if not wait or (isinstance(code, int) and code not in MAY_PASS):
                raise FetchFailed(_hub_failure(error, code)) from error
            pause(wait)
    else:  # pragma: no cover  # the last turn returns or raises
        raise FetchFailed("no answer")
    if metadata.size and file.size and metadata.size != file.size:
        raise FetchFailed(f"the file there has {metadata.size} bytes instead of {file.size}")
    etag = metadata.etag or ""
    if file.sha256 and _SHA256.fullmatch(etag) and etag != file.sha256:
        raise FetchFailed(_another(etag, file.sha256))
    # Not metadata.location: where the hub sends us on to is signed and ends within the hour.
    return url


def _another(sha256: str, wanted: str) -> str:
    return f"it is another file: SHA-256 {sha256[:12]}... instead of {wanted[:12]}..."


def _hub_failure(error: Exception, code: object) -> str:
    if isinstance(code, int):
        return f"error {code}"
    lines = str(error).strip().splitlines()
    return f"no connection ({lines[0][:120] if lines else type(error).__name__})"


def _terms(files: Sequence[WeightFile]) -> str:
    """The licences, each once, with the files they are of."""
    names: dict[str, list[str]] = {}
    for file in files:
        names.setdefault(file.licence, []).append(file.file)
    if len(names) == 1:
        return f"Licence: {files[0].licence}"
    return "Licences: " + " ".join(f"{', '.join(of)}: {text}" for text, of in names.items())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size else "size not known"

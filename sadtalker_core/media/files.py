"""Checks of input files, and outputs that appear under their name only when complete."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Generator, Iterable
from pathlib import Path

from ..errors import MediaError, OutputError


def check_input_file(path: Path, what: str) -> None:
    """Raise ``MediaError`` unless ``path`` is a file with something in it that may be read.

    Args:
        path: the file.
        what: what it should be, for the sentence: "picture", "sound", "video".
    """
    article = "an" if what[:1] in "aeiou" else "a"
    try:
        if path.is_dir():
            raise MediaError(f"{path} is a folder, {article} {what} file is needed.")
        if not path.exists():
            raise MediaError(f"{path} does not exist; give the path of {article} {what} file.")
        if not path.is_file():
            raise MediaError(f"{path} is not an ordinary file, {article} {what} file is needed.")
        with path.open("rb") as file:
            first = file.read(1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{path} cannot be read: {reason}.") from error
    if not first:
        raise MediaError(f"{path} is an empty file, {article} {what} was expected.")


def ffmpeg_url(path: Path) -> str:
    """``path`` so that FFmpeg takes it as a plain file whatever characters it has."""
    return f"file:{path.absolute()}"


def check_output_path(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise ``OutputError`` if a result cannot or must not be written to ``path``.

    Makes the parent folder if it is missing. Call it before the work starts, so that a job of an
    hour does not end with a refusal.

    Args:
        path: where the result will be.
        inputs: files that the job reads and must not overwrite.
    """
    if "\0" in str(path):
        raise OutputError(f"{str(path)!r} cannot be written: a name must not have a zero byte.")
    try:
        path.exists()  # asks the system whether there can be such a name at all
    except OSError as error:
        raise write_error(path, error) from error
    for source in inputs:
        if is_same_file(path, source):
            raise OutputError(
                f"the output {path} is also an input; give another name, it would be overwritten."
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {path.parent} cannot be made: {error.strerror or error}."
        ) from error
    probe = temporary_beside(path)
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise write_error(path, error) from error


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths name one file, through links and letter case."""
    with contextlib.suppress(OSError):
        if one.exists() and other.exists():
            return os.path.samefile(one, other)
    return os.path.abspath(one) == os.path.abspath(other)


def temporary_beside(path: Path) -> Path:
    """A new short name in the folder of ``path``: renaming it to ``path`` then never copies."""
    return path.parent / f".talking-portraits-{secrets.token_hex(6)}.part"


@contextlib.contextmanager
def replaced_when_complete(path: Path) -> Generator[Path, None, None]:
    """A temporary file beside ``path`` that takes its name if the block ends without error.

    Otherwise, Ctrl-C included, the temporary file is removed and ``path`` stays as it was.
    System errors in the block become ``OutputError``.
    """
    temporary = temporary_beside(path)
    try:
        yield temporary
        if path.is_dir():
            raise OutputError(f"{path} is a folder; give the name of a file.")
        os.replace(temporary, path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)
            else:
                temporary.unlink(missing_ok=True)


def write_error(path: Path, error: BaseException) -> OutputError:
    """The sentence for a system error while ``path`` was written."""
    code = getattr(error, "errno", None)
    if code == errno.ENOSPC:
        return OutputError(f"{path} could not be written: the disk is full. Free some space.")
    if code in (errno.EFBIG, errno.EDQUOT):
        return OutputError(f"{path} could not be written: it grew beyond the size allowed here.")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"{path} cannot be written: no permission for {path.parent}. Choose another folder."
        )
    if code == errno.ENAMETOOLONG:
        return OutputError(f"{path} cannot be written: the name is too long.")
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return OutputError(f"{path} could not be written: {text}.")

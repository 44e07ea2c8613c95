"""Files that a node's widget names: only those in the host's own folders, told apart by content."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from pathlib import Path

from ..sadtalker_core.errors import MediaError, TalkingPortraitsError

_OUTPUT_MARK = " [output]"


def files_in(suffixes: Collection[str], output_folders: Collection[str] = ()) -> list[str]:
    """Files that a list offers: of the input folder, and of folders below the output folder.

    Args:
        suffixes: endings in lower case with their dot.
        output_folders: names of folders in the output folder; files there are marked [output].
    """
    import folder_paths

    root = Path(folder_paths.get_input_directory())
    found = _below(root, root, suffixes)
    made = Path(folder_paths.get_output_directory())
    for name in output_folders:
        found += [path + _OUTPUT_MARK for path in _below(made / name, made, suffixes)]
    return found


def _below(folder: Path, root: Path, suffixes: Collection[str]) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(
        path.relative_to(root).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes and path.is_file() and _is_inside(path)
    )


def path_of(name: str) -> Path:
    """The file that a widget's text means.

    Args:
        name: a path below the host's input folder, or below another folder of the host where it
            ends in ``[output]`` or ``[temp]``; a whole path into one of these folders does too.

    Raises:
        MediaError: it lies in none of these folders, or is not there.
    """
    import folder_paths

    if not name.strip() or "\0" in name:
        raise MediaError("no file is chosen; choose one from the list.")
    text, folder = folder_paths.annotated_filepath(name.strip())
    path = Path(folder or folder_paths.get_input_directory(), text).resolve()
    if not _is_inside(path):
        raise MediaError(
            f"{name} is in none of ComfyUI's folders; put the file into "
            f"{folder_paths.get_input_directory()} and choose it from the list."
        )
    if not path.is_file():
        raise MediaError(f"{path} is not there; choose another file, or refresh the list (r).")
    return path


def _is_inside(path: Path) -> bool:
    """Whether it lies in the host's folders, links followed."""
    return any(path.resolve().is_relative_to(root) for root in _roots())


def _roots() -> tuple[Path, ...]:
    import folder_paths

    names = ("get_input_directory", "get_output_directory", "get_temp_directory")
    return tuple(Path(getattr(folder_paths, name)()).resolve() for name in names)


def refusal(check: Callable[[], object]) -> bool | str:
    """What ``validate_inputs`` returns: True, or the sentence of what ``check`` raises."""
    try:
        check()
    except TalkingPortraitsError as error:
        return str(error)
    return True


def fingerprint(path: Path) -> str:
    """Text that changes with the content of a file. A file that stayed as it was is read once."""
    state = path.stat()
    return _digest(str(path), state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=64)
def _digest(path: str, changed_ns: int, size: int) -> str:
    from ..sadtalker_core.weights.catalog import file_sha256

    return file_sha256(Path(path))

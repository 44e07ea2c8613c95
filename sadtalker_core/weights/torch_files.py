"""torch.save files read without torch.load: the zip format and the one before it.

Both hold a pickle that describes tensors and, apart from it, the raw numbers. The description is
read as data (see ``pickle_data``, and ``script_files`` for TorchScript); numbers are read only for
tensors that somebody wants, so the optimizer of a training checkpoint costs nothing.
"""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import zipfile
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from ..errors import WeightsError
from .pickle_data import MAX_BYTES, PickleError, read_pickle
from .pickle_names import PLAIN_NAMES, TORCH_NAMES, Storage, StorageKind, TensorRecord
from .script_files import ScriptNames, state_of

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_ZIP_START = b"PK\x03\x04"

# What zipfile and torch raise over files that are damaged at one place or another.
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    OverflowError,
)

# Gives the bytes of one storage, as the file has them.
ReadStorage = Callable[[Storage], bytearray]


def read_plain_pickle(path: Path) -> Any:
    """A pickle of plain values and numpy arrays, such as a motion template.

    Raises ``WeightsError`` for damaged files and for names that plain values do not need.
    """
    with _open(path) as file:
        return read_pickle(file, PLAIN_NAMES, limit=path.stat().st_size)


@contextlib.contextmanager
def open_checkpoint(path: Path) -> Generator[tuple[Any, ReadStorage], None, None]:
    """What a torch file describes, tensors as ``TensorRecord``, and a reader of their numbers.

    Raises ``WeightsError`` for damaged files, files of another kind and refused names.
    """
    with _open(path) as file:
        start = file.read(4)
        file.seek(0)
        if start == _ZIP_START:
            with _zip_checkpoint(path, file) as opened:
                yield opened
        else:
            yield _legacy_checkpoint(path, file)


@contextlib.contextmanager
def _open(path: Path) -> Generator[BinaryIO, None, None]:
    try:
        with path.open("rb") as file:
            yield file
    except WeightsError as error:
        raise WeightsError(f"The weights file {path} was not read. {error}") from error
    except _DAMAGE as error:
        raise WeightsError(
            f"The weights file {path} is damaged or cut short ({error}). Get it again."
        ) from error


@contextlib.contextmanager
def _zip_checkpoint(path: Path, file: BinaryIO) -> Generator[tuple[Any, ReadStorage], None, None]:
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        descriptions = [name for name in entries if name.split("/", 1)[-1] == "data.pkl"]
        root = descriptions[0][: -len("data.pkl")] if descriptions else ""
        is_script = f"{root}constants.pkl" in entries
        if is_script:  # its program is compressed, and nobody looks at it
            entries = {k: e for k, e in entries.items() if not k.startswith(f"{root}code/")}
        # torch stores, it never compresses; a compressed entry can unpack to any size.
        packed = [name for name, e in entries.items() if e.compress_type != zipfile.ZIP_STORED]
        total = sum(entry.file_size for entry in entries.values())
        if packed or total > path.stat().st_size:
            raise PickleError(
                f"Its parts would unpack to {total} bytes from {path.stat().st_size} on disk; "
                "torch never compresses, so this is not a file that torch saved."
            )
        if len(descriptions) != 1:
            raise PickleError("It is a zip file, but not one that torch saved (no data.pkl).")
        order = entries.get(f"{root}byteorder")
        if order is not None and archive.read(order) != sys.byteorder.encode():
            raise PickleError("It was saved on a machine with another byte order.")

        def persistent(identifier: Any) -> Storage:
            storage = _storage(identifier, 5)
            entry = entries.get(f"{root}data/{storage.key}")
            if storage.size and (entry is None or entry.file_size < storage.size):
                raise PickleError(f"The numbers of part {storage.key[:40]!r} are missing.")
            return storage

        def read(storage: Storage) -> bytearray:
            data = bytearray(storage.size)
            with archive.open(entries[f"{root}data/{storage.key}"]) as part:
                if cast(io.BufferedIOBase, part).readinto(data) != storage.size:
                    raise EOFError(f"part {storage.key} ends early")
            return data

        data = entries[descriptions[0]]
        if data.file_size > MAX_BYTES:
            raise PickleError(f"Its description alone has {data.file_size} bytes.")
        if is_script:
            yield state_of(read_pickle(archive.read(data), ScriptNames(), persistent)), read
        else:
            yield read_pickle(archive.read(data), TORCH_NAMES, persistent), read


def _legacy_checkpoint(path: Path, file: BinaryIO) -> tuple[Any, ReadStorage]:
    size = path.stat().st_size

    def part(persistent: Callable[[Any], Any] | None = None) -> Any:
        return read_pickle(file, TORCH_NAMES, persistent, min(size, MAX_BYTES))

    try:
        magic = part()
    except PickleError as error:
        if "refused" in str(error):
            raise
        raise PickleError("It is neither a safetensors file nor one that torch saved.") from error
    if magic != LEGACY_MAGIC:
        # A bare pickle: it may hold numpy arrays or numbers, but no torch tensors.
        return magic, _no_storage
    if part() != _LEGACY_PROTOCOL:
        raise PickleError("It was saved in an unknown format of torch.")
    info = part()
    if not isinstance(info, dict) or info.get("little_endian") is not (sys.byteorder == "little"):
        raise PickleError("It was saved on a machine with another byte order.")
    roots: dict[str, Storage] = {}

    def persistent(identifier: Any) -> Storage:
        storage = _storage(identifier, 6)
        view = identifier[5]
        if storage.size > size:
            raise PickleError(f"Part {storage.key[:40]!r} claims more than the file has.")
        if roots.setdefault(storage.key, storage).length != storage.length:
            raise PickleError(f"Part {storage.key[:40]!r} has two sizes.")
        if view is None:
            return storage
        _, offset, length = view
        if not all(type(value) is int and value >= 0 for value in (offset, length)):
            raise PickleError("A view of a storage is damaged.")
        if offset + length > storage.length:
            raise PickleError("A view of a storage is larger than the storage.")
        return replace(storage, offset=offset, length=length)

    tree = part(persistent)
    keys = part()
    if not isinstance(keys, list):
        raise PickleError("Its list of storages is damaged.")
    begins: dict[str, int] = {}
    for key in keys:
        root = roots.get(str(key))
        declared = int.from_bytes(file.read(8), "little")
        if root is None or declared != root.length:
            raise PickleError(f"Part {str(key)[:40]!r} has another size than described.")
        begins[root.key] = file.tell()
        file.seek(root.size, 1)
    if file.tell() > size:
        raise EOFError(f"{size} bytes instead of {file.tell()}")
    if missing := [key for key in roots if key not in begins]:
        raise PickleError(f"The numbers of part {missing[0][:40]!r} are missing.")

    def read(storage: Storage) -> bytearray:
        data = bytearray(storage.size)
        item = 1 if storage.dtype is None else storage.dtype.itemsize
        file.seek(begins[storage.key] + storage.offset * item)
        if cast(io.BufferedIOBase, file).readinto(data) != storage.size:
            raise EOFError(f"part {storage.key} ends early")
        return data

    return tree, read


def _no_storage(storage: Storage) -> bytearray:
    raise PickleError(f"Part {storage.key!r} has no numbers.")


def _storage(identifier: Any, parts: int) -> Storage:
    if not isinstance(identifier, tuple) or len(identifier) != parts or identifier[0] != "storage":
        raise PickleError("It refers to something else than a storage of numbers.")
    _, kind, key, _, length = identifier[:5]
    if not isinstance(kind, StorageKind) or not isinstance(key, str):
        raise PickleError("It refers to a storage of an unknown kind.")
    if type(length) is not int or not 0 <= length < 1 << 48:
        raise PickleError(f"Part {key[:40]!r} has an impossible size.")
    return Storage(key, kind.dtype, length)


def read_tensors(records: Mapping[str, TensorRecord], read: ReadStorage) -> dict[str, Tensor]:
    """The tensors of ``records`` on the CPU; those that share a storage in the file share it."""
    wanted: dict[Storage, list[str]] = {}
    for name, record in records.items():
        wanted.setdefault(record.storage, []).append(name)
    tensors: dict[str, Tensor] = {}
    for storage, names in wanted.items():
        data = read(storage) if any(records[name].count for name in names) else bytearray()
        for name in names:
            tensors[name] = _tensor(records[name], data)
    return {name: tensors[name] for name in records}


def _tensor(record: TensorRecord, data: bytearray) -> Tensor:
    if not record.count:
        return torch.empty(record.shape, dtype=record.dtype)
    if record.dtype is torch.bool and data.translate(None, b"\x00\x01"):
        raise PickleError("A tensor of yes and no holds something else.")
    usable = len(data) - len(data) % record.dtype.itemsize
    flat = torch.frombuffer(data, dtype=record.dtype, count=usable // record.dtype.itemsize)
    view = flat.as_strided(record.shape, record.stride, record.offset)
    # Alone in its storage, a tensor keeps it; a small piece of a large one must not hold it.
    if view.is_contiguous() and record.count == flat.numel():
        return view
    return view.clone(memory_format=torch.contiguous_format)

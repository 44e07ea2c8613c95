"""Numbers out of MATLAB files of version 5, as data: nothing of the file is ever run.

Level 5 MAT-files ("MAT-File Format", MathWorks): a header of 128 bytes, then elements of a type, a
length and as many bytes. Only plain arrays of numbers are read; cells, structs, objects and sparse
arrays are passed over, and so is what has another name.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import WeightsError

_MATRIX, _COMPRESSED = 14, 15
_TYPES = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_NUMBERS = range(6, 16)  # classes of an array: double, single and the whole numbers
_COMPLEX = 0x0800
_MOST_BYTES = 64_000_000  # of the file, and of each array in it

Numbers = NDArray[np.float64]


def read_mat(path: str | Path, names: Collection[str]) -> dict[str, Numbers]:
    """Arrays of a MAT-file by name, float64, in the shape that MATLAB shows.

    Args:
        path: the file.
        names: what is wanted; all of it must be there.

    Raises:
        WeightsError: the file is absent, of another kind, cut short, or lacks a name.
    """
    file = Path(path)
    content = _content(file)
    try:
        found = dict(_arrays(content, names))
    except (struct.error, zlib.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise WeightsError(f"{file} is damaged ({error}). Get it again.") from error
    missing = [name for name in names if name not in found]
    if missing:
        raise WeightsError(f"{file} has no array of numbers {', '.join(missing)}.")
    return found


def _content(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        content = file.read_bytes() if size <= _MOST_BYTES else b""
    except OSError as error:
        raise WeightsError(f"{file} cannot be read ({error}).") from error
    if size > _MOST_BYTES:
        raise WeightsError(f"{file} has {size} bytes, more than such a file may have.")
    if content[:8] == b"\x89HDF\r\n\x1a\n" or content[512:520] == b"\x89HDF\r\n\x1a\n":
        raise WeightsError(f"{file} is a MATLAB file of version 7.3; save it with -v7.")
    if len(content) < 128 or content[126:128] not in (b"IM", b"MI"):
        raise WeightsError(f"{file} ({size} bytes) is not a MATLAB file of version 5.")
    return content


def _arrays(content: bytes, names: Collection[str]) -> Iterator[tuple[str, Numbers]]:
    order = "<" if content[126:128] == b"IM" else ">"
    for kind, body in _elements(content[128:], order):
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(body, _MOST_BYTES)
            if unpacker.unconsumed_tail:
                raise ValueError(f"an array of more than {_MOST_BYTES} bytes")
            for inner, data in _elements(unpacked, order):
                if inner == _MATRIX:
                    yield from _array(data, order, names)
        elif kind == _MATRIX:
            yield from _array(body, order, names)


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each element; every one begins at a multiple of eight bytes."""
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        if kind >> 16:  # a small one: both numbers in one word, the bytes in the next
            kind, size, start, after = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        else:
            start = place + 8
            # what is compressed is not filled up
            after = start + size if kind == _COMPRESSED else start + -(-size // 8) * 8
        if start + size > len(data):
            raise ValueError(f"an element of {size} bytes where {len(data) - start} are left")
        yield kind, data[start : start + size]
        place = after


def _array(data: bytes, order: str, names: Collection[str]) -> Iterator[tuple[str, Numbers]]:
    """The array of a matrix element, if it is one of numbers and one that is wanted."""
    parts = _elements(data, order)
    flags = struct.unpack_from(f"{order}I", next(parts, (0, b""))[1])[0]
    sizes = _values(next(parts, (0, b"")), order).astype(np.int64).tolist()
    name = next(parts, (0, b""))[1].decode("ascii")
    if name not in names or (flags & 0xFF) not in _NUMBERS or flags & _COMPLEX:
        return
    numbers = _values(next(parts, (0, b"")), order)
    yield name, numbers.astype(np.float64).reshape(sizes, order="F")


def _values(element: tuple[int, bytes], order: str) -> NDArray[Any]:
    kind, data = element
    if kind not in _TYPES:
        raise ValueError(f"numbers of type {kind}")
    return np.frombuffer(data, np.dtype(_TYPES[kind]).newbyteorder(order))  # type: ignore[arg-type]

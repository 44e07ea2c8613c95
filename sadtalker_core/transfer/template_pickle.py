"""Writes plain data as a pickle, opcode by opcode, so that other programs' readers take it.

Only dictionaries with text keys, lists, whole numbers, numbers and float32 arrays: what a motion
template is made of. The library reads pickles with ``weights.pickle_data`` and never runs one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import StructureError

PlainData = int | float | NDArray[np.float32] | Sequence["PlainData"] | Mapping[str, "PlainData"]

_PROTOCOL = b"\x80\x04"
# Remembered at the start, so that every array recalls them with two bytes. Readers with numpy 1
# and 2 know this name of the module; numpy._core would need numpy 2.
_RECONSTRUCT, _NDARRAY, _FLOAT32 = b"h\x00", b"h\x01", b"h\x02"
_PREAMBLE = (
    b"cnumpy.core.multiarray\n_reconstruct\nq\x000"
    b"cnumpy\nndarray\nq\x010"
    b"cnumpy\ndtype\n\x8c\x02f4\x89\x88\x87R"
    b"(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbq\x020"
)


def pickled(value: PlainData) -> bytes:
    """``value`` as a pickle of protocol 4.

    Raises:
        StructureError: it holds something else than dictionaries with text keys, lists, numbers
            and float32 arrays.
    """
    parts: list[bytes] = [_PROTOCOL, _PREAMBLE]
    _write(value, parts)
    parts.append(b".")
    return b"".join(parts)


def _write(value: object, parts: list[bytes]) -> None:
    if isinstance(value, np.ndarray):
        _write_array(value, parts)
    elif isinstance(value, bool):
        raise StructureError("a template holds no truth values.")
    elif isinstance(value, int):
        size = value.bit_length() // 8 + 1
        parts.append(b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True))
    elif isinstance(value, float):
        parts.append(b"G" + struct.pack(">d", value))
    elif isinstance(value, Mapping):
        parts.append(b"}(")
        for key, inner in value.items():
            text = str(key).encode()
            parts.append(b"X" + struct.pack("<I", len(text)) + text)
            _write(inner, parts)
        parts.append(b"u")
    elif isinstance(value, (list, tuple)):
        parts.append(b"](")
        for inner in value:
            _write(inner, parts)
        parts.append(b"e")
    else:
        raise StructureError(f"a template holds no {type(value).__name__}.")


def _write_array(value: NDArray[np.float32], parts: list[bytes]) -> None:
    if value.dtype != np.float32:
        raise StructureError(f"a template holds float32 arrays, got {value.dtype}.")
    data = np.ascontiguousarray(value, dtype="<f4").tobytes()
    parts.append(_RECONSTRUCT + _NDARRAY + b"K\x00\x85C\x01b\x87R(K\x01(")
    parts.extend(b"J" + struct.pack("<i", size) for size in value.shape)
    parts.append(b"t" + _FLOAT32 + b"\x89B" + struct.pack("<I", len(data)) + data + b"tb")

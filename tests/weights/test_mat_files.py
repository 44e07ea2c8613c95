"""MATLAB files as data: written here byte by byte, and by scipy where it is."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from sadtalker_core.errors import WeightsError
from sadtalker_core.weights.mat_files import read_mat


def element(kind: int, data: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def small(kind: int, data: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}I", len(data) << 16 | kind) + data + b"\0" * (4 - len(data))


def matrix(name: str, value: np.ndarray, order: Literal["<", ">"] = "<", flags: int = 6) -> bytes:
    body = element(6, struct.pack(f"{order}II", flags, 0), order)
    body += element(5, struct.pack(f"{order}{value.ndim}i", *value.shape), order)
    label = name.encode()
    body += small(1, label, order) if len(label) <= 4 else element(1, label, order)
    codes = {"f8": 9, "f4": 7, "u1": 2}
    typed = value.astype(value.dtype.newbyteorder(order))
    body += element(codes[value.dtype.str[1:]], typed.tobytes(order="F"), order)
    return element(14, body, order)


def mat(*elements: bytes, order: str = "<") -> bytes:
    mark = b"IM" if order == "<" else b"MI"
    return (
        b"MATLAB 5.0 MAT-file".ljust(124)
        + struct.pack(f"{order}H", 0x100)
        + mark
        + b"".join(elements)
    )


VALUE = np.arange(6, dtype=np.float64).reshape(2, 3)


@pytest.mark.parametrize("order", ["<", ">"])
def test_plain_and_compressed_arrays(tmp_path: Path, order: Literal["<", ">"]) -> None:
    packed = zlib.compress(matrix("second", VALUE.astype(np.float32) + 1, order, flags=7))
    odd = struct.pack(f"{order}II", 15, len(packed)) + packed  # not filled up
    file = tmp_path / "a.mat"
    file.write_bytes(mat(odd, matrix("a", VALUE, order), matrix("more", VALUE, order), order=order))
    found = read_mat(file, ("a", "second"))
    assert found.keys() == {"a", "second"}
    np.testing.assert_array_equal(found["a"], VALUE)
    np.testing.assert_array_equal(found["second"], VALUE + 1)
    assert found["second"].dtype == np.float64


def test_numbers_that_were_saved_small(tmp_path: Path) -> None:
    # MATLAB saves doubles that are small whole numbers as bytes.
    file = tmp_path / "a.mat"
    file.write_bytes(mat(matrix("a", VALUE.astype(np.uint8))))
    np.testing.assert_array_equal(read_mat(file, ["a"])["a"], VALUE)


def test_what_scipy_writes(tmp_path: Path) -> None:
    io = pytest.importorskip("scipy.io")
    for compressed in (False, True):
        io.savemat(
            tmp_path / "s.mat",
            {
                "expression_center": VALUE,
                "w": np.array([[1.5]], np.float32),
                "text": "x",
                "cell": [1, "a"],
            },
            do_compression=compressed,
        )
        found = read_mat(tmp_path / "s.mat", ("expression_center", "w"))
        np.testing.assert_array_equal(found["expression_center"], VALUE)
        np.testing.assert_array_equal(found["w"], [[1.5]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a MATLAB file"),
        (b"x" * 300, "not a MATLAB file"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 300, "7.3"),
        (mat(matrix("a", VALUE))[:-20], "damaged"),
        (mat(matrix("b", VALUE)), "no array of numbers a"),
        (mat(matrix("a", VALUE, flags=1)), "no array of numbers a"),  # a cell
        (mat(matrix("a", VALUE, flags=0x0806)), "no array of numbers a"),  # complex
        (mat(element(15, b"no zip")), "damaged"),
        (mat(element(14, element(6, b""))), "damaged"),
        (mat(element(14, element(6, b"\6\0\0\0\0\0\0\0") + element(99, b"1234"))), "damaged"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.mat"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_mat(file, ["a"])


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "a.mat"
    file.write_bytes(mat(element(15, zlib.compress(b"\0" * 70_000_000))))
    with pytest.raises(WeightsError, match="more than"):
        read_mat(file, ["a"])


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        read_mat(tmp_path / "a.mat", ["a"])

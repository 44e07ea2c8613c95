"""Pickles that would run a program, written opcode by opcode: nothing here is ever unpickled."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from pathlib import Path


def reduce_call(module: str, name: str, argument: str, protocol: int = 2) -> bytes:
    """``module.name(argument)`` the way an object's ``__reduce__`` would write it."""
    text = argument.encode()
    head = b"\x80" + bytes([protocol])
    if protocol >= 4:
        called = short(module) + short(name) + b"\x93"  # STACK_GLOBAL
    else:
        called = f"c{module}\n{name}\n".encode()  # GLOBAL
    return head + called + b"X" + len(text).to_bytes(4, "little") + text + b"\x85R."


def short(text: str) -> bytes:
    """A short text on the stack."""
    return b"\x8c" + bytes([len(text)]) + text.encode()


def nested_getattr(marker: str) -> bytes:
    """``getattr(__import__("os"), "system")("touch marker")``."""
    return (
        b"\x80\x02cbuiltins\ngetattr\ncbuiltins\n__import__\nX\x02\x00\x00\x00os\x85R"
        b"X\x06\x00\x00\x00system\x86RX"
        + len(marker).to_bytes(4, "little")
        + marker.encode()
        + b"\x85R."
    )


def instance(module: str, name: str, argument: str) -> bytes:
    """The old INST operation."""
    return f"(S'{argument}'\ni{module}\n{name}\n.".encode()


def as_zip(path: Path, description: bytes) -> Path:
    """A torch file of the zip kind whose description is ``description``."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", description)
        archive.writestr("archive/version", "3\n")
    return path


def as_legacy(path: Path, description: bytes, floats: list[float] | None = None) -> Path:
    """A torch file of the old kind with ``floats`` as storage "0", if there are any."""
    out = io.BytesIO()
    for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        out.write(pickle.dumps(value, 2))
    out.write(description)
    out.write(pickle.dumps(["0"] if floats else [], 2))
    if floats:
        out.write(struct.pack(f"<q{len(floats)}f", len(floats), *floats))
    path.write_bytes(out.getvalue())
    return path

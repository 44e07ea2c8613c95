"""``models convert``: torch files to one safetensors file, saying what was in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, WeightsError
from .console import Console

if TYPE_CHECKING:
    from torch import Tensor


def run(names: Sequence[str], console: Console) -> int:
    """Read every file but the last, as data, and write the networks in them to the last.

    Raises:
        OptionError: too few names, not a safetensors name, or the output is an input.
        WeightsError: an input is damaged, refused, or holds no known network.
        OutputError: the output cannot be written.
    """
    from ..weights.reader import write_weights

    inputs, out = _paths(names)
    merged: dict[str, Tensor] = {}
    recognised: list[dict[str, Any]] = []
    for number, file in enumerate(inputs):
        console.progress.update("read", number, len(inputs))
        weights, found = _networks(file, alone=len(inputs) == 1)
        for entry in found:
            if entry["under"] in {other["under"] for other in recognised}:
                raise WeightsError(f"{entry['title']} is in {file} and in a file before it.")
        merged |= weights
        recognised += found
    write_weights(merged, out)
    size = out.stat().st_size
    lines = [
        f"{entry['file']}: {entry['title']}, {entry['tensors']} tensors"
        + (f", as {entry['under']}" if entry["under"] else "")
        + (f"; {entry['left_out']} other tensors left out" if entry["left_out"] else "")
        for entry in recognised
    ]
    lines += [f"{out} written: {len(merged)} tensors, {size / 1e6:.1f} MB"]
    values = {"out": str(out), "tensors": len(merged), "bytes": size, "recognised": recognised}
    console.result(values, lines)
    return 0


def _paths(names: Sequence[str]) -> tuple[list[Path], Path]:
    if len(names) < 2:
        raise OptionError("Say what to convert and where to: models convert IN... OUT.safetensors.")
    *inputs, out = (Path(name).expanduser() for name in names)
    if out.suffix != ".safetensors":
        raise OptionError(f"{out} must end with .safetensors.")
    if out.resolve() in {file.resolve() for file in inputs}:
        raise OptionError(f"{out} is one of the files to convert; give another name.")
    return inputs, out


def _networks(file: Path, alone: bool) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Tensors of the known networks in a file, by canonical names, and what these networks are."""
    from ..systems.sadtalker.architectures import ARCHITECTURES
    from ..weights.architecture import detect, report_unknown, shapes_of, verify
    from ..weights.reader import read_weights, with_prefix

    weights = read_weights(file)
    shapes = shapes_of(weights)
    found = detect(shapes, ARCHITECTURES)
    if not found:
        raise WeightsError(f"{file}: {report_unknown(shapes, ARCHITECTURES)} Nothing was written.")
    for entry in found:
        verify(entry, shapes)
    bare = alone and len(found) == 1 and not found[0].prefix
    named: dict[str, Tensor] = {}
    entries: list[dict[str, Any]] = []
    for entry in found:
        under = "" if bare else entry.architecture.prefix
        if not bare and not under:
            raise OptionError(
                f"{file} holds {entry.architecture.title}, which has a file of its own; "
                "convert it alone."
            )
        inside = with_prefix(weights, entry.prefix) if entry.prefix else weights
        named |= {f"{under}.{key}" if under else key: value for key, value in inside.items()}
        entries.append(
            {
                "file": str(file),
                "id": entry.architecture.id,
                "title": entry.architecture.title,
                "under": under,
                "tensors": len(inside),
                "left_out": 0,
            }
        )
    entries[-1]["left_out"] = len(weights) - len(named)
    return named, entries

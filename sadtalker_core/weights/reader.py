"""Safe reading of weights: safetensors and torch files, strict, with errors a user can act on.

Files are told apart by their first bytes, never by their name. Torch files are read as data: no
program in them can run (see ``pickle_data``).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..errors import OutputError, WeightsError
from .containers import unwrap, without_module
from .pickle_names import TensorRecord
from .torch_files import open_checkpoint, read_plain_pickle, read_tensors

__all__ = [
    "COUNTER",
    "check_shapes",
    "check_strict",
    "complete",
    "load_assigned",
    "load_strict",
    "read_plain_pickle",
    "read_shapes",
    "read_weights",
    "with_prefix",
    "write_weights",
]

_T = TypeVar("_T")
Shape = tuple[int, ...]
COUNTER = "num_batches_tracked"


def read_weights(path: str | Path, prefix: str = "") -> dict[str, Tensor]:
    """All tensors of a safetensors or torch file, by name, on the CPU.

    Containers and a leading ``module.`` are undone (see ``containers``), values that are not
    tensors are dropped, and nothing in the file is ever run.

    Args:
        path: the file, of whatever name.
        prefix: only the tensors under this name and a dot, without both; the rest is not read.

    Raises ``WeightsError`` when the file is absent, cut short, of another kind, asks for anything
    that weights do not need, or has nothing under ``prefix``.
    """
    file = _existing(path)
    if _is_torch_file(file):
        weights = _read_torch(file, prefix)
    else:
        weights = _read_safetensors(file, prefix)
    if prefix and not weights:
        raise WeightsError(f"The weights file {file} has nothing under {prefix!r}.")
    return weights


def read_shapes(path: str | Path) -> dict[str, Shape]:
    """Names and shapes as ``read_weights`` would give them, without reading the numbers.

    Raises ``WeightsError`` as ``read_weights`` does.
    """
    file = _existing(path)
    if _is_torch_file(file):
        with open_checkpoint(file) as (tree, _):
            return {name: tuple(leaf.shape) for name, leaf in unwrap(tree).items()}
    with _safetensors_errors(file), safe_open(str(file), framework="pt") as opened:
        shapes = {key: tuple(opened.get_slice(key).get_shape()) for key in opened.keys()}  # noqa: SIM118
    return without_module(shapes)


def write_weights(weights: Mapping[str, Tensor], path: str | Path) -> None:
    """Write tensors as safetensors: sorted by name, contiguous, each with its own numbers.

    The file appears under its name only when it is complete. Raises ``OutputError``.
    """
    file = Path(path)
    # Copies: safetensors refuses tensors that share their numbers.
    canonical = {
        key: weights[key].clone(memory_format=torch.contiguous_format) for key in sorted(weights)
    }
    unfinished = file.with_name(f".{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
        mode = unfinished.stat().st_mode
        save_file(canonical, str(unfinished), metadata={"format": "pt"})
        unfinished.chmod(mode)  # safetensors lets nobody but the user read what it writes
        unfinished.replace(file)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise OutputError(f"{file} cannot be written ({error}).") from error


def _existing(path: str | Path) -> Path:
    file = Path(path)
    if not file.is_file():
        raise WeightsError(f"The weights file {file} does not exist.")
    return file


def _is_torch_file(file: Path) -> bool:
    """True for a zip file or a pickle. A safetensors file begins with the length of its header."""
    try:
        with file.open("rb") as opened:
            start = opened.read(9)
    except OSError as error:
        raise WeightsError(f"The weights file {file} cannot be read ({error}).") from error
    if start[:4] == b"PK\x03\x04" or len(start) < 9:
        return start[:2] == b"PK"
    # Protocol 2 and later begin with 0x80 and a small number. A safetensors header has an opening
    # brace at the ninth byte, and no sane one of these begins with such a length.
    return start[0] == 0x80 and start[1] <= 5 and start[8:9] != b"{"


def _read_torch(file: Path, prefix: str) -> dict[str, Tensor]:
    with open_checkpoint(file) as (tree, read):
        leaves = unwrap(tree)
        if prefix:
            leaves = with_prefix(leaves, prefix)
        records = {name: leaf for name, leaf in leaves.items() if isinstance(leaf, TensorRecord)}
        tensors = read_tensors(records, read)
        for name, leaf in leaves.items():
            if isinstance(leaf, np.ndarray):
                native = leaf.astype(leaf.dtype.newbyteorder("="))
                tensors[name] = torch.from_numpy(native)
        return {name: tensors[name] for name in leaves}


def _read_safetensors(file: Path, prefix: str) -> dict[str, Tensor]:
    with _safetensors_errors(file):
        if not prefix:
            return without_module(load_file(str(file)))
        start = f"{prefix}."
        with safe_open(str(file), framework="pt") as opened:
            keys = [key for key in opened.keys() if key.startswith(start)]  # noqa: SIM118
            return {key[len(start) :]: opened.get_tensor(key) for key in keys}


@contextmanager
def _safetensors_errors(file: Path) -> Generator[None, None, None]:
    try:
        yield
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"The weights file {file} ({file.stat().st_size} bytes) is damaged or is not a "
            f"safetensors file ({error}). Get it again."
        ) from error


def with_prefix(weights: Mapping[str, _T], prefix: str) -> dict[str, _T]:
    """The tensors whose names begin with ``prefix`` and a dot, without both."""
    start = f"{prefix}."
    return {key[len(start) :]: value for key, value in weights.items() if key.startswith(start)}


def complete(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``weights`` with zero for counters of batches (``num_batches_tracked``) that it lacks.

    Old torch files do not have them, and nothing but training reads them.
    """
    added = {
        key: torch.zeros((), dtype=value.dtype)
        for key, value in wanted.items()
        if key not in weights and key.rpartition(".")[2] == COUNTER
    }
    return {**weights, **added}


def check_strict(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor], name: str) -> None:
    """``check_shapes`` for tensors."""
    check_shapes(
        {key: tuple(value.shape) for key, value in weights.items()},
        {key: tuple(value.shape) for key, value in wanted.items()},
        name,
    )


def check_shapes(shapes: Mapping[str, Shape], wanted: Mapping[str, Shape], name: str) -> None:
    """Raise ``WeightsError`` unless ``shapes`` has the keys and shapes of ``wanted``.

    The message names the first three keys that are missing, left over, or of another shape.
    """
    missing = [key for key in wanted if key not in shapes]
    extra = [key for key in shapes if key not in wanted]
    reshaped = [
        f"{key} {shapes[key]} instead of {shape}"
        for key, shape in wanted.items()
        if key in shapes and shapes[key] != shape
    ]
    problems = [
        f"{len(keys)} {what}: {', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''}"
        for keys, what in ((missing, "missing"), (extra, "not known"), (reshaped, "misshapen"))
        if keys
    ]
    if problems:
        matched = len(wanted) - len(missing) - len(reshaped)
        raise WeightsError(
            f"The weights of {name} do not fit: {matched} of {len(wanted)} keys match; "
            f"{'; '.join(problems)}."
        )


def load_strict(module: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Copy ``weights`` into ``module``: the same keys and shapes, in the module's own dtype.

    Counters of batches may be absent. ``name`` says which network it is in the message. Raises
    ``WeightsError`` as ``check_shapes`` does; the module is then unchanged.
    """
    wanted = module.state_dict()
    full = complete(weights, wanted)
    check_strict(full, wanted, name)
    with torch.no_grad():
        for key, value in wanted.items():
            value.copy_(full[key])


def load_assigned(module: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Give ``weights`` to a module that was built under ``torch.device("meta")``, without a copy.

    As strict as ``load_strict``, with the same exceptions; numbers of another type than the
    module's (half precision) are converted. Buffers that are not saved must not be on meta.

    Raises ``WeightsError`` as ``check_shapes`` does; the module is then unchanged.
    """
    wanted = module.state_dict()
    full = complete(weights, wanted)
    check_strict(full, wanted, name)
    typed = {key: full[key].to(value.dtype) for key, value in wanted.items()}
    module.load_state_dict(typed, assign=True)
    left = [key for key, value in module.named_buffers() if value.is_meta]
    if left:
        raise RuntimeError(f"{name} makes {left[0]} itself: build it on a real device.")

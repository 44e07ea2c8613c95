"""Safe reading of weights: safetensors only, strict, with errors a user can act on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..errors import WeightsError


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, by name, on the CPU.

    Raises ``WeightsError`` when the file is absent, cut short or of another kind.
    """
    file = Path(path)
    if not file.is_file():
        raise WeightsError(f"The weights file {file} does not exist; install the package again.")
    try:
        return load_file(str(file))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"The weights file {file} ({file.stat().st_size} bytes) is damaged or is not a "
            f"safetensors file ({error}). Get it again."
        ) from error


def with_prefix(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix`` and a dot, without both."""
    start = f"{prefix}."
    return {key[len(start) :]: value for key, value in weights.items() if key.startswith(start)}


def load_strict(module: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Copy ``weights`` into ``module``: the same keys and shapes, in the module's own dtype.

    ``name`` says which network it is in the message. Raises ``WeightsError`` naming the first
    three keys that are missing, left over, or of another shape; the module is then unchanged.
    """
    wanted = module.state_dict()
    missing = [key for key in wanted if key not in weights]
    extra = [key for key in weights if key not in wanted]
    reshaped = [
        f"{key} {tuple(weights[key].shape)} instead of {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in weights and weights[key].shape != value.shape
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
    with torch.no_grad():
        for key, value in wanted.items():
            value.copy_(weights[key])

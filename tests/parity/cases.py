"""Every golden of every published system, run on our code.

``run(name, inputs, seed=..., meta=...)`` fills the networks from the manifests, calls our code in
the plain float32 path and returns every output of the golden by name, intermediates included.
``run_fast`` returns the final outputs only, through the fast path.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

Case = Callable[[dict[str, Tensor], int, dict[str, str]], dict[str, Tensor]]

_HERE = Path(__file__).parent
# A system's cases lie in files that begin with its name.
_MODULES = sorted(
    path.stem for system in (_HERE / "data").iterdir() for path in _HERE.glob(f"{system.name}_*.py")
)


def _collect(attribute: str) -> dict[str, Case]:
    found: dict[str, Case] = {}
    for name in _MODULES:
        module = importlib.import_module(f"{__package__}.{name}")
        cases: Mapping[str, Case] = getattr(module, attribute, {})
        twice = found.keys() & cases.keys()
        if twice:
            raise ValueError(f"{sorted(twice)} are defined twice, again in {name}")
        found.update(cases)
    return found


def names(*, fast: bool = False) -> list[str]:
    """Names of all goldens that can be run; with ``fast`` those that have a fast path."""
    return list(_collect("FAST" if fast else "CASES"))


def run(
    name: str, inputs: dict[str, Tensor], *, seed: int, meta: dict[str, str]
) -> dict[str, Tensor]:
    """All outputs of the golden ``name`` (such as ``sadtalker/audio2exp``)."""
    return _call(_collect("CASES"), name, inputs, seed, meta)


def run_fast(
    name: str, inputs: dict[str, Tensor], *, seed: int, meta: dict[str, str]
) -> dict[str, Tensor]:
    """Final outputs of the golden ``name`` through the fast path."""
    return _call(_collect("FAST"), name, inputs, seed, meta)


def _call(
    cases: dict[str, Case], name: str, inputs: dict[str, Tensor], seed: int, meta: dict[str, str]
) -> dict[str, Tensor]:
    if name not in cases:
        raise KeyError(f"{name} is not a known golden; known are: {', '.join(sorted(cases))}")
    with torch.inference_mode():
        return cases[name](inputs, seed, meta)

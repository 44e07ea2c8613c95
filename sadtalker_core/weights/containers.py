"""What authors wrap their weights in, undone here and nowhere else.

The rules, in this order:

1. ``SHELLS``: the first of these keys that holds tensors is the state dict; all else is dropped.
   After it the same rules are asked once more (``model`` inside ``state_dict`` has been seen).
2. ``PARTS``: every one of these keys that holds tensors becomes a group of its own, with the
   name on the right and a dot before the names of its tensors; all else is dropped.
3. Otherwise it is the state dict itself: its tensors are kept and the rest (epoch, optimizer
   settings) is dropped.
4. ``module.`` in front of every name, the mark of training on several GPUs, is removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from ..errors import WeightsError
from .pickle_names import TensorRecord

# In the order of preference: an average over training (ema) beats the last step.
SHELLS = ("params_ema", "params", "net_G_ema", "state_dict", "model", "net_recon", "mapping")
PARTS = {
    # SadTalker's old renderer file; its kp_detector is the kp_extractor of the new one.
    "generator": "generator",
    "kp_detector": "kp_extractor",
    # LivePortrait's stitching and retargeting.
    "retarget_shoulder": "retarget_shoulder",
    "retarget_eye": "retarget_eye",
    "retarget_mouth": "retarget_mouth",
}

Leaf = TensorRecord | np.ndarray[Any, Any]
_T = TypeVar("_T")


def unwrap(tree: Any) -> dict[str, Leaf]:
    """Tensors by name out of whatever a checkpoint holds.

    Raises ``WeightsError`` when there are none.
    """
    found = without_module(_unwrap(tree, depth=2))
    if not found:
        keys = ", ".join(str(key)[:30] for key in list(tree)[:5]) if isinstance(tree, dict) else ""
        raise WeightsError(
            "It holds no tensors by name"
            + (f"; its keys are {keys}." if keys else f" (a {type(tree).__name__}).")
        )
    return found


def _unwrap(tree: Any, depth: int) -> dict[str, Leaf]:
    if depth:
        for shell in SHELLS:
            inner = _tensors(tree, shell)
            if inner:
                return _unwrap(inner, depth - 1)
        parts = {new: _tensors(tree, old) for old, new in PARTS.items()}
        if any(parts.values()):
            return {
                f"{name}.{key}": value
                for name, part in parts.items()
                for key, value in without_module(_own_tensors(part)).items()
            }
    return _own_tensors(tree)


def _tensors(tree: Any, key: str) -> dict[Any, Any]:
    """The mapping under ``key``, if it holds tensors at any of the depths that rules ask for."""
    inner = tree.get(key) if isinstance(tree, dict) else None
    if not isinstance(inner, dict):
        return {}
    deeper = any(isinstance(inner.get(shell), dict) for shell in (*SHELLS, *PARTS))
    return inner if deeper or _own_tensors(inner) else {}


def _own_tensors(tree: Any) -> dict[str, Leaf]:
    if not isinstance(tree, dict):
        return {}
    return {
        key: value
        for key, value in tree.items()
        if isinstance(key, str)
        and (isinstance(value, TensorRecord) or (isinstance(value, np.ndarray) and value.size > 0))
    }


def without_module(weights: Mapping[str, _T]) -> dict[str, _T]:
    """Names without a ``module.`` that all of them begin with."""
    if weights and all(key.startswith("module.") for key in weights):
        return {key[len("module.") :]: value for key, value in weights.items()}
    return dict(weights)

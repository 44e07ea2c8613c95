"""What authors wrap weights in: every rule of ``containers``, on plain trees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from sadtalker_core.errors import WeightsError
from sadtalker_core.weights.containers import unwrap, without_module
from sadtalker_core.weights.pickle_names import Storage, TensorRecord

_T = TensorRecord(Storage("0", torch.float32, 1), torch.float32, 0, (1,), (1,))


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ({"a": _T, "b.c": _T}, ["a", "b.c"]),
        ({"a": _T, "epoch": 3, "optimizer": {"state": {0: {"step": _T}}}, "name": "n"}, ["a"]),
        ({"state_dict": {"a": _T}, "optimizer": {"a": _T}}, ["a"]),
        ({"params": {"old": _T}, "params_ema": {"a": _T}}, ["a"]),
        ({"params": {"a": _T}, "params_ema": {}}, ["a"]),
        ({"net_G": {"old": _T}, "net_G_ema": {"a": _T}, "opt_G": {"state": {}}}, ["a"]),
        ({"net_recon": {"a": _T}, "opt_00": {"state": {}}}, ["a"]),
        ({"mapping": {"a": _T}, "discriminator": {"d": _T}, "epoch": 1}, ["a"]),
        ({"model": {"module.a": _T, "module.b": _T}}, ["a", "b"]),
        ({"state_dict": {"model": {"a": _T}}}, ["a"]),
        # a weight of that name is no container
        ({"mapping": _T, "model": _T}, ["mapping", "model"]),
        ({"model": {"depth": 3}, "a": _T}, ["a"]),
        (
            {
                "generator": {"module.g": _T},
                "kp_detector": {"k": _T},
                "he_estimator": {"h": _T},
                "discriminator": {"d": _T},
            },
            ["generator.g", "kp_extractor.k"],
        ),
        ({"generator": {"g": _T}}, ["generator.g"]),
        ({"x": np.zeros(3), 5: _T, "empty": np.zeros(0)}, ["x"]),
    ],
)
def test_rules(tree: dict[Any, Any], names: list[str]) -> None:
    assert list(unwrap(tree)) == names


@pytest.mark.parametrize("tree", [{}, {"epoch": 1}, {"state_dict": {}}, [], 3, {"model": [_T]}])
def test_nothing_inside(tree: Any) -> None:
    with pytest.raises(WeightsError, match="no tensors by name"):
        unwrap(tree)


def test_a_container_that_holds_itself_ends() -> None:
    tree: dict[str, Any] = {}
    tree["model"] = tree
    with pytest.raises(WeightsError):
        unwrap(tree)


def test_module_is_removed_from_all_or_from_none() -> None:
    assert list(without_module({"module.a": 1, "module.module.b": 2})) == ["a", "module.b"]
    assert list(without_module({"module.a": 1, "b": 2})) == ["module.a", "b"]
    assert without_module({}) == {}

"""Every published network and function against what the reference code gave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from .cases import names, run, run_fast
from .retalking_nets import FAST as QUICK
from .seeded_weights import load_golden
from .tolerances import QUICK_DB, QUICK_FLOAT32_DB, decibels, problem

_DATA = Path(__file__).parent / "data"
_GOLDENS = sorted(f"{path.parent.name}/{path.stem}" for path in _DATA.glob("*/*.safetensors"))
# Fast paths are judged in decibels: the frames against the reference's.
_FAST_DB = 40.0


def thinned(name: str, value: Tensor, meta: dict[str, str]) -> Tensor:
    """``value`` as the golden keeps it; its shape must be the reference's."""
    shape = json.loads(meta[f"shape:{name}"])
    assert list(value.shape) == shape, f"{name}: {list(value.shape)}, the reference has {shape}"
    stride = int(meta.get(f"stride:{name}", "0"))
    return value.contiguous().flatten()[::stride] if stride else value


def test_every_golden_has_a_case() -> None:
    assert set(_GOLDENS) == set(names())


@pytest.mark.parity
@pytest.mark.parametrize("golden", _GOLDENS)
def test_golden(golden: str) -> None:
    inputs, outputs, meta = load_golden(_DATA / f"{golden}.safetensors")
    before = {name: value.clone() for name, value in inputs.items()}
    found = run(golden, inputs, seed=int(meta["seed"]), meta=meta)
    assert outputs.keys() <= found.keys(), sorted(outputs.keys() - found.keys())
    problems = [
        problem(golden, name, thinned(name, found[name], meta), want)
        for name, want in outputs.items()
    ]
    assert not list(filter(None, problems)), "\n".join(filter(None, problems))
    assert all(torch.equal(inputs[name], value) for name, value in before.items())


def _is_settled(golden: str) -> bool:
    return "settled" in golden or golden in (
        "liveportrait/spade_generator_sn",
        "liveportrait/end_to_end",
    )


# Seeded decoders that saturate flip pixels at any rounding; the settled ones say how true the
# fast path is (fact sheet, section 12).
@pytest.mark.parity
@pytest.mark.parametrize("golden", [name for name in _GOLDENS if _is_settled(name)])
def test_fast_path(golden: str) -> None:
    inputs, outputs, meta = load_golden(_DATA / f"{golden}.safetensors")
    found = run_fast(golden, inputs, seed=int(meta["seed"]), meta=meta)
    pictures = {"prediction", "frames", "image"} & found.keys()
    assert pictures
    for name in pictures:
        error = thinned(name, found[name], meta).double() - outputs[name].double()
        assert -10 * torch.log10((error**2).mean()).item() >= _FAST_DB, name


# The enhancers' fast forms multiply in float32, so that they are held to the rule itself.
@pytest.mark.parity
@pytest.mark.parametrize(
    "golden", [name for name in names(fast=True) if name.startswith("enhance/")]
)
def test_exact_fast_path(golden: str) -> None:
    inputs, outputs, meta = load_golden(_DATA / f"{golden}.safetensors")
    found = run_fast(golden, inputs, seed=int(meta["seed"]), meta=meta)
    assert found
    problems = [
        problem(golden, name, thinned(name, value, meta), outputs[name])
        for name, value in found.items()
    ]
    assert not list(filter(None, problems)), "\n".join(filter(None, problems))


# Published size, as every job runs them.
@pytest.mark.parity
@pytest.mark.parametrize("golden", list(QUICK))
def test_quickened_lips(golden: str) -> None:
    inputs, outputs, meta = load_golden(_DATA / f"{golden}.safetensors")
    for dtype in (torch.bfloat16, torch.float32):
        with torch.inference_mode():
            found = QUICK[golden](inputs, int(meta["seed"]), meta, dtype)
        for name, value in found.items():
            near = decibels(thinned(name, value, meta), outputs[name])
            least = QUICK_DB[f"{golden}/{name}"]
            assert near >= (least if dtype == torch.bfloat16 else QUICK_FLOAT32_DB), name

"""Fast forms of the networks against the plain ones."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.fast import (
    QuickConv,
    QuickModulated,
    choose_dtype,
    quicken,
)

from . import toys


def decibels(got: Tensor, want: Tensor) -> float:
    """Against a range of four standard deviations, about that of a picture."""
    error = float((got - want).detach().double().square().mean())
    return 10 * math.log10((4 * float(want.detach().double().std())) ** 2 / max(error, 1e-30))


def test_float32_is_the_same_but_for_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    from sadtalker_core.systems.videoretalking import fast

    monkeypatch.setattr(fast, "_FEWEST", 1)
    plain: Any = toys.toy_nets(VideoReTalkingOptions()).enet
    torch.manual_seed(3)
    mel, faces = torch.rand(1, 1, 80, 16) * 8 - 4, torch.rand(1, 6, 384, 384)
    given = (mel, faces, faces[:, 3:])
    quick = quicken(copy.deepcopy(plain), torch.float32)
    kinds = {type(module) for module in quick.modules()}
    assert {QuickConv, QuickModulated} <= kinds
    left = [module for module in quick.modules() if type(module) is torch.nn.Conv2d]
    assert all(conv.stride[0] != conv.stride[1] for conv in left)
    want = plain(*given)[0]
    assert decibels(quick(*given)[0], want) > 100
    half = quicken(copy.deepcopy(plain), torch.bfloat16)(*given)[0]
    assert 30 < decibels(half, want) < 90


def test_precisions() -> None:
    cpu = torch.device("cpu")
    assert choose_dtype("float32", cpu) is torch.float32
    assert choose_dtype("bfloat16", cpu) is torch.bfloat16
    assert choose_dtype("auto", cpu) in (torch.float32, torch.bfloat16)
    assert choose_dtype("auto", torch.device("cuda")) is torch.float32
    assert choose_dtype("float16", torch.device("cuda")) is torch.half
    with pytest.raises(OptionError, match="graphics cards"):
        choose_dtype("float16", cpu)
    with pytest.raises(OptionError, match="precision"):
        choose_dtype("double", cpu)

"""Fast forms of the networks against the plain ones."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.enhance.nets import gpen
from sadtalker_core.errors import OptionError
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.fast import (
    QuickConv,
    QuickFilter,
    QuickGpenModulated,
    QuickModulated,
    choose_dtype,
    quicken,
)

from . import toys


def decibels(got: Tensor, want: Tensor) -> float:
    """Against a range of four standard deviations, about that of a picture."""
    error = float((got - want).detach().double().square().mean())
    return 10 * math.log10((4 * float(want.detach().double().std())) ** 2 / max(error, 1e-30))


def nets() -> dict[str, tuple[Any, tuple[Tensor, ...]]]:
    options = VideoReTalkingOptions()
    made = toys.toy_nets(options)
    torch.manual_seed(3)
    face, mel = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(1, 1, 80, 16) * 8 - 4
    faces = torch.rand(1, 6, 384, 384)
    return {
        "gpen": (made.gpen, (face,)),
        "gfpgan": (made.gfpgan, (face,)),
        "parsenet": (made.parsenet, (face,)),
        "enet": (made.enet, (mel, faces, faces[:, 3:])),
    }


@pytest.mark.parametrize("name", ["gpen", "gfpgan", "parsenet", "enet"])
def test_float32_is_the_same_but_for_rounding(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from sadtalker_core.systems.videoretalking import fast

    monkeypatch.setattr(fast, "_FEWEST", 1)
    plain, given = nets()[name]
    quick = quicken(copy.deepcopy(plain), torch.float32)
    kinds = {type(module) for module in quick.modules()}
    assert kinds & {QuickConv, QuickModulated, QuickGpenModulated}
    left = [module for module in quick.modules() if type(module) is torch.nn.Conv2d]
    assert all(conv.stride[0] != conv.stride[1] for conv in left)
    want, got = plain(*given), quick(*given)
    if name == "enet":
        want, got = want[0], got[0]
    assert decibels(got, want) > 100
    half = quicken(copy.deepcopy(plain), torch.bfloat16)(*given)
    assert 30 < decibels(half[0] if name == "enet" else half, want) < 90


def test_filters_take_kernels_as_they_are() -> None:
    plain = gpen.Filter((1, 2))
    torch.manual_seed(0)
    plain.kernel = torch.rand(4, 4)  # not symmetric: the flip counts
    x = torch.randn(2, 5, 9, 7)
    torch.testing.assert_close(QuickFilter(plain)(x), plain(x))


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

"""The fast forms of the enhancers' networks against the plain ones."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sadtalker_core.enhance.fast import layers
from sadtalker_core.enhance.fast.build import fast_form
from sadtalker_core.enhance.nets import fir
from sadtalker_core.enhance.nets.gfpgan import Gfpgan, GfpganConfig
from sadtalker_core.enhance.nets.gpen import Gpen, GpenConfig
from sadtalker_core.enhance.nets.parsenet import ParseNet, ParseNetConfig

_WIDTHS = (18, 18, 18, 16, 16)
_BUILD: dict[str, Any] = {
    "gfpgan": lambda: Gfpgan(GfpganConfig(64, 8, 1, _WIDTHS, (5, 16, 17, 18, 16))),
    "gpen": lambda: Gpen(GpenConfig(8, 2, _WIDTHS)),
    "parsenet": lambda: ParseNet(ParseNetConfig((16, 18, 17), 2, 7)),
}


def made(name: str) -> nn.Module:
    """A small network in which no number is zero that could hide a mistake."""
    torch.manual_seed(4)
    net: nn.Module = _BUILD[name]()
    with torch.no_grad():
        for key, value in net.named_parameters():
            if key.endswith(("bias", "noise.weight")) or value.ndim == 1:
                value.add_(0.2 * torch.randn_like(value))
        for key, value in net.named_buffers():
            if key.endswith("running_mean"):
                value.copy_(torch.randn_like(value))
            if key.endswith("running_var"):
                value.copy_(torch.rand_like(value) + 0.5)
    return net.eval().requires_grad_(False)


def decibels(got: Tensor, want: Tensor) -> float:
    """Against a range of four standard deviations, about that of a picture."""
    error = float((got - want).double().square().mean())
    return 10 * math.log10((4 * float(want.double().std())) ** 2 / max(error, 1e-30))


@pytest.mark.parametrize("widest", [10**6, 16], ids=["direct", "tiles"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", _BUILD)
def test_float32_is_the_same_but_for_rounding(
    monkeypatch: pytest.MonkeyPatch, name: str, batch: int, widest: int
) -> None:
    monkeypatch.setattr(layers, "_WIDE", widest)
    plain: Any = made(name)
    fast = fast_form(plain)
    tiled = [m for m in fast.modules() if isinstance(m, layers.WinogradConv)]
    assert bool(tiled) == (widest == 16)
    faces = torch.rand(batch, 3, 64, 64) * 2 - 1
    given = faces.clone()
    with torch.inference_mode():
        want, got = plain(faces), fast(faces)
        again = fast(faces)
    error = float((got - want).abs().max() / want.std())
    assert error < 2e-5
    assert torch.equal(got, again)  # nothing is left over from the frame before
    assert torch.equal(faces, given)


@pytest.mark.parametrize("name", _BUILD)
def test_bfloat16_is_near(name: str) -> None:
    plain: Any = made(name)
    fast = fast_form(plain, torch.bfloat16)
    assert next(fast.parameters()).dtype == torch.float32
    faces = torch.rand(1, 3, 64, 64) * 2 - 1
    assert 30 < decibels(fast(faces), plain(faces)) < 90


def test_enlarged_maps_are_convolved_by_phases() -> None:
    torch.manual_seed(0)
    weight, bias, x = torch.randn(3, 2, 3, 3), torch.randn(3), torch.randn(2, 2, 4, 5)
    large = F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (1, 1, 1, 1), "reflect")
    want = F.conv2d(large, weight, bias)
    torch.testing.assert_close(layers.DoubledConv(weight, bias, torch.float32)(x), want)


@pytest.mark.parametrize("pad", [(0, 0), (2, 2), (2, 1), (-1, 3)])
@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 2)])
def test_filters_resample_as_numbers_written_out(up: int, down: int, pad: tuple[int, int]) -> None:
    torch.manual_seed(0)
    x, kernel = torch.randn(2, 3, 6, 5), torch.rand(4, 4)  # not symmetric: the flip counts
    height, width = 6 * up, 5 * up
    spread = torch.zeros(2, 3, height, width)
    spread[:, :, ::up, ::up] = x
    padded = F.pad(spread, (*pad, *pad))
    rows, columns = padded.shape[2] - 3, padded.shape[3] - 3
    want = torch.zeros(2, 3, rows, columns)
    for i in range(4):
        for j in range(4):
            want += kernel[3 - i, 3 - j] * padded[:, :, i : i + rows, j : j + columns]
    got = fir.upfirdn2d(x, kernel, up, down, pad)
    torch.testing.assert_close(got, want[:, :, ::down, ::down])

"""PSNR and SSIM against values worked out by hand or by the definition, pixel by pixel."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import StructureError
from sadtalker_core.metrics.image import psnr, ssim


def noise(seed: int, size: tuple[int, int] = (20, 30)) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8, generator=generator)


def slow_ssim(a: Tensor, b: Tensor) -> float:
    """The definition for one (3, H, W) pair in [0, 1], window by window."""
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    x, y = ((picture.double() * weights[:, None, None]).sum(0) for picture in (a, b))
    steps = torch.arange(-5, 6, dtype=torch.float64)
    line = torch.exp(-steps.square() / (2 * 1.5**2))
    window = line[:, None] * line
    window = window / window.sum()
    values: list[float] = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            p, q = (plane[top : top + 11, left : left + 11] for plane in (x, y))
            mean_p, mean_q = (window * p).sum(), (window * q).sum()
            var_p = (window * (p - mean_p).square()).sum()
            var_q = (window * (q - mean_q).square()).sum()
            both = (window * (p - mean_p) * (q - mean_q)).sum()
            light = (2 * mean_p * mean_q + 0.01**2) / (mean_p**2 + mean_q**2 + 0.01**2)
            values.append(float(light * (2 * both + 0.03**2) / (var_p + var_q + 0.03**2)))
    return sum(values) / len(values)


def test_psnr_of_a_known_difference() -> None:
    grey = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
    assert psnr(grey, grey + 10).tolist() == [pytest.approx(20 * math.log10(25.5))]
    assert psnr(grey, grey).tolist() == [math.inf]
    assert psnr(grey, grey.float() / 255).tolist()[0] > 150


def test_each_picture_has_its_own_number() -> None:
    a = noise(0)
    b = torch.stack((a[0], a[1] ^ 1))
    assert psnr(a, b).tolist() == [math.inf, pytest.approx(20 * math.log10(255))]
    assert ssim(a, b)[0] == pytest.approx(1)
    assert ssim(a, b)[1] < 1


def test_ssim_is_the_definition() -> None:
    a, b = noise(1), noise(2)
    mixed = (a.float() * 0.8 + b.float() * 0.2) / 255
    found = ssim(a.float() / 255, mixed)
    for k in range(2):
        assert float(found[k]) == pytest.approx(slow_ssim(a[k] / 255.0, mixed[k]), abs=1e-6)
    assert float(ssim(a, b)[0]) < 0.2


@pytest.mark.parametrize("other", [torch.zeros(1, 3, 20, 30), torch.zeros(2, 3, 30, 20)])
def test_other_shapes_are_refused(other: Tensor) -> None:
    for measure in (psnr, ssim):
        with pytest.raises(StructureError, match="one size and number"):
            measure(noise(0), other)


def test_ssim_needs_room_for_its_window() -> None:
    with pytest.raises(StructureError, match="at least 11x11"):
        ssim(torch.zeros(1, 3, 10, 40), torch.zeros(1, 3, 10, 40))

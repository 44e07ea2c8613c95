"""Pyramids: OpenCV's way and our own give the same, and blending keeps what it should."""

from __future__ import annotations

import pytest
import torch

from sadtalker_core.geometry import pyramid
from sadtalker_core.geometry.pyramid import blend_pyramids, doubled, halved


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 33, 47), (3, 131, 17), (2, 16, 90)])
def test_with_and_without_opencv(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int]
) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 255
    sizes = [(2 * shape[1] - cut, 2 * shape[2] - cut) for cut in (0, 1)]
    found = [halved(x), *(doubled(x, size) for size in sizes)]
    monkeypatch.setattr(pyramid, "IS_REAL", False)
    for got, want in zip(found, [halved(x), *(doubled(x, size) for size in sizes)]):
        assert got.shape == want.shape
        torch.testing.assert_close(got, want, atol=1e-4, rtol=0)
    assert found[0].shape[1:] == ((shape[1] + 1) // 2, (shape[2] + 1) // 2)


def test_a_mask_of_one_value_takes_one_picture() -> None:
    above, below = (torch.randint(0, 255, (3, 75, 102), dtype=torch.uint8) for _ in range(2))
    for mask, want in ((torch.ones(75, 102), above), (torch.zeros(75, 102), below)):
        shown = blend_pyramids(above, below, mask, 6)
        torch.testing.assert_close(shown, want.float(), atol=1e-3, rtol=0)


def test_coarse_detail_mixes_widely() -> None:
    above, below = torch.full((3, 128, 128), 200.0), torch.full((3, 128, 128), 100.0)
    mask = torch.zeros(128, 128)
    mask[:, 64:] = 1
    for levels, reach in ((1, 1), (5, 20)):
        row = blend_pyramids(above, below, mask, levels)[0, 64]
        mixed = ((row > 101) & (row < 199)).sum()
        assert (mixed > reach) == (levels > 1)
        assert row[0] < 103
        assert row[-1] > 197

"""The seam measure: high for a step that one sees, about 0 where nothing was pasted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import StructureError
from sadtalker_core.faces.composite import CompositeOptions, composite
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.metrics.seam import (
    border_change,
    change_seam,
    changed_outline,
    seam_energy,
    seam_profile,
)

BOX = (100.0, 30.0, 356.0, 286.0)


@pytest.fixture(scope="module")
def portrait(demo_portrait: Path) -> Tensor:
    return read_picture(demo_portrait).rgb


def with_step(picture: Tensor, levels: int) -> Tensor:
    changed = picture.int()
    changed[:, 30:286, 100:356] += levels
    return changed.clamp(0, 255).to(torch.uint8)


def test_nothing_pasted_is_no_seam(portrait: Tensor) -> None:
    assert seam_energy(portrait[None], portrait, BOX).tolist() == [0.0]
    assert border_change(portrait[None], portrait, BOX).tolist() == [0.0]
    noisy = portrait + torch.randint(0, 3, portrait.shape, dtype=torch.uint8)
    assert seam_energy(noisy[None], portrait, BOX)[0] < 0.5


def test_a_step_scores_about_its_height() -> None:
    grey = torch.full((3, 400, 400), 100, dtype=torch.uint8)
    frames = torch.stack([with_step(grey, levels) for levels in (0, 5, 10, 30)])
    seams = seam_energy(frames, grey, BOX)
    assert seams[0] == 0
    for seam, levels in zip(seams[1:].tolist(), (5, 10, 30)):
        assert seam == pytest.approx(levels, rel=0.12)
    assert border_change(frames, grey, BOX).tolist() == pytest.approx([0, 5, 10, 30])
    floats = seam_energy(frames.float() / 255, grey, BOX)
    torch.testing.assert_close(floats, seams, atol=1e-3, rtol=0)


def test_a_step_shows_in_a_real_picture(portrait: Tensor) -> None:
    frames = torch.stack([with_step(portrait, levels) for levels in (15, 40)])
    seams = seam_energy(frames, portrait, BOX).tolist()
    assert seams[0] > 5
    assert seams[1] > 2 * seams[0]


def test_a_local_break_shows_in_its_stretch() -> None:
    grey = torch.full((3, 400, 400), 100, dtype=torch.uint8)
    broken = grey.clone()
    broken[:, 240:286, 220:250] = 160  # ends at the bottom of the box
    profile = seam_profile(broken[None], grey, BOX)[0].reshape(4, 12)
    assert profile[3].argmax() in (5, 6)
    assert profile[3].max() > 30
    assert profile[:3].max() == 0


def test_soft_edges_within_the_fade_are_seen() -> None:
    grey = torch.full((3, 400, 400), 100, dtype=torch.uint8)
    inner = grey.clone()
    inner[:, 30 + 10 : 286 - 10, 100 + 10 : 356 - 10] = 130  # 4 % inside
    assert seam_energy(inner[None], grey, BOX)[0] > 10
    assert seam_energy(inner[None], grey, BOX, depths=(0.0,))[0] == 0


def test_content_that_moves_far_inside_does_not_count(portrait: Tensor) -> None:
    moved = portrait.clone()
    moved[:, 100:200, 180:270] = moved[:, 104:204, 183:273].clone()
    assert seam_energy(moved[None], portrait, BOX)[0] == 0


def test_sides_on_the_pictures_border_do_not_count(portrait: Tensor) -> None:
    box = (0.0, 0.0, 512.0, 300.0)
    assert seam_profile(portrait[None], portrait, box).shape == (1, 12)
    whole = seam_energy(255 - portrait[None], portrait, (0.0, 0.0, 512.0, 512.0))
    assert whole.tolist() == [0.0]
    assert border_change(portrait[None], portrait, (0.0, 0.0, 512.0, 512.0)).tolist() == [0.0]


def test_pastes_are_ranked_as_they_look(portrait: Tensor) -> None:
    """A crop that nods by 7 pixels: hard edge, plain blend and Poisson show it, ours hardly."""
    crop = portrait[None, :, 30:286, 100:356].float() / 255
    nod = torch.cat((crop[..., :7, :], crop[..., :-7, :]), -2)
    hard = portrait.clone()
    hard[:, 30:286, 100:356] = (nod[0] * 255).round().to(torch.uint8)
    plain = CompositeOptions(bend=False, match_colour=False)
    blended = composite(portrait, nod, BOX, plain)
    poisson = composite(portrait, nod, BOX, CompositeOptions(paste="poisson"))
    soft = composite(portrait, nod, BOX)
    frames = torch.cat((hard[None], blended, poisson, soft))
    seams = seam_energy(frames, portrait, BOX).tolist()
    assert seams[0] > seams[1] > 2 * seams[3]
    assert seams[2] > 2 * seams[3]


def oval(softness: float, width: float = 90, height: float = 120, x: float = 240) -> Tensor:
    """(512, 512) in [0, 1]: 1 in an oval whose edge runs out over ``softness`` of its size."""
    rows, columns = torch.meshgrid(torch.arange(512.0), torch.arange(512.0), indexing="ij")
    away = (((columns - x) / width) ** 2 + ((rows - 200) / height) ** 2).sqrt()
    part = ((1 - away) / max(softness, 1e-3)).clamp(0, 1)
    return part * part * (3 - 2 * part)


def laid_over(picture: Tensor, mask: Tensor, levels: float) -> Tensor:
    shown = picture.float() + levels * mask
    return shown.round().clamp(0, 255).to(torch.uint8)


def test_a_hard_edge_of_any_shape_scores_most_of_its_height_and_a_soft_one_little() -> None:
    grey = torch.full((3, 512, 512), 100, dtype=torch.uint8)
    hard = torch.stack([laid_over(grey, oval(0), levels) for levels in (0, 5, 10, -30)])
    originals = grey.expand(4, -1, -1, -1)
    for seam, levels in zip(change_seam(hard, originals).tolist(), (0, 5, 10, 30)):
        assert 0.75 * levels <= seam <= 1.05 * levels
    box = torch.stack([with_step(grey, levels) for levels in (0, 5, 10, 30)])
    for seam, levels in zip(change_seam(box, originals).tolist(), (0, 5, 10, 30)):
        assert 0.75 * levels <= seam <= 1.05 * levels
    soft = laid_over(grey, oval(0.6), 10)
    assert change_seam(soft[None], grey[None])[0] < 1


def test_a_hard_edge_shows_in_a_real_picture(portrait: Tensor) -> None:
    frames = torch.stack([laid_over(portrait, oval(softness), 20) for softness in (0, 0.6)])
    hard, soft = change_seam(frames, portrait.expand(2, -1, -1, -1)).tolist()
    assert hard > 8
    assert soft < 2


def test_what_leaves_the_picture_counts_as_far_as_it_is_seen() -> None:
    grey = torch.full((3, 512, 512), 100, dtype=torch.uint8)
    frame = laid_over(grey, oval(0, x=20), 20)
    assert 12 < change_seam(frame[None], grey[None])[0] < 21
    assert change_seam(grey[None] + 9, grey[None]).tolist() == [0]
    assert changed_outline(grey, grey) is None
    outline = changed_outline(laid_over(grey, oval(0), 20), grey)
    assert outline is not None
    away = ((outline - torch.tensor([240, 200])) / torch.tensor([90, 120])).norm(dim=1)
    assert (away - 1).abs().max() < 0.03


def test_sizes_must_fit(portrait: Tensor) -> None:
    with pytest.raises(StructureError, match="fit the originals"):
        change_seam(portrait[None, :, :100], portrait[None])
    with pytest.raises(StructureError, match="fit the picture"):
        seam_energy(portrait[None, :, :100], portrait, BOX)

"""S3FD at toy size: decoding, the choice among overlaps, whole pixels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sadtalker_core.faces.nets.s3fd import STRIDES, S3fd, S3fdConfig
from sadtalker_core.faces.s3fd import (
    S3fdFaces,
    candidates,
    choose,
    detect_s3fd,
    pictures_for_net,
    surest_rectangle,
)


def _blank(batch: int = 1) -> list[tuple[Tensor, Tensor]]:
    """Maps of a 256 pixel picture in which nothing is seen."""
    sides = [256 // stride for stride in STRIDES]
    logits = torch.tensor([9.0, -9.0])[:, None, None]
    return [
        (logits.repeat(batch, 1, side, side), torch.zeros(batch, 4, side, side)) for side in sides
    ]


def _toy() -> S3fd:
    torch.manual_seed(0)
    return S3fd(S3fdConfig(4)).eval().requires_grad_(False)


def test_a_cell_is_a_square_of_four_strides_around_its_middle() -> None:
    maps = _blank()
    maps[1][0][0, :, 3, 5] = torch.tensor([0.0, 3.0])
    found = candidates(maps)
    assert found.shape == (1, 1, 5)
    assert found.dtype == torch.float64
    x, y = 5 * 8 + 4, 3 * 8 + 4
    assert found[0, 0, :4].tolist() == [x - 16, y - 16, x + 16, y + 16]
    assert found[0, 0, 4].item() == pytest.approx(1 / (1 + 2.718281828**-3))
    maps[1][1][0, :, 3, 5] = torch.tensor([1.0, -1.0, 5.0, 0.0])
    x0, y0, x1, y1 = candidates(maps, in_double=False)[0, 0, :4].tolist()
    assert (x0 + x1) / 2 == pytest.approx(x + 3.2)
    assert (y0 + y1) / 2 == pytest.approx(y - 3.2)
    assert x1 - x0 == pytest.approx(32 * 2.718281828)
    assert y1 - y0 == pytest.approx(32)


def test_a_cell_counts_for_all_pictures_and_changes_no_choice() -> None:
    maps = _blank(2)
    maps[0][0][1, :, 2, 2] = torch.tensor([0.0, 2.0])
    maps[2][0][:, :, 1, 1] = torch.tensor([0.0, 2.0])
    found = candidates(maps)
    assert found.shape == (2, 3, 5)  # one cell of one picture, one of both
    assert len(choose(found[0])) == 1
    assert len(choose(found[1])) == 2


def test_of_overlapping_boxes_the_surest_stays_and_unsure_ones_go() -> None:
    possible = torch.tensor(
        [
            [0.0, 0, 9, 9, 0.7],
            [1, 1, 10, 10, 0.9],
            [100, 0, 109, 9, 0.51],
            [200, 0, 209, 9, 0.5],
            [0, 5, 9, 14, 0.8],
        ]
    )
    faces = choose(possible)
    # 45 of 131 pixels shared is more than 0.3
    assert faces.scores.tolist() == pytest.approx([0.9, 0.51])
    assert len(choose(possible, threshold=0.4)) == 3
    assert len(choose(possible, overlap=0.99)) == 4
    assert len(choose(torch.zeros(0, 5))) == 0


def test_of_equal_scores_the_last_is_first_as_in_the_originals() -> None:
    possible = torch.tensor([[0.0, 0, 9, 9, 0.9], [1, 1, 10, 10, 0.9]])
    assert choose(possible).boxes_px.tolist() == [[1, 1, 10, 10]]


def test_rectangles_are_cut_at_zero_and_truncated() -> None:
    faces = S3fdFaces(torch.tensor([[-3.7, 2.9, 30.99, 500.5], [0.0, 0, 1, 1]]), torch.ones(2))
    assert surest_rectangle(faces) == (0, 2, 30, 500)
    assert surest_rectangle(S3fdFaces(torch.zeros(0, 4), torch.zeros(0))) is None


def test_colours_and_mean() -> None:
    rgb = torch.tensor([10, 20, 30], dtype=torch.uint8)[:, None, None].expand(3, 2, 2)[None]
    assert pictures_for_net(rgb)[0, :, 0, 0].tolist() == [30 - 104, 20 - 117, 10 - 123]
    assert pictures_for_net(rgb, True)[0, :, 0, 0].tolist() == [10 - 104, 20 - 117, 30 - 123]


def test_pictures_are_judged_alone_whatever_is_beside_them() -> None:
    net = _toy()
    rgb = torch.randint(0, 256, (3, 3, 64, 96), dtype=torch.uint8)
    together = detect_s3fd(net, rgb)
    for index, faces in enumerate(together):
        alone = detect_s3fd(net, rgb[index : index + 1])[0]
        assert len(alone) == len(faces)
        assert torch.allclose(alone.boxes_px, faces.boxes_px, atol=1e-4)
    assert sum(len(faces) for faces in together) > 0


def test_the_finest_map_has_three_backgrounds() -> None:
    net = _toy()
    head = net.get_submodule("conv3_3_norm_mbox_conf")
    head.load_state_dict(
        {"weight": torch.zeros(4, 16, 3, 3), "bias": torch.tensor([1.0, 5.0, 3.0, 2.0])}
    )
    logits, boxes = net(torch.zeros(1, 3, 40, 72))[0]
    assert logits.shape == (1, 2, 10, 18)
    assert boxes.shape == (1, 4, 10, 18)
    assert logits[0, :, 0, 0].tolist() == [5.0, 2.0]

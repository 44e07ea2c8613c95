"""Blocks of one size from chunks of any."""

from __future__ import annotations

import torch

from sadtalker_core.audio.blocks import fixed_blocks, overlapped


def test_blocks_hold_the_sound_in_order_and_fill_the_last() -> None:
    sound = torch.arange(1.0, 11.0)
    blocks = list(fixed_blocks([sound[:3], sound[3:3], sound[3:4], sound[4:]], 4))
    assert torch.cat(blocks).tolist() == [*range(1, 11), 0, 0]
    assert all(len(block) == 4 for block in blocks)


def test_a_full_last_block_gets_no_blank_one_after_it() -> None:
    assert len(list(fixed_blocks([torch.ones(8)], 4))) == 2


def test_blocks_are_not_shared() -> None:
    first, second = fixed_blocks([torch.ones(4), torch.full((4,), 2.0)], 4)
    assert first.tolist() == [1.0] * 4
    assert second.tolist() == [2.0] * 4


def test_each_block_sees_its_neighbours() -> None:
    rows = torch.arange(12.0)[:, None]
    parts = list(overlapped(rows.split(4), 2))
    assert [part[:, 0].tolist() for part in parts] == [
        [0, 0, 0, 1, 2, 3, 4, 5],
        [2, 3, 4, 5, 6, 7, 8, 9],
        [6, 7, 8, 9, 10, 11, 0, 0],
    ]


def test_a_single_block_has_blank_neighbours() -> None:
    (part,) = overlapped([torch.ones(3, 1)], 1)
    assert part[:, 0].tolist() == [0, 1, 1, 1, 0]

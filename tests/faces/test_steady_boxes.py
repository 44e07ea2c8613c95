"""Pads and the mean over five boxes."""

from __future__ import annotations

import numpy as np
import pytest

from sadtalker_core.faces.steady_boxes import (
    SMOOTHINGS,
    AroundSmoother,
    Box,
    BoxSmoother,
    NoSmoother,
    is_cut,
    padded_box,
    smooth_boxes,
    smoother_of,
)


def _boxes(count: int) -> list[Box]:
    rng = np.random.default_rng(count)
    return [tuple(row) for row in rng.integers(0, 300, (count, 4)).tolist()]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 9, 40])
def test_means_are_taken_in_place_and_cut_off(count: int) -> None:
    boxes = _boxes(count)
    wanted = np.array(boxes)
    for i in range(count):
        window = wanted[count - 5 :] if i + 5 > count else wanted[i : i + 5]
        wanted[i] = np.mean(window, axis=0)
    assert list(smooth_boxes(boxes)) == [tuple(row) for row in wanted.tolist()]


def test_a_smoother_is_four_frames_late_and_begins_anew() -> None:
    smoother = BoxSmoother()
    boxes = _boxes(12)
    given = [len(smoother.push(box)) for box in boxes[:7]]
    assert given == [0, 0, 0, 0, 1, 1, 1]
    assert len(smoother.finish()) == 4
    assert smoother.finish() == []
    second = [box for each in boxes[7:] for box in smoother.push(each)] + smoother.finish()
    assert second == list(smooth_boxes(boxes[7:]))


def test_means_around_are_two_frames_late_and_end_where_the_boxes_do() -> None:
    around = AroundSmoother()
    box = (1, 2, 3, 4)
    assert [len(around.push(box)) for _ in range(4)] == [0, 0, 1, 1]
    assert len(around.finish()) == 2
    assert around.finish() == []
    rows = [(x, 0, 10 * x, 0) for x in (0, 10, 20, 30, 40, 100)]
    found = [box for row in rows for box in around.push(row)] + around.finish()
    assert [box[0] for box in found] == [10, 15, 20, 40, 48, 57]
    assert [box[2] for box in found] == [100, 150, 200, 400, 475, 567]


def test_a_cut_is_a_leap_in_place_or_size() -> None:
    box = (100, 100, 200, 200)
    assert not is_cut(box, (130, 105, 230, 205))
    assert is_cut(box, (140, 100, 240, 200))
    assert not is_cut(box, (90, 90, 220, 210))
    assert is_cut(box, (75, 75, 225, 225))
    assert is_cut((75, 75, 225, 225), box)
    assert not is_cut((0, 0, 0, 0), (0, 0, 0, 0))


def test_smoothers_by_name() -> None:
    kinds = {"steady": AroundSmoother, "original": BoxSmoother, "none": NoSmoother}
    assert {name: type(smoother_of(name)) for name in SMOOTHINGS} == kinds
    assert smoother_of("none").push((1, 2, 3, 4)) == [(1, 2, 3, 4)]
    assert smoother_of("none").finish() == []


def test_pads_end_at_the_picture() -> None:
    assert padded_box((10, 20, 30, 40), (1, 2, 3, 4), (100, 200)) == (7, 19, 34, 42)
    assert padded_box((1, 2, 199, 99), (9, 9, 9, 9), (100, 200)) == (0, 0, 200, 100)

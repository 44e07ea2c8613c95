"""Pads and the mean over five boxes."""

from __future__ import annotations

import numpy as np
import pytest

from sadtalker_core.faces.steady_boxes import Box, BoxSmoother, padded_box, smooth_boxes


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


def test_pads_end_at_the_picture() -> None:
    assert padded_box((10, 20, 30, 40), (1, 2, 3, 4), (100, 200)) == (7, 19, 34, 42)
    assert padded_box((1, 2, 199, 99), (9, 9, 9, 9), (100, 200)) == (0, 0, 200, 100)

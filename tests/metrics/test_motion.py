"""Measures of motion on curves whose numbers are known."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import pytest
import torch

from sadtalker_core.metrics.motion import count_blinks, jitter, measure_motion, value_range
from sadtalker_core.structures import LiteMotion

FPS = Fraction(25)


def test_noise_gives_its_deviation_and_slow_motion_nothing() -> None:
    noise = 0.3 * torch.randn(20000, generator=torch.Generator().manual_seed(0))
    slow = 20 * (torch.arange(20000) / 60).sin()
    assert jitter(noise) == pytest.approx(0.3, rel=0.03)
    assert jitter(slow) < 1e-3 * 20
    assert jitter(slow + noise) == pytest.approx(0.3, rel=0.03)
    assert jitter(torch.stack((noise, noise), 1)) == pytest.approx(math.sqrt(2) * 0.3, rel=0.03)
    assert jitter(torch.tensor([0.0, 5.0, 0.0])) == 0


@pytest.mark.parametrize(
    ("closing", "count"),
    [
        ([0, 1, 0, 1, 0], 2),
        ([0, 0.6, 0.4, 0.6, 0.1], 1),  # not open in between
        ([0, 0.4, 0, 0.45, 0], 0),
        ([1, 1, 0, 1], 1),  # shut from the start
        ([0, 1, 1, 1], 1),
        ([], 0),
    ],
)
def test_blinks(closing: list[float], count: int) -> None:
    assert count_blinks(torch.tensor(closing)) == count


def test_a_range_forgets_single_frames() -> None:
    values = torch.zeros(200)
    values[50:150] = 0.1
    values[7] = 5.0
    assert value_range(values) == pytest.approx(0.1)
    assert value_range(torch.zeros(0)) == 0


def test_all_of_a_motion() -> None:
    rest = LiteMotion.rest(250, FPS)
    lids = torch.zeros(250, 2)
    lids[20:23] = lids[100:103] = lids[200:203] = 1.0
    lids[150, 0] = 0.9  # a wink
    angles = torch.zeros(250, 3)
    angles[:, 1] = torch.linspace(-0.1, 0.1, 250)
    motion = dataclasses.replace(
        rest, lids=lids, rotation_rad=angles, open=torch.linspace(0, 0.1, 250)
    )
    found = measure_motion(motion)
    assert (found.frames, found.seconds, found.blinks) == (250, 10.0, 3)
    assert found.blinks_per_minute == pytest.approx(18)
    assert found.yaw_range_deg == pytest.approx(math.degrees(0.2) * 0.96, rel=1e-3)
    assert found.pitch_range_deg == found.roll_range_deg == 0
    assert found.mouth_open_range == pytest.approx(0.096, rel=1e-3)
    assert found.head_jitter_deg < 1e-4
    assert found.mouth_jitter < 1e-6


def test_an_empty_motion_has_zeros() -> None:
    assert measure_motion(LiteMotion.rest(0, FPS)).blinks_per_minute == 0

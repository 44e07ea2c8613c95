"""LSE-D and LSE-C of made-up results."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sadtalker_core.errors import StructureError
from sadtalker_core.metrics.lse import LipSyncMeter, lip_sync_of


def _noise(rows: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, 16, generator=torch.Generator().manual_seed(seed))


def test_equal_results_are_in_step() -> None:
    lips = _noise(60, 0)
    found = lip_sync_of([(lips, lips)])
    assert found.offset_frames == 0
    assert found.distance == pytest.approx(0, abs=1e-4)
    assert found.confidence > 3
    assert found.windows == 60


@pytest.mark.parametrize("shift", [-9, 4])
def test_the_offset_says_how_many_frames_the_lips_follow(shift: int) -> None:
    events = _noise(100, 1)
    sound, lips = events[20:80], events[20 - shift : 80 - shift]
    assert lip_sync_of([(lips, sound)]).offset_frames == shift


def test_distances_are_those_to_silence_beyond_the_ends() -> None:
    lips, sound = _noise(7, 2), _noise(7, 3)
    padded = F.pad(sound, (0, 0, 15, 15))
    rows = [F.pairwise_distance(lips[i].expand(31, -1), padded[i : i + 31]) for i in range(7)]
    wanted = torch.stack(rows).mean(0)
    found = lip_sync_of([(lips, sound)])
    assert torch.allclose(found.mean_distance, wanted, atol=1e-6)
    assert found.distance == pytest.approx(float(wanted.min()))
    assert found.confidence == pytest.approx(float(wanted.median() - wanted.min()))


def test_groups_change_nothing_and_little_is_kept() -> None:
    lips, sound = _noise(200, 4), _noise(200, 5)
    meter = LipSyncMeter()
    for start in range(0, 200, 3):
        meter.push(lips[start : start + 3], sound[start : start + 3])
        assert len(meter._sound) <= 31
        assert len(meter._lips) <= 16
    assert torch.equal(meter.result().mean_distance, lip_sync_of([(lips, sound)]).mean_distance)


def test_nothing_to_measure() -> None:
    with pytest.raises(StructureError):
        lip_sync_of([])
    with pytest.raises(StructureError):
        lip_sync_of([(_noise(3, 0), _noise(2, 0))])

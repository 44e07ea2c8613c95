"""Statistics of a sound: independent of loudness and of how it is cut, robust to silence."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sadtalker_core.audio.levels import (
    FLOOR_RANGE_DB,
    level_db,
    relative_level_db,
    relative_log_mel,
    sound_statistics,
)


def rows(seed: int = 0, count: int = 400) -> Tensor:
    """Something like speech: loud and soft rows, bands of different strength."""
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.linspace(-9, -3, count)[torch.randperm(count, generator=generator)]
    tilt = torch.linspace(0, -4, 80)
    return loudness[:, None] + tilt + torch.randn(count, 80, generator=generator)


def test_gain_changes_nothing() -> None:
    quiet, loud = rows(), rows() + math.log(10.0) * 0.7  # 7 dB
    a = relative_log_mel(quiet, sound_statistics([quiet]))
    b = relative_log_mel(loud, sound_statistics([loud]))
    torch.testing.assert_close(a, b, atol=2e-2, rtol=0)


def test_the_cut_into_blocks_changes_nothing() -> None:
    whole = rows()
    one, many = sound_statistics([whole]), sound_statistics(whole.split(37))
    assert one.loud_db == many.loud_db
    assert torch.equal(one.mean, many.mean)
    assert torch.equal(one.spread, many.spread)


def test_speech_is_normalised_whatever_silence_is_around_it() -> None:
    speech = rows()
    silence = torch.full((3000, 80), -23.0)
    alone = sound_statistics([speech])
    among = sound_statistics([silence, speech, silence])
    torch.testing.assert_close(alone.mean, among.mean)
    normal = relative_log_mel(speech, alone)
    assert float(normal.mean(0).abs().max()) < 0.05
    assert float((normal.std(0) - 1).abs().max()) < 0.05


def test_bands_cut_by_a_codec_stay_within_bounds() -> None:
    speech = rows()
    speech[:, 60:] = -23.0  # nothing above 3 kHz
    normal = relative_log_mel(speech, sound_statistics([speech]))
    assert float(normal[:, 60:].abs().max()) < 0.5


def test_level_is_relative_and_floored() -> None:
    speech = torch.cat([rows(), torch.full((50, 80), -23.0)])
    statistics = sound_statistics([speech])
    level = relative_level_db(speech, statistics)
    assert float(level.min()) == -FLOOR_RANGE_DB
    assert 0 < float(level.max()) < 12
    assert statistics.loud_db == pytest.approx(float(torch.quantile(level_db(rows()), 0.95)), abs=1)


def test_silence_is_known_as_such() -> None:
    assert sound_statistics([torch.full((100, 80), -23.0)]).silent
    assert not sound_statistics([rows()]).silent


def test_no_rows_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        sound_statistics([])

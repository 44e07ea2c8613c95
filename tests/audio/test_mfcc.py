"""MFCC from a stream; the golden wav2lip/functions holds the numbers to the original's."""

from __future__ import annotations

import pytest
import torch

from sadtalker_core.audio.mfcc import mfcc, mfcc_rows, mfcc_rows_of


def test_rows_of_a_sound() -> None:
    assert [mfcc_rows_of(n) for n in (0, 400, 401, 560, 561, 16000)] == [1, 1, 2, 2, 3, 99]


@pytest.mark.parametrize("samples", [1, 500, 40960, 40961, 41000, 90000])
def test_cuts_change_nothing(samples: int) -> None:
    sound = torch.randint(-9000, 9000, (samples,), dtype=torch.int16)
    whole = mfcc(sound)
    assert whole.shape == (mfcc_rows_of(samples), 13)
    assert torch.isfinite(whole).all()
    assert torch.equal(torch.cat(list(mfcc_rows(sound.split(333), samples))), whole)


def test_windows_do_not_know_what_comes_after_them() -> None:
    sound = torch.randint(-9000, 9000, (60000,), dtype=torch.int16)
    whole, part = mfcc(sound), mfcc(sound[:45000])
    inside = (45000 - 400) // 160
    assert torch.equal(whole[:inside], part[:inside])
    # what comes after the end is silence, also where the stream goes on
    assert torch.equal(torch.cat(list(mfcc_rows([sound], 45000))), part)


def test_floats_are_heard_as_sixteen_bits() -> None:
    sound = torch.tensor([0.5, -1.0, 1.0, 0.00001]).repeat(300)
    as_bits = torch.tensor([16384, -32768, 32767, 0], dtype=torch.int16).repeat(300)
    assert torch.equal(mfcc(sound), mfcc(as_bits))


def test_silence_has_finite_numbers() -> None:
    rows = mfcc(torch.zeros(2000))
    assert rows[:, 0].tolist() == pytest.approx([-36.04365] * len(rows), abs=1e-4)

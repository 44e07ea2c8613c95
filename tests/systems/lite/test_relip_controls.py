"""What new lips may ask of a filmed mouth: no more than a picture of it can be bent to."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.media.audio_in import open_audio
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite import relip_controls
from sadtalker_core.systems.lite.config import LiteRelipOptions
from sadtalker_core.systems.lite.relip_controls import LipChange, lip_change, spoken, unhurried

FPS = Fraction(25)
OWN = {"open": 0.15, "width": 0.12, "pucker": 0.0, "corners": 0.0, "jaw": 0.0, "press": 0.0}


def motion(**columns: Tensor) -> LiteMotion:
    return dataclasses.replace(LiteMotion.rest(20, FPS), **columns)


def pouting_from(gap_e: float, width_e: float = 0.69) -> LipChange:
    pout = motion(width=torch.full((20,), -0.06), pucker=torch.full((20,), 0.8))
    return lip_change(OWN, gap_e, width_e, pout, 5, 1.0)


def test_a_wide_laugh_never_becomes_half_as_wide() -> None:
    change = pouting_from(0.26, 0.60)
    assert -0.2 * 0.60 - 1e-6 <= change.width - 0.1 * change.pucker < -0.1 * 0.60


def test_lips_that_were_drawn_apart_hardly_protrude() -> None:
    assert pouting_from(0.0).pucker > 0.79
    assert 0.1 < pouting_from(0.26).pucker < 0.25


def test_a_mouth_opens_over_several_frames_and_closed_lips_stay_closed() -> None:
    jump = torch.zeros(20)
    jump[8:14] = 0.12
    calm = unhurried(motion(open=jump, jaw=0.6 * jump))
    assert float(calm.open.diff().abs().max()) < 0.037
    assert float(calm.open.max()) > 0.1
    assert torch.equal(calm.open[jump == 0], jump[jump == 0])


def test_other_movements_of_the_lips_are_calm() -> None:
    jump = torch.zeros(20)
    jump[8:14] = 1.0
    calm = unhurried(motion(pucker=jump, press=jump))
    for values in (calm.pucker, calm.press):
        assert float(values.diff().abs().max()) < 0.45
        assert float(values.max()) > 0.9


def test_what_is_spoken_is_calm(monkeypatch: pytest.MonkeyPatch) -> None:
    jump = torch.zeros(20)
    jump[8:14] = 0.12
    monkeypatch.setattr(relip_controls, "motion_from_audio", lambda *_: motion(open=jump))
    speech = MotionRequest(LiteRelipOptions(), Fraction(1), FPS, lambda: iter(()), 16000)
    said = relip_controls.spoken(speech, LiteRelipOptions(), Runtime())
    assert said is not None
    assert float(said.open.diff().abs().max()) < 0.037


def opening(sound: Tensor, fps: Fraction) -> tuple[Tensor, Tensor]:
    """Seconds, and how far the lips are open then."""
    duration = Fraction(len(sound), 16000)
    request = MotionRequest(None, duration, fps, lambda: iter([sound]), len(sound))
    motion = spoken(request, LiteRelipOptions(), Runtime())
    assert motion is not None
    return torch.arange(len(motion.open)) / float(fps), motion.open


@pytest.mark.parametrize("rate", ["22.13", "25", "30000/1001", "30"])
def test_lips_are_in_step_with_the_sound(demo_voice: Path, rate: str) -> None:
    """Where the sound comes 0.3 s later the lips do, to a frame, at whatever rate."""
    sound = torch.cat(list(open_audio(demo_voice).stream(16000)))[:64000]
    times, usual = opening(sound, FPS)
    late = torch.cat((torch.zeros(4800), sound))
    seen, shown = opening(late, Fraction(rate))
    misses = {}
    for lag_ms in range(100, 501, 10):
        at = torch.from_numpy(np.interp(times + lag_ms / 1000, seen, shown))
        misses[lag_ms] = float((at - usual).abs().mean())
    lag = min(misses, key=misses.__getitem__)
    assert abs(lag / 1000 - 0.3) <= 0.5 / Fraction(rate)
    assert misses[lag] < 0.3 * float(usual.mean())

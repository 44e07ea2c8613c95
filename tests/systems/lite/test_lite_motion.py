"""Motion from audio and idle motion as a caller sees them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, OptionError
from sadtalker_core.options import option_specs
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion, frames_for
from sadtalker_core.systems.lite.config import LiteMotionOptions
from sadtalker_core.systems.lite.motion import idle_motion, motion_from_audio
from tests.conftest import speech_like

CURVES = [field.name for field in dataclasses.fields(LiteMotion) if field.name != "fps"]
FPS = Fraction(25)


@pytest.fixture(scope="module")
def voice(demo_voice_samples: Tensor) -> Tensor:
    return demo_voice_samples[: 16000 * 6]


@pytest.fixture(scope="module")
def demo_voice_samples() -> Tensor:
    from sadtalker_core.media.audio_in import open_audio
    from tests.conftest import DEMO

    return torch.cat(list(open_audio(DEMO / "voice.flac").stream()))


def move(
    samples: Tensor,
    fps: Fraction = FPS,
    chunk: int = 4000,
    runtime: Runtime | None = None,
    **options: object,
) -> LiteMotion:
    def stream() -> Iterator[Tensor]:
        return iter(samples.split(chunk))

    chosen = LiteMotionOptions(**options)  # type: ignore[arg-type]
    return motion_from_audio(stream, len(samples), fps, chosen, runtime or Runtime())


def same(a: LiteMotion, b: LiteMotion) -> bool:
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in CURVES)


@pytest.mark.parametrize("chunk", [333, 16000, 10**9])
def test_chunks_of_the_stream_never_change_a_bit(voice: Tensor, chunk: int) -> None:
    assert same(move(voice), move(voice, chunk=chunk))


def test_the_seed_changes_all_but_the_mouth(voice: Tensor) -> None:
    a, b = move(voice), move(voice, runtime=Runtime(seed=1))
    assert same(a, move(voice, runtime=Runtime(seed=0)))
    assert torch.equal(a.open, b.open)
    for name in ("lids", "gaze", "brows", "rotation_rad", "translation"):
        assert not torch.equal(getattr(a, name), getattr(b, name)), name


@pytest.mark.parametrize("fps", [12, Fraction(24000, 1001), 25, 60, 120])
def test_any_frame_rate_shows_the_same_motion(voice: Tensor, fps: int | Fraction) -> None:
    fps = Fraction(fps)
    motion = move(voice, fps=fps)
    assert len(motion) == frames_for(Fraction(len(voice), 16000), fps)
    fine = move(voice, fps=Fraction(120))
    times = (torch.arange(len(motion)) + 0.5) / float(fps)
    nearest = (times * 120 - 0.5).round().long().clamp(0, len(fine) - 1)
    for name, far in (("open", 0.05), ("rotation_rad", 0.02), ("translation", 0.01)):
        gap = (getattr(motion, name) - getattr(fine, name)[nearest]).abs()
        assert float(gap.mean()) < far / 3, name
    assert float(motion.lids.max()) > 0.97  # a blink is seen whole
    assert int((motion.press > 0.9).sum()) > 0
    assert all(torch.isfinite(getattr(motion, name)).all() for name in CURVES)


def test_speech_moves_the_mouth_within_its_bounds(voice: Tensor) -> None:
    motion = move(voice)
    assert 0.05 < float(torch.quantile(motion.open, 0.95)) < 0.14
    assert float(motion.open.min()) == 0.0
    assert float(motion.open.max()) < 0.16
    assert 0.02 < float(motion.width.abs().max()) < 0.12
    assert 0.1 < float(motion.pucker.max()) <= 1.0
    assert float(motion.pucker.min()) >= 0.0
    assert 0.03 < float(motion.jaw.max()) <= 0.2
    assert float(motion.jaw.min()) >= 0.0
    both = torch.stack([motion.open, motion.jaw])
    assert float(torch.corrcoef(both)[0, 1]) > 0.8  # the jaw follows


def test_lips_are_shut_while_they_press(voice: Tensor) -> None:
    motion = move(voice)
    pressed = motion.press > 0.98
    assert int(pressed.sum()) >= 4
    assert float(motion.open[pressed].max()) < 0.01
    runs = "".join("1" if shut else "0" for shut in (motion.open == 0).tolist()).split("0")
    assert max(len(run) for run in runs) >= 2


def test_the_mouth_does_not_tremble(voice: Tensor) -> None:
    opened = move(voice, fps=Fraction(50)).open
    jerk = (opened[2:] - 2 * opened[1:-1] + opened[:-2]).std() / opened.std()
    assert float(jerk) < 0.45
    turned = move(voice, fps=Fraction(50)).rotation_rad
    shake = (turned[2:] - 2 * turned[1:-1] + turned[:-2]).abs().max()
    assert float(shake) < 0.004


def test_the_level_of_the_sound_does_not_matter(voice: Tensor) -> None:
    loud, quiet = move(voice), move(voice * 0.1)
    assert float((loud.open - quiet.open).abs().max()) < 0.03


def test_silence_rests(voice: Tensor) -> None:
    motion = move(torch.zeros(16000 * 4))
    for name in ("open", "width", "pucker", "jaw", "press"):
        assert float(getattr(motion, name).abs().max()) == 0.0, name
    assert float(motion.rotation_rad.std()) > 0.0005  # but it lives
    padded = torch.cat([torch.zeros(16000 * 2), voice, torch.zeros(16000 * 2)])
    assert float(move(padded).open[:45].max()) < 0.004


@pytest.mark.parametrize("kind", ["noise", "tones"])
def test_noise_and_music_hardly_move_the_mouth(kind: str) -> None:
    time = torch.arange(16000 * 5) / 16000
    if kind == "noise":
        sound = 0.2 * torch.randn(len(time), generator=torch.Generator().manual_seed(0))
    else:
        sound = sum(
            0.1 * torch.sin(2 * math.pi * hz * time) * ((time * 2 + k) % 1.0 < 0.7)
            for k, hz in enumerate((220.0, 277.2, 329.6, 440.0))
        )
        assert isinstance(sound, Tensor)
    assert float(move(sound).open.mean()) < 0.012


CHANGES: dict[str, Any] = {
    "expression_scale": 1.7,
    "closure": 0.3,
    "audio_offset_ms": 120.0,
    "speech_gate": 0.0,
    "smile": 0.8,
    "pose_style": 20,
    "pose_scale": 2.0,
    "still": True,
    "yaw": "0:0, 2:10",
    "pitch": "5",
    "roll": "0:-3, 1s:4",
    "breathing": 0.0,
    "blink": False,
    "blink_every": 1.0,
    "hold_open": 1.0,
    "gaze": 0.0,
    "brows": 0.0,
}


@pytest.mark.parametrize("name", [spec.name for spec in option_specs(LiteMotionOptions)])
def test_every_option_changes_the_motion(voice: Tensor, name: str) -> None:
    changed = {name: CHANGES[name]}
    sound = voice[: 16000 * 4]
    if name == "speech_gate":
        sound = 0.2 * torch.randn(64000, generator=torch.Generator().manual_seed(0))
    assert not same(move(sound), move(sound, **changed))


def test_expression_scale_is_the_strength(voice: Tensor) -> None:
    shut, plain, strong = (move(voice, expression_scale=s) for s in (0.0, 1.0, 1.5))
    assert float(shut.open.max()) == 0.0
    assert float(shut.press.max()) == 0.0
    assert float(strong.open.mean()) > 1.2 * float(plain.open.mean())
    assert float(move(voice, expression_scale=3.0).open.max()) < 0.16


def test_offset_moves_the_mouth_later(voice: Tensor) -> None:
    plain, later = move(voice), move(voice, audio_offset_ms=200.0)
    assert torch.allclose(plain.open[10:120], later.open[15:125], atol=1e-3)
    assert torch.equal(plain.rotation_rad, later.rotation_rad)


def test_still_keeps_the_head_but_not_the_face(voice: Tensor) -> None:
    motion = move(voice, still=True)
    assert float(motion.rotation_rad.abs().max()) == 0.0
    assert float(motion.translation.abs().max()) < 1e-6
    assert float(motion.open.max()) > 0.03
    assert float(motion.lids.max()) > 0.9


def test_overrides_are_exact(voice: Tensor) -> None:
    motion = move(voice, yaw="0:0, 2:10", roll="-4", still=True)
    assert math.degrees(float(motion.rotation_rad[-1, 1])) == pytest.approx(10, abs=1e-4)
    assert math.degrees(float(motion.rotation_rad[24, 1])) == pytest.approx(5, abs=0.3)
    torch.testing.assert_close(
        motion.rotation_rad[:, 2], torch.full((len(motion),), math.radians(-4))
    )
    assert float(motion.rotation_rad[:, 0].abs().max()) == 0.0


def test_head_stays_in_the_range_of_the_renderer(voice: Tensor) -> None:
    for style in (0, 13, 23, 32, 45):
        turned = move(voice, pose_style=style, pose_scale=3.0).rotation_rad
        assert float(turned.abs().max()) <= 0.131
        assert float(turned.std(0).max()) > 0.01


def test_eyes_stay_on_the_viewer_while_the_head_turns(voice: Tensor) -> None:
    turned = [move(voice, runtime=Runtime(seed=seed)) for seed in range(6)]
    yaw = torch.cat([motion.rotation_rad[:, 1] for motion in turned])
    gaze = torch.cat([motion.gaze[:, 0] for motion in turned])
    assert float(torch.corrcoef(torch.stack([yaw, gaze]))[0, 1]) < -0.15
    assert float(gaze.abs().max()) < 0.08


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("yaw", "0:0, 1:x", "not a number"),
        ("yaw", "nan", "finite"),
        ("pitch", "90", "-45 to 45"),
        ("roll", "2:0, 1:1", "must rise"),
        ("smile", math.nan, "finite"),
        ("blink_every", 0.0, "allowed"),
        ("pose_style", 46, "0 to 45"),
        ("pose_style", 2.5, "whole number"),
        ("blink", "yes", "true or false"),
        ("expression_scale", math.inf, "finite"),
    ],
)
def test_wrong_options_cannot_be_made(name: str, value: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        LiteMotionOptions(**{name: value})  # type: ignore[arg-type]


def test_progress_and_cancel(voice: Tensor) -> None:
    seen: list[tuple[str, int, int]] = []
    move(voice, runtime=Runtime(progress=lambda *step: seen.append(step)))
    assert all(stage == "listen" for stage, _, _ in seen)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    assert seen[-1][1] == seen[-1][2] > 0
    with pytest.raises(Cancelled):
        move(voice, runtime=Runtime(cancelled=lambda: True))


def test_a_very_short_sound_works() -> None:
    for count in (1, 100, 3200):
        motion = move(speech_like(1.0)[:count])
        assert len(motion) == frames_for(Fraction(count, 16000), FPS)


def test_idle_breathes_blinks_and_keeps_the_mouth_shut() -> None:
    motion = idle_motion(30.0, FPS, LiteMotionOptions(), Runtime())
    assert len(motion) == 750
    assert float(motion.open.abs().max()) == 0.0
    assert 4 <= int((motion.lids[:, 0] > 0.97).sum()) <= 30
    assert 0.002 < float(motion.translation[:, 1].std()) < 0.02
    assert 0.001 < float(motion.rotation_rad.std()) < 0.03
    again = idle_motion(30.0, FPS, LiteMotionOptions(), Runtime())
    assert same(motion, again)
    assert not same(motion, idle_motion(30.0, FPS, LiteMotionOptions(), Runtime(seed=2)))


@pytest.mark.parametrize("duration", [0.0, -1.0, math.nan, math.inf])
def test_idle_needs_a_duration(duration: float) -> None:
    with pytest.raises(OptionError, match="positive number of seconds"):
        idle_motion(duration, FPS, LiteMotionOptions(), Runtime())

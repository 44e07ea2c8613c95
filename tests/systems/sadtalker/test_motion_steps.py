"""Face and head alone give what the whole engine gives, to the bit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import torch

from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import Coeff3DMM
from sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions
from sadtalker_core.systems.sadtalker.motion import idle_motion, motion_from_audio
from sadtalker_core.systems.sadtalker.motion_parts import (
    blinks,
    closing_of,
    expression_motion,
    pose_motion,
)
from sadtalker_core.systems.sadtalker.speech import Speech
from sadtalker_core.transfer.motion_edit import blend

from .toy_motion import source_coeff, toy_nets, voice

SAMPLES = 70 * 640 + 100
RUNTIME = Runtime(seed=3)


def steps(speech: Speech, options: SadTalkerMotionOptions, **references: Any) -> Coeff3DMM:
    nets, source = toy_nets(), source_coeff()
    closing = blinks(speech.frames, "random", RUNTIME)
    face = expression_motion(
        nets.expnet, source, speech, options, RUNTIME, closing, references.get("blink")
    )
    head = pose_motion(nets.posevae, source, speech, options, RUNTIME, references.get("pose"))
    return blend(face, head, {"head": 1.0})


def video(frames: int, fps: int) -> Coeff3DMM:
    rows = torch.randn(frames, 73, generator=torch.Generator().manual_seed(8))
    return Coeff3DMM.from_rows(rows, Fraction(fps))


@pytest.mark.parametrize(
    "options",
    [
        SadTalkerMotionOptions(),
        SadTalkerMotionOptions(expression_scale=1.4, pose_style=7, pose_scale=0.6),
    ],
)
@pytest.mark.parametrize("references", [{}, {"blink": video(30, 50), "pose": video(20, 25)}])
def test_steps_of_a_sound_are_the_whole(
    options: SadTalkerMotionOptions, references: dict[str, Coeff3DMM]
) -> None:
    whole = motion_from_audio(
        toy_nets(),
        source_coeff(),
        voice(SAMPLES),
        SAMPLES,
        options,
        RUNTIME,
        references.get("blink"),
        references.get("pose"),
    )
    made = steps(Speech.of_sound(voice(SAMPLES, 777), SAMPLES), options, **references)
    assert torch.equal(made.rows(), whole.rows())
    assert made.fps == whole.fps


def test_steps_without_a_sound_are_the_whole() -> None:
    options = SadTalkerMotionOptions()
    whole = idle_motion(toy_nets(), source_coeff(), Fraction(16, 5), options, RUNTIME)
    made = steps(Speech.of_nothing(Fraction(16, 5)), options)
    assert len(made) == 80
    assert torch.equal(made.rows(), whole.rows())


def test_a_face_alone_keeps_the_head_and_a_head_alone_the_face() -> None:
    nets, source, speech = toy_nets(), source_coeff(), Speech.of_nothing(2)
    options = SadTalkerMotionOptions(expression_scale=2.0)
    face = expression_motion(nets.expnet, source, speech, options, RUNTIME)
    head = pose_motion(nets.posevae, source, speech, options, RUNTIME)
    assert torch.equal(face.rows()[:, 64:], source[:, 64:].expand(50, -1))
    assert torch.equal(head.expression, source[:, :64].expand(50, -1))
    assert not torch.equal(head.rotation_rad[3], head.rotation_rad[30])


def test_eyes_of_another_rate_are_read_at_the_same_moments() -> None:
    lids = torch.linspace(-0.2, 1.2, 29)[:, None].expand(-1, 2)
    closing = closing_of(lids, Fraction(50), 20)
    assert closing.min() == 0
    assert closing.max() == 1
    # 29 frames at 50 a second are 14 at 25: the 15th begins again
    assert torch.equal(closing[14:], closing[:6])
    torch.testing.assert_close(closing[5], lids[10, 0])


def test_steady_blinks_know_no_seed() -> None:
    first, second = (blinks(200, "steady", Runtime(seed=seed)) for seed in (1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(blinks(200, "random", RUNTIME), blinks(200, "random", Runtime(seed=4)))

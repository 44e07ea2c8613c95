"""Motion from sound, from silence and from a video, with the real networks at toy size."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.audio.wav2lip_mel import mel_windows, wav2lip_mel
from sadtalker_core.errors import Cancelled, OptionError
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import Coeff3DMM
from sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions
from sadtalker_core.systems.sadtalker.head_pose import head_motion, seeded_latents, smoothed
from sadtalker_core.systems.sadtalker.motion import (
    MotionNets,
    blink_ratio,
    idle_motion,
    motion_from_audio,
    motion_from_video,
)

from .toy_motion import source_coeff, toy_nets, voice

SAMPLES = 70 * 640 + 100
OPTIONS = SadTalkerMotionOptions()


@pytest.fixture(scope="module")
def nets() -> MotionNets:
    return toy_nets()


def moved(nets: MotionNets, samples: int = SAMPLES, chunk: int = 4000, **changed: Any) -> Coeff3DMM:
    runtime = changed.pop("runtime", Runtime())
    blink, pose = changed.pop("reference_blink", None), changed.pop("reference_pose", None)
    return motion_from_audio(
        nets,
        source_coeff(),
        voice(samples, chunk),
        samples,
        dataclasses.replace(OPTIONS, **changed),
        runtime,
        blink,
        pose,
    )


def pose_of(motion: Coeff3DMM) -> Tensor:
    return motion.rows()[:, 64:70]


def reference(frames: int, fps: int, seed: int = 8) -> Coeff3DMM:
    rows = torch.randn(frames, 73, generator=torch.Generator().manual_seed(seed))
    return Coeff3DMM.from_rows(rows, Fraction(fps))


def test_motion_is_that_of_the_networks_over_the_whole_sound(nets: MotionNets) -> None:
    made = moved(nets)
    assert (len(made), made.fps) == (70, 25)
    sound = torch.cat(list(voice(SAMPLES)()))[: 70 * 640]
    windows = mel_windows(wav2lip_mel(sound), 70)
    source = source_coeff()
    ratio = blink_ratio(70, OPTIONS, Runtime())
    assert ratio.max() == 1
    expression = nets.expnet(windows, source[:, :64].expand(70, -1), ratio[:, None])
    torch.testing.assert_close(made.expression, expression, rtol=0, atol=1e-5)
    start = source[:, 64:70]
    latents = seeded_latents(nets.posevae, Runtime().generator("sadtalker head"), start)
    speech = nets.posevae.hear(windows)
    motion = head_motion(nets.posevae, speech, start, torch.tensor([0]), latents)
    torch.testing.assert_close(pose_of(made), smoothed(start + motion), rtol=0, atol=1e-5)
    assert made.crop is not None
    assert torch.equal(made.crop, source[:, 70:].expand(70, -1))


@pytest.mark.parametrize(("chunk", "frames"), [(1600, 1), (777, 3), (10**6, 64)])
def test_chunks_do_not_change_a_bit(nets: MotionNets, chunk: int, frames: int) -> None:
    made = moved(nets, chunk=chunk, runtime=Runtime(chunk=frames))
    assert torch.equal(made.rows(), moved(nets).rows())


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 1), (300, 1), (1300, 2), (1920, 3), (13440, 21)]
)
def test_short_sounds(nets: MotionNets, samples: int, frames: int) -> None:
    made = moved(nets, samples)
    assert len(made) == frames
    assert made.rows().isfinite().all()


def test_the_seed_moves_head_and_eyes_alone(nets: MotionNets) -> None:
    first, again = moved(nets), moved(nets)
    other = moved(nets, runtime=Runtime(seed=1))
    assert torch.equal(first.rows(), again.rows())
    assert not torch.equal(pose_of(first), pose_of(other))
    open_eyes = moved(nets, blink=False)
    assert torch.equal(
        open_eyes.expression, moved(nets, blink=False, runtime=Runtime(seed=1)).expression
    )
    changed = (open_eyes.expression != first.expression).any(1)
    assert torch.equal(changed, blink_ratio(70, OPTIONS, Runtime()) > 0)


def test_options_of_the_head(nets: MotionNets) -> None:
    start = source_coeff()[:, 64:70]
    plain = pose_of(moved(nets))
    assert not torch.equal(plain, pose_of(moved(nets, pose_style=45)))
    torch.testing.assert_close(pose_of(moved(nets, pose_scale=0.0)), start.expand(70, -1))
    double = pose_of(moved(nets, pose_scale=2.0))
    torch.testing.assert_close(double - start, 2 * (plain - start), rtol=0, atol=1e-5)
    still = moved(nets, still=True)
    assert torch.equal(pose_of(still), start.expand(70, -1))
    assert torch.equal(still.expression, moved(nets).expression)


def test_a_still_head_does_not_listen() -> None:
    nets = toy_nets()
    calls: list[str] = []
    nets.posevae.audio_encoder.register_forward_hook(lambda *given: calls.append("heard"))
    moved(nets, still=True)
    assert not calls
    moved(nets)
    assert len(calls) == 3  # groups of 32


def test_expression_scale_is_a_factor(nets: MotionNets) -> None:
    plain, strong = moved(nets), moved(nets, expression_scale=1.3)
    torch.testing.assert_close(strong.expression, 1.3 * plain.expression)
    assert torch.equal(pose_of(plain), pose_of(strong))


def test_a_reference_gives_the_expression_to_start_from(nets: MotionNets) -> None:
    video = reference(30, 50)
    made = moved(nets, reference_blink=video)
    sound = torch.cat(list(voice(SAMPLES)()))[: 70 * 640]
    windows = mel_windows(wav2lip_mel(sound), 70)
    begin = video.expression[::2].repeat(5, 1)[:70]
    wanted = nets.expnet(windows, begin, torch.zeros(70, 1))
    torch.testing.assert_close(made.expression, wanted, rtol=0, atol=1e-5)
    assert torch.equal(pose_of(made), pose_of(moved(nets)))


def test_a_reference_turns_the_head(nets: MotionNets) -> None:
    video = reference(30, 25)
    change = video.rows()[:, 64:70].repeat(3, 1)[:70] - video.rows()[:1, 64:70]
    plain, made = moved(nets), moved(nets, reference_pose=video)
    torch.testing.assert_close(pose_of(made), pose_of(plain) + change)
    assert torch.equal(made.expression, plain.expression)
    less = moved(nets, reference_pose=video, pose_scale=0.5)
    start = source_coeff()[:, 64:70]
    torch.testing.assert_close(
        pose_of(less) - start, 0.5 * (pose_of(made) - start), rtol=0, atol=1e-5
    )
    still = moved(nets, reference_pose=video, still=True)
    assert torch.equal(pose_of(still), source_coeff()[:, 64:70].expand(70, -1))


def test_a_video_moves_the_picture_itself() -> None:
    video, source = reference(30, 50), source_coeff()
    made = motion_from_video(video, source, OPTIONS, Runtime())
    assert (len(made), made.fps) == (15, 25)
    assert torch.equal(made.rows()[:, :70], video.rows()[::2, :70])
    assert made.crop is not None
    assert torch.equal(made.crop[3], source[0, 70:])
    longer = motion_from_video(video, source, OPTIONS, Runtime(), frames=20)
    assert torch.equal(longer.rows()[15:], made.rows()[:5])
    options = SadTalkerMotionOptions(expression_scale=2.0, pose_scale=0.5)
    changed = motion_from_video(video, source, options, Runtime())
    torch.testing.assert_close(changed.expression, 2 * made.expression)
    torch.testing.assert_close(
        changed.rotation_rad - made.rotation_rad[0],
        0.5 * (made.rotation_rad - made.rotation_rad[0]),
    )
    still = motion_from_video(video, source, SadTalkerMotionOptions(still=True), Runtime())
    assert torch.equal(still.translation, source[:, 67:70].expand(15, -1))


def test_idle_motion_hears_zeros(nets: MotionNets) -> None:
    made = idle_motion(nets, source_coeff(), Fraction(16, 10), OPTIONS, Runtime())
    assert len(made) == 40
    source = source_coeff()
    ratio = blink_ratio(40, OPTIONS, Runtime())
    wanted = nets.expnet(torch.zeros(40, 1, 80, 16), source[:, :64].expand(40, -1), ratio[:, None])
    torch.testing.assert_close(made.expression, wanted, rtol=0, atol=1e-5)
    assert not torch.equal(pose_of(made)[0], pose_of(made)[20])


@pytest.mark.parametrize(("seconds", "frames"), [(0.01, 1), (1.16, 29), (Fraction(2), 50)])
def test_length_of_idle_motion(nets: MotionNets, seconds: float | Fraction, frames: int) -> None:
    assert len(idle_motion(nets, source_coeff(), seconds, OPTIONS, Runtime())) == frames


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_impossible_lengths_are_refused(nets: MotionNets, seconds: float) -> None:
    with pytest.raises(OptionError, match="positive number of seconds"):
        idle_motion(nets, source_coeff(), seconds, OPTIONS, Runtime())


def test_progress_and_cancel(nets: MotionNets) -> None:
    seen: list[tuple[str, int, int]] = []
    runtime = Runtime(
        progress=lambda stage, done, total: seen.append((stage, done, total)),
        cancelled=lambda: len(seen) == 2,
    )
    with pytest.raises(Cancelled):
        moved(nets, runtime=runtime)
    assert seen == [("motion", 32, 70), ("motion", 64, 70)]


def test_networks_of_another_type_give_float32() -> None:
    nets = toy_nets()
    wide = MotionNets(nets.expnet.double(), nets.posevae.double())
    made = moved(wide)
    assert made.rows().dtype == torch.float32
    torch.testing.assert_close(made.rows(), moved(toy_nets()).rows(), rtol=0, atol=1e-4)

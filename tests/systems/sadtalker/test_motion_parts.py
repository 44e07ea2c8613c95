"""Blinks, reference motion, hand-made camera, windows of coefficients and chunks of head pose."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError
from sadtalker_core.structures import Coeff3DMM
from sadtalker_core.systems.sadtalker.blink import random_blinks, seeded_choice, steady_blinks
from sadtalker_core.systems.sadtalker.camera import FreeView, degree_sequence, free_view
from sadtalker_core.systems.sadtalker.config import SadTalkerMotionOptions
from sadtalker_core.systems.sadtalker.head_pose import head_motion, seeded_latents, smoothed
from sadtalker_core.systems.sadtalker.reference import (
    add_reference_pose,
    looped,
    reference_rows,
    resampled,
)
from sadtalker_core.systems.sadtalker.semantics import driving_rows, source_window, windows

from .toy_motion import source_coeff, toy_nets


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# blinks


def test_short_clips_do_not_blink() -> None:
    assert random_blinks(20, lambda gaps: gaps[0]).sum() == 0
    assert random_blinks(0, lambda gaps: gaps[0]).shape == (0,)


@pytest.mark.parametrize(
    ("frames", "gaps"), [(21, range(10, 11)), (60, range(10, 30)), (500, range(10, 70))]
)
def test_gaps_of_blinks(frames: int, gaps: range) -> None:
    asked: list[range] = []

    def choose(numbers: range) -> int:
        asked.append(numbers)
        return numbers[0]

    ratio = random_blinks(frames, choose)
    assert set(asked) == {gaps}
    assert ratio[:20].tolist() == pytest.approx([0] * 10 + [0.5, 0.9, 1, 0.9, 0.5] + [0] * 5)
    # the last frame is never part of a blink
    assert ratio.shape == (frames,)
    assert ratio.nonzero().max() < frames - 1
    assert len(asked) == (frames - 1) // 15 + 1


def test_chosen_gaps_lie_in_their_range() -> None:
    choose = seeded_choice(torch.Generator().manual_seed(0))
    drawn = {choose(range(10, 14)) for _ in range(100)}
    assert drawn == {10, 11, 12, 13}


def test_steady_blinks() -> None:
    assert steady_blinks(178).nonzero().flatten().tolist() == list(range(80, 89))
    assert steady_blinks(179).nonzero().max() == 177
    assert steady_blinks(250)[84] == 1


# reference video


def test_a_reference_of_the_same_rate_is_not_touched() -> None:
    rows = normal(7, 70)
    assert torch.equal(resampled(rows, Fraction(25)), rows)


@pytest.mark.parametrize(
    ("fps", "count"), [(Fraction(50), 20), (Fraction(30000, 1001), 33), (Fraction(10), 100)]
)
def test_a_reference_of_another_rate_keeps_its_time(fps: Fraction, count: int) -> None:
    ramp = (torch.arange(40) / float(fps))[:, None].expand(-1, 2)  # seconds
    rows = resampled(ramp, fps)
    assert rows.shape == (count, 2)
    seconds = (torch.arange(count) / 25).clamp(max=float(ramp.max()))
    torch.testing.assert_close(rows[:, 0], seconds, rtol=0, atol=1e-6)


def test_one_frame_is_enough_of_a_reference() -> None:
    assert resampled(normal(1, 3), Fraction(240)).shape == (1, 3)
    assert looped(normal(1, 3), 5).shape == (5, 3)


def test_a_reference_is_looped_and_cut() -> None:
    rows = torch.arange(3)[:, None]
    assert looped(rows, 7)[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert looped(rows, 2)[:, 0].tolist() == [0, 1]
    motion = Coeff3DMM.from_rows(normal(4, 73), Fraction(50))
    assert torch.equal(reference_rows(motion)[1], motion.rows()[2, :70])
    assert reference_rows(motion, 9).shape == (9, 70)


def test_only_the_change_of_a_reference_pose_is_added() -> None:
    pose, reference = normal(4, 6), normal(4, 6, seed=1)
    moved = add_reference_pose(pose, reference)
    assert torch.equal(moved[0], pose[0])
    torch.testing.assert_close(moved[3], pose[3] + reference[3] - reference[0])
    torch.testing.assert_close(add_reference_pose(pose, reference, 0.0), pose)


# camera


def test_degree_lists_are_passed_at_one_speed() -> None:
    assert degree_sequence([-20, 30, 10], 5).tolist() == [-20, -2.5, 15, 30, 12.5]
    assert degree_sequence([0, 10], 6).tolist() == [0, 2, 4, 6, 8, 8]
    assert degree_sequence([7], 3).tolist() == [7, 7, 7]
    # the original's rounding decides whether the last degree is still reached
    assert degree_sequence([-5, 17], 60)[-2:].tolist() == pytest.approx([16.62712, 17])


@pytest.mark.parametrize(
    ("degrees", "frames", "wanted"),
    [
        ([5, 5], 3, [5, 5, 5]),
        ([5, 5, 9, 9], 3, [5, 7, 7]),
        ([3, 8], 1, [3]),
        ([10, 0, 10], 2, [10, 0]),
    ],
)
def test_degree_lists_that_stop_the_reference(
    degrees: list[float], frames: int, wanted: list[float]
) -> None:
    assert degree_sequence(degrees, frames).tolist() == wanted


def test_keyframes_become_angles() -> None:
    assert free_view(SadTalkerMotionOptions(), 10) is None
    view = free_view(SadTalkerMotionOptions(yaw="0:0, 0.2:10", roll="-4"), 11, Fraction(50))
    assert view is not None
    assert view.pitch is None
    assert view.yaw is not None
    assert view.roll is not None
    assert view.yaw[[0, 10]].tolist() == [0, 10]
    assert view.roll.tolist() == [-4] * 11
    part = view[2:5]
    assert part.yaw is not None
    assert torch.equal(part.yaw, view.yaw[2:5])
    assert part.pitch is None
    assert FreeView()[1:2] == FreeView()
    for name in ("yaw", "pitch", "roll"):
        only = free_view(replace(SadTalkerMotionOptions(), **{name: "3"}), 2)
        assert only is not None
        assert getattr(only, name).tolist() == [3, 3]


def test_angles_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match="pitch"):
        free_view(SadTalkerMotionOptions(pitch="120"), 3)


# windows of coefficients


def test_windows_hold_their_frame_in_the_middle_and_repeat_the_ends() -> None:
    rows = torch.arange(5.0)[:, None].expand(-1, 3)
    made = windows(rows)
    assert made.shape == (5, 3, 27)
    assert made[1, 2].tolist() == [0] * 13 + [1, 2, 3, 4] + [4] * 10
    assert torch.equal(windows(rows, slice(2, 4)), made[2:4])
    assert torch.equal(windows(rows, torch.tensor([4, 0])), made[[4, 0]])


def test_windows_of_another_rate_cover_the_same_time() -> None:
    seconds = (torch.arange(200) / 50.0)[:, None]
    half = windows(seconds, slice(100, 101), Fraction(50))[0, 0]
    torch.testing.assert_close(half, 2 + torch.arange(-13, 14) / 25.0, rtol=0, atol=1e-5)
    seconds = (torch.arange(100) / 30.0)[:, None]
    made = windows(seconds, torch.tensor([30, 0]), Fraction(30))[:, 0]
    torch.testing.assert_close(made[0], 1 + torch.arange(-13, 14) / 25.0, rtol=0, atol=1e-5)
    assert (made[1, :14] == 0).all()


def test_source_window_is_one_frame_27_times() -> None:
    source = source_coeff()
    for coefficients in (70, 73):
        window = source_window(source, coefficients)
        assert window.shape == (1, coefficients, 27)
        assert torch.equal(window[..., 11], source[:, :coefficients])


def test_rows_for_one_source_picture() -> None:
    rows, source = normal(4, 73), source_coeff()
    kept = rows.clone()
    plain = driving_rows(rows, source)
    assert torch.equal(plain, rows[:, :70])
    full = driving_rows(rows, source, 73, expression_scale=1.5)
    torch.testing.assert_close(full[:, :64], 1.5 * rows[:, :64])
    assert torch.equal(full[:, 64:70], rows[:, 64:70])
    assert torch.equal(full[:, 70:], source[:, 70:].expand(4, -1))
    for coefficients in (70, 73):
        still = driving_rows(rows, source, coefficients, still=True)
        assert torch.equal(still[:, :64], rows[:, :64])
        assert torch.equal(still[:, 64:], source[:, 64:coefficients].expand(4, -1))
    assert torch.equal(rows, kept)


# chunks of head pose, 8 frames each in the toy network


@pytest.mark.parametrize(
    ("frames", "chunks"), [(1, 0), (2, 1), (8, 1), (9, 1), (10, 2), (17, 2), (21, 3)]
)
def test_chunks_of_head_motion(frames: int, chunks: int) -> None:
    net = toy_nets().posevae
    speech, start, style = normal(frames, 6), normal(1, 6, seed=1), torch.tensor([3])
    latents = [normal(1, 4, seed=10 + i) for i in range(chunks)]
    motion = head_motion(net, speech, start, style, iter(latents))  # StopIteration: too many
    assert motion.shape == (frames, 6)
    assert motion[0].abs().sum() == 0
    for i in range((frames - 1) // 8):
        whole = net(speech[None, 1 + 8 * i : 9 + 8 * i], start, style, latents[i])[0]
        assert torch.equal(motion[1 + 8 * i : 9 + 8 * i], whole)
    if rest := (frames - 1) % 8:
        if frames > 8:
            heard = speech[-8:]
        else:
            heard = torch.cat([speech[1:2]] * (9 - frames) + [speech[1:]])
        last = net(heard[None], start, style, latents[-1])[0]
        assert torch.equal(motion[-rest:], last[-rest:])


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 12, 13, 40])
def test_any_length_can_be_smoothed(frames: int) -> None:
    pose = normal(frames, 6)
    smooth = smoothed(pose)
    assert smooth.shape == pose.shape
    if frames < 4:  # a parabola through three points is no smoothing
        torch.testing.assert_close(smooth, pose)
    if frames == 40:
        assert smooth.diff(dim=0).abs().mean() < 0.5 * pose.diff(dim=0).abs().mean()


def test_latents_do_not_depend_on_how_many_are_taken() -> None:
    net = toy_nets().posevae
    like = torch.zeros(1, dtype=torch.float64)
    made = seeded_latents(net, torch.Generator().manual_seed(4), like)
    again = seeded_latents(net, torch.Generator().manual_seed(4), like)
    first, second = next(made), next(made)
    assert first.shape == (1, 4)
    assert first.dtype == torch.float64
    assert torch.equal(first, next(again))
    assert not torch.equal(first, second)

"""Keypoints from predicted head pose and expression."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled
from sadtalker_core.geometry.pose import rotation_facevid2vid
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import Coeff3DMM
from sadtalker_core.systems.sadtalker.camera import FreeView
from sadtalker_core.systems.sadtalker.keypoints import (
    degrees_from_bins,
    keypoint_track,
    keypoints,
    transformed,
)
from sadtalker_core.systems.sadtalker.nets.mapping import MappedMotion
from sadtalker_core.systems.sadtalker.semantics import driving_rows, source_window, windows

from .toy_motion import source_coeff, toy_mapping


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def mapped(frames: int = 3, points: int = 5) -> MappedMotion:
    sizes = (66, 66, 66, 3, 3 * points)
    return MappedMotion(*(normal(frames, size, seed=size + i) for i, size in enumerate(sizes)))


def motion(frames: int, fps: int = 25) -> Coeff3DMM:
    return Coeff3DMM.from_rows(normal(frames, 70, seed=3), Fraction(fps))


def test_a_sure_bin_is_its_angle() -> None:
    bins = torch.full((2, 66), -1e4)
    bins[0, 33], bins[1, 65] = 0, 0
    assert degrees_from_bins(bins).tolist() == [0, 96]


def test_keypoints_are_turned_shifted_down_and_bent() -> None:
    kp, given = normal(1, 5, 3), mapped()
    angles = [degrees_from_bins(bins) for bins in (given.pitch, given.yaw, given.roll)]
    rotation = rotation_facevid2vid(torch.stack(angles, 1))
    for frame in range(3):
        for point in range(5):
            wanted = rotation[frame] @ kp[0, point] + given.expression[frame, 3 * point :][:3]
            wanted[1] += given.translation[frame, 1]
            torch.testing.assert_close(transformed(kp, given)[frame, point], wanted)


def test_arguments_stay_as_they_are() -> None:
    kp, given = normal(1, 5, 3), mapped()
    before = [part.clone() for part in given]
    transformed(kp, given, FreeView(yaw=torch.zeros(3)))
    assert all(torch.equal(a, b) for a, b in zip(before, given))


@pytest.mark.parametrize(("name", "place"), [("pitch", 0), ("yaw", 1), ("roll", 2)])
def test_a_free_view_replaces_its_angle_alone(name: str, place: int) -> None:
    kp, given = normal(1, 5, 3), mapped()
    angle = torch.tensor([-20.0, 0.0, 45.0])
    angles = [degrees_from_bins(bins) for bins in (given.pitch, given.yaw, given.roll)]
    angles[place] = angle
    resting = given._replace(
        translation=torch.zeros(3, 3), expression=torch.zeros_like(given.expression)
    )
    wanted = kp @ rotation_facevid2vid(torch.stack(angles, 1)).mT
    torch.testing.assert_close(transformed(kp, resting, FreeView(**{name: angle})), wanted)


@pytest.mark.parametrize("coefficients", [70, 73])
@pytest.mark.parametrize("frames", [1, 32, 45, 97])
def test_a_track_is_its_frames(coefficients: int, frames: int) -> None:
    net, source, made = toy_mapping(coefficients), source_coeff(), motion(frames)
    kp = 0.5 * normal(1, 5, 3)
    track = keypoint_track(net, kp, source, made, Runtime())
    assert (len(track), track.fps) == (frames, 25)
    rows = driving_rows(made.rows(), source, coefficients)
    for frame in range(0, frames, 4):
        window = windows(rows, slice(frame, frame + 1))
        wanted = keypoints(net, kp, window)[0]
        torch.testing.assert_close(track.driving[frame], wanted, rtol=1e-5, atol=1e-4)
    own = keypoints(net, kp, source_window(source, coefficients))
    torch.testing.assert_close(track.source, own)
    # the result of a frame does not depend on the runtime's chunk
    again = keypoint_track(net, kp, source, made, Runtime(chunk=3))
    assert torch.equal(again.driving, track.driving)


def test_a_free_view_turns_the_driving_frames_alone() -> None:
    net, kp = toy_mapping(), 0.5 * normal(1, 5, 3)
    view = FreeView(pitch=torch.linspace(-10, 10, 40))
    plain = keypoint_track(net, kp, source_coeff(), motion(40), Runtime())
    turned = keypoint_track(net, kp, source_coeff(), motion(40), Runtime(), view)
    assert torch.equal(plain.source, turned.source)
    window = windows(motion(40).rows(), slice(38, 39))
    wanted = keypoints(net, kp, window, view[38:39])
    torch.testing.assert_close(turned.driving[38], wanted[0])
    assert not torch.allclose(turned.driving[38], plain.driving[38])


def test_another_rate_reads_the_same_distances_in_time() -> None:
    net, kp, source = toy_mapping(), 0.5 * normal(1, 5, 3), source_coeff()
    slow = motion(20)
    rows = slow.rows()
    between = (rows[:-1] + rows[1:]) / 2
    fast_rows = torch.stack([rows[:-1], between], 1).flatten(0, 1)
    fast = Coeff3DMM.from_rows(torch.cat([fast_rows, rows[-1:]]), Fraction(50))
    wanted = keypoint_track(net, kp, source, slow, Runtime()).driving
    made = keypoint_track(net, kp, source, fast, Runtime())
    assert made.fps == 50
    torch.testing.assert_close(made.driving[::2], wanted, rtol=0, atol=1e-5)


def test_a_track_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        keypoint_track(
            toy_mapping(),
            normal(1, 5, 3),
            source_coeff(),
            motion(3),
            Runtime(cancelled=lambda: True),
        )


def test_weights_of_another_type_give_float32() -> None:
    kp = normal(1, 5, 3)
    track = keypoint_track(toy_mapping().double(), kp, source_coeff(), motion(3), Runtime())
    assert track.driving.dtype == track.source.dtype == torch.float32

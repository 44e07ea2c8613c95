"""Stitching, retargeting of eyes and lips, ratios, and the fit of sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import StructureError
from sadtalker_core.systems.liveportrait.retarget import (
    FaceRatios,
    combined_eyes,
    combined_lips,
    flat_pair,
    motion_multiplier,
    ratios_of_203,
    retargeted,
    stitched,
)

from .toy_points import faces


def test_stitching_moves_each_keypoint_and_all_of_them() -> None:
    seen: list[Tensor] = []

    def net(x: Tensor) -> Tensor:
        seen.append(x)
        return torch.cat([torch.arange(63.0), torch.tensor([100.0, 200.0])]).expand(len(x), 65)

    source, driving = faces(2, 1).x, faces(2, 2).x
    found = stitched(net, source, driving)
    shift = torch.arange(63.0).reshape(21, 3) + torch.tensor([100.0, 200.0, 0.0])
    torch.testing.assert_close(found, driving + shift)
    assert torch.equal(seen[0], torch.cat([source.reshape(2, 63), driving.reshape(2, 63)], 1))


def test_the_source_comes_first() -> None:
    pair = flat_pair(torch.zeros(2, 21, 3), torch.ones(2, 2))
    assert pair.shape == (2, 65)
    assert torch.equal(pair[:, 63:], torch.ones(2, 2))


def test_retargeting_gives_offsets_by_keypoint() -> None:
    source = faces(3, 1).x
    found = retargeted(lambda x: x[:, :63] * 2, source, torch.zeros(3, 2))
    assert torch.equal(found, source * 2)


def test_only_the_drivers_left_eye_counts() -> None:
    source = torch.tensor([[0.1, 0.2]])
    target = torch.tensor([[0.3, 0.9]])
    assert combined_eyes(source, target).tolist() == [pytest.approx([0.1, 0.2, 0.3])]
    lips = combined_lips(source[:, :1], target[:, 1:])
    assert lips.tolist() == [pytest.approx([0.1, 0.9])]


def test_ratios_from_landmarks() -> None:
    points = torch.zeros(2, 203, 2)
    lengths = {(6, 18): 3.0, (0, 12): 6.0, (30, 42): 4.0, (24, 36): 16.0, (90, 102): 5.0}
    for (a, b), length in {**lengths, (48, 66): 50.0}.items():
        points[:, a] = torch.tensor([1.0, 2.0])
        points[:, b] = torch.tensor([1.0 + 0.6 * length, 2.0 - 0.8 * length])
    found = ratios_of_203(points)
    torch.testing.assert_close(found.eyes, torch.tensor([[0.5, 0.25]]).expand(2, 2))
    torch.testing.assert_close(found.lip, torch.tensor([[0.1]]).expand(2, 1))
    assert bool(torch.isfinite(ratios_of_203(torch.zeros(1, 203, 2)).eyes).all())


def test_ratios_check_their_shapes() -> None:
    with pytest.raises(StructureError, match="eyes"):
        FaceRatios(torch.zeros(3, 1), torch.zeros(3, 1))
    with pytest.raises(StructureError, match="lip"):
        FaceRatios(torch.zeros(3, 2), torch.zeros(2, 1))
    assert len(FaceRatios(torch.zeros(3, 2), torch.zeros(3, 1))[1:]) == 2


def test_fit_of_sizes_is_the_root_of_the_volumes() -> None:
    face = faces(2, 1).x
    found = motion_multiplier(face * 4.0, face)
    torch.testing.assert_close(found, torch.full((2,), 8.0))
    assert found.dtype == face.dtype


def test_fit_of_flat_faces_is_none() -> None:
    face = faces(1, 1).x
    flat = face * torch.tensor([1.0, 1.0, 0.0])
    assert motion_multiplier(flat, face).tolist() == [1.0]
    assert motion_multiplier(face, flat).tolist() == [1.0]
    assert motion_multiplier(face, face / 0).tolist() == [1.0]

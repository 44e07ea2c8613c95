"""Regions and gains: which numbers of the expression and pose follow the driver, and how far."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.geometry.slerp import rotation_part
from sadtalker_core.structures import ImplicitMotion
from sadtalker_core.systems.liveportrait.carried import carried_to_animal, carried_to_still
from sadtalker_core.systems.liveportrait.config import LivePortraitMotionOptions
from sadtalker_core.systems.liveportrait.motion import drive
from sadtalker_core.systems.liveportrait.regions import (
    expression_gains,
    face_mask,
    region_mask,
    scaled_change,
    scaled_turn,
)

from .toy_points import faces, motion, nets

GAINS = ("eyes", "brows", "lips", "jaw", "pose")
STILL = dict.fromkeys((*GAINS, "scale"), 0.0)


def options(**values: Any) -> LivePortraitMotionOptions:
    return LivePortraitMotionOptions(**values)


def places(**gains: float) -> Tensor:
    found = expression_gains(options(**gains), "cpu")
    return torch.ones(21, 3) if found is None else found


def driven(driver: ImplicitMotion, **values: Any) -> Tensor:
    source = faces(1, 1)
    return drive(source, driver, options(**values), nets(), stitching=False).driving


def test_masks_are_the_originals() -> None:
    assert region_mask("lip").nonzero()[::3, 0].tolist() == [6, 12, 14, 17, 19, 20]
    assert region_mask("eyes").nonzero()[::3, 0].tolist() == [11, 13, 15, 16, 18]
    assert not region_mask("pose").any()
    face = face_mask()
    whole = [1, 2, 6, *range(11, 21)]
    assert bool(face[whole].all())
    singles = [(3, 1), (4, 1), (5, 2), (8, 2), (9, 1), (9, 2)]
    assert int(face.sum()) == 3 * len(whole) + len(singles)
    assert all(bool(face[place]) for place in singles)
    assert torch.equal(region_mask("all"), face)
    assert torch.equal(region_mask("exp"), face)


def test_every_number_has_one_gain() -> None:
    changed = torch.stack([places(**{name: 2.0}) == 2.0 for name in GAINS])
    assert torch.equal(changed.sum(0), torch.ones(21, 3, dtype=torch.long))
    assert torch.equal(places(), torch.ones(21, 3))
    assert torch.equal(places(scale=2.0), torch.ones(21, 3))


def test_gains_lie_where_the_sliders_move_the_face() -> None:
    lids, brows, smile = [(11, 1), (15, 1)], [(1, 1), (2, 1)], [(14, 1), (20, 1), (3, 1), (7, 1)]
    jaw, pucker, shift = [(19, 1), (19, 2)], [(19, 0)], [(5, 0), (5, 1)]
    for name, found in {
        "eyes": lids,
        "brows": brows,
        "lips": [*smile, *pucker],
        "jaw": jaw,
        "pose": shift,
    }.items():
        assert all(float(places(**{name: 0.0})[place]) == 0.0 for place in found), name


@pytest.mark.parametrize("relative", [True, False])
def test_gain_of_one_changes_no_bit(relative: bool) -> None:
    rest, moved = torch.randn(4, 21, 3), torch.randn(4, 21, 3)
    assert torch.equal(scaled_change(rest, moved, torch.ones(21, 3)), moved)
    assert torch.equal(scaled_change(rest, moved, 1.0), moved)
    turned = motion(4, 2).rotation
    assert scaled_turn(motion(1, 3).rotation, turned, 1) is turned
    wanted = driven(motion(5, 2), relative=relative)
    assert torch.equal(driven(motion(5, 2), relative=relative, **dict.fromkeys(STILL, 1.0)), wanted)


@pytest.mark.parametrize("relative", [True, False])
def test_without_gains_nothing_moves(relative: bool) -> None:
    found = driven(motion(5, 2), relative=relative, **STILL)
    torch.testing.assert_close(found, faces(1, 1).x.expand_as(found), atol=1e-6, rtol=0)


def test_gain_of_a_region_scales_its_numbers_alone() -> None:
    source, driver = faces(1, 1), motion(4, 2)
    plain = carried_to_still(source, driver, driver[:1], options(), is_picture=False)
    twice = carried_to_still(source, driver, driver[:1], options(jaw=2.0), is_picture=False)
    factor = torch.ones(21, 3)
    factor[19, 1:] = 2.0
    torch.testing.assert_close(twice.exp - source.exp, (plain.exp - source.exp) * factor)
    assert torch.equal(twice.rotation, plain.rotation)


@pytest.mark.parametrize("relative", [True, False])
def test_pose_gain_takes_a_part_of_the_angle(relative: bool) -> None:
    source, driver = faces(1, 1), motion(4, 2)
    plain, half = (
        carried_to_still(
            source, driver, driver[:1], options(relative=relative, pose=gain), is_picture=False
        )
        for gain in (1.0, 0.5)
    )
    turn = plain.rotation @ source.rotation.mT
    part = half.rotation @ source.rotation.mT
    torch.testing.assert_close(part @ part, turn, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(rotation_part(turn, 0.5), part, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(half.t, (plain.t + source.t) / 2)
    assert torch.equal(half.scale, plain.scale)


def test_scale_gain() -> None:
    source, driver = faces(1, 1), motion(4, 2)
    plain, twice = (
        carried_to_still(source, driver, driver[:1], options(scale=gain), is_picture=False)
        for gain in (1.0, 2.0)
    )
    torch.testing.assert_close(twice.scale, 2 * plain.scale - source.scale)
    assert torch.equal(twice.exp, plain.exp)


def test_gains_do_not_reach_beyond_the_region() -> None:
    loud = dict.fromkeys(STILL, 2.0)
    lips = driven(motion(4, 2), region="lip")
    assert torch.equal(
        driven(motion(4, 2), region="lip", **{**loud, "lips": 1.0, "jaw": 1.0}), lips
    )
    held = driven(motion(4, 2), region="pose", **{**STILL, "pose": 1.0})
    assert torch.equal(held, driven(motion(4, 2), region="pose"))


def test_an_animal_is_held_at_the_drivers_rest() -> None:
    source, driver = faces(1, 1), motion(4, 2)
    still = carried_to_animal(source, driver, driver[:1], options(**STILL))
    for got, wanted in (
        (still.exp, driver.expression[:1].expand(4, 21, 3)),
        (still.rotation, driver.rotation[:1].expand(4, 3, 3)),
        (still.t, driver.translation[:1].expand(4, 3)),
    ):
        torch.testing.assert_close(got, wanted, atol=1e-6, rtol=0)
    own = carried_to_animal(source, driver, None, options(**STILL))
    torch.testing.assert_close(own.exp, source.exp.expand(4, 21, 3), atol=1e-6, rtol=0)

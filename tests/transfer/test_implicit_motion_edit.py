"""Editing implicit motions: rotations stay rotations, regions are parts of the expression."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.geometry.pose import degrees_liveportrait, rotation_liveportrait
from sadtalker_core.geometry.slerp import slerp
from sadtalker_core.structures import ImplicitMotion
from sadtalker_core.systems.liveportrait.regions import gain_mask
from sadtalker_core.transfer.motion_edit import (
    blend,
    concatenate,
    gain,
    loop,
    offset,
    regions_of,
    retime,
    smooth,
)

FPS = Fraction(25)
FIELDS = ("expression", "rotation", "translation", "scale", "eye_ratios", "lip_ratio")
FILMED = ("canonical", "keypoints")


def implicit(
    length: int = 10, seed: int = 0, filmed: bool = True, count: int = 21
) -> ImplicitMotion:
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return ImplicitMotion(
        expression=noise(length, count, 3),
        rotation=rotation_liveportrait(20 * noise(length, 3)),
        translation=noise(length, 3),
        scale=noise(length, 1) * 0.1 + 1,
        fps=FPS,
        canonical=noise(length, count, 3) if filmed else None,
        keypoints=noise(length, count, 3) if filmed else None,
        eye_ratios=noise(length, 2).abs(),
        lip_ratio=noise(length, 1).abs(),
    )


def part(motion: ImplicitMotion, name: str) -> Tensor:
    value = getattr(motion, name)
    assert isinstance(value, Tensor), name
    return value


def same(a: ImplicitMotion, b: ImplicitMotion, names: tuple[str, ...] = FIELDS) -> bool:
    return all(torch.equal(part(a, name), part(b, name)) for name in names)


def is_rotation(motion: ImplicitMotion) -> bool:
    product = motion.rotation @ motion.rotation.mT
    return torch.allclose(product, torch.eye(3).expand_as(product), atol=1e-6)


def test_retime_keeps_frames_and_turns_between_them() -> None:
    motion = implicit()
    double = retime(motion, Fraction(50))
    assert len(double) == 20
    assert same(double[::2], motion, FIELDS + FILMED)
    assert is_rotation(double)
    middle = slerp(motion.rotation[3], motion.rotation[4], 0.5)
    torch.testing.assert_close(double.rotation[7], middle)
    torch.testing.assert_close(double.translation[7], motion.translation[3:5].mean(0))
    assert torch.equal(double.rotation[19], motion.rotation[9])
    assert same(retime(double, FPS), motion, FIELDS + FILMED)
    ntsc = retime(motion, Fraction(30000, 1001), 40)
    assert is_rotation(ntsc)
    assert torch.equal(ntsc.rotation[-1], motion.rotation[-1])


def test_a_turn_at_even_speed_stays_one() -> None:
    degrees = torch.zeros(5, 3)
    degrees[:, 1] = torch.arange(5) * 30.0
    motion = dataclasses.replace(implicit(5), rotation=rotation_liveportrait(degrees))
    fast = retime(motion, Fraction(100))
    yaw = torch.atan2(-fast.rotation[:17, 0, 2], fast.rotation[:17, 0, 0])
    torch.testing.assert_close(torch.rad2deg(yaw), torch.arange(17) * 7.5, atol=1e-4, rtol=0)


def test_offset_loop_and_concatenate() -> None:
    motion, other = implicit(), implicit(4, 1, filmed=False)
    assert same(offset(motion, 0.08)[2:], motion[:8], FIELDS + FILMED)
    assert is_rotation(offset(motion, 0.013))
    assert same(loop(motion, 23)[10:20], motion, FIELDS + FILMED)
    joined = concatenate([motion, other])
    assert len(joined) == 14
    assert same(joined[:10], motion)
    assert same(joined[10:], other)
    assert joined.canonical is None
    assert joined.keypoints is None
    eased = concatenate([motion, other], ease_s=0.12)
    assert is_rotation(eased)
    torch.testing.assert_close(eased.rotation[8], slerp(motion.rotation[8], other.rotation[0], 0.5))
    assert torch.equal(eased.rotation[:7], motion.rotation[:7])


def test_blend_of_everything() -> None:
    a, b = implicit(seed=1), implicit(seed=2)
    assert same(blend(a, b, 0.0), a)
    assert same(blend(a, b, 1.0), b)
    half = blend(a, b, 0.5)
    torch.testing.assert_close(half.expression, (a.expression + b.expression) / 2)
    torch.testing.assert_close(half.rotation, slerp(a.rotation, b.rotation, 0.5))
    ramp = blend(a, b, torch.linspace(0, 1, 10))
    assert torch.equal(ramp.rotation[0], a.rotation[0])
    assert torch.equal(ramp.rotation[-1], b.rotation[-1])
    assert half.keypoints is None
    assert half.canonical is a.canonical


def test_blend_by_region() -> None:
    a, b = implicit(seed=1), implicit(seed=2)
    mouth = gain_mask("lips") | gain_mask("jaw")
    found = blend(a, b, {"mouth": 1.0})
    assert torch.equal(found.expression, torch.where(mouth, b.expression, a.expression))
    assert torch.equal(part(found, "lip_ratio"), part(b, "lip_ratio"))
    assert same(found, a, ("rotation", "translation", "scale", "eye_ratios"))
    both = blend(a, b, {"mouth": 1.0, "eyes": 0.5})
    eyes = gain_mask("eyes")
    torch.testing.assert_close(both.expression[:, eyes], (a.expression + b.expression)[:, eyes] / 2)
    assert torch.equal(both.expression[:, mouth], b.expression[:, mouth])
    brows = blend(a, b, {"brows": 1.0}).expression
    assert torch.equal(brows, torch.where(gain_mask("brows"), b.expression, a.expression))
    head = blend(a, b, {"head": 1.0})
    assert same(head, b, ("rotation", "translation", "scale"))
    assert torch.equal(head.expression, a.expression)
    face = blend(a, b, {"face": 1.0})
    assert torch.equal(face.expression, b.expression)
    assert torch.equal(face.rotation, a.rotation)


def test_gain_is_about_the_first_frame() -> None:
    motion = implicit()
    assert same(gain(motion, 1.0), motion)
    still = gain(motion, 0.0)
    for name in FIELDS:
        value = part(motion, name)
        torch.testing.assert_close(part(still, name), value[:1].expand_as(value))
    twice = gain(motion, {"head": 2.0})
    change = motion.expression - motion.expression[:1]
    louder = gain(motion, {"face": 2.0}).expression
    torch.testing.assert_close(louder, motion.expression[:1] + 2 * change)
    assert torch.equal(twice.expression, motion.expression)
    half = gain(motion, {"head": 0.5})
    first = motion.rotation[0]
    turn = half.rotation[6] @ first.mT
    torch.testing.assert_close(turn @ turn @ first, motion.rotation[6], atol=1e-5, rtol=0)
    assert is_rotation(twice)
    assert bool((part(gain(motion, 5.0), "eye_ratios") >= 0).all())
    assert gain(motion, 2.0).keypoints is None


def test_gain_of_a_change_is_about_no_change() -> None:
    motion = dataclasses.replace(implicit(), is_relative=True)
    twice, none = gain(motion, 2.0), gain(motion, 0.0)
    assert twice.is_relative
    torch.testing.assert_close(twice.expression, motion.expression * 2)
    torch.testing.assert_close(twice.translation, motion.translation * 2)
    torch.testing.assert_close(twice.scale, 2 * motion.scale - 1)
    torch.testing.assert_close(twice.rotation, motion.rotation @ motion.rotation)
    torch.testing.assert_close(none.rotation, torch.eye(3).expand(10, 3, 3))
    torch.testing.assert_close(none.scale, torch.ones(10, 1))
    assert not none.expression.any()


def test_gain_changes_over_time() -> None:
    motion = implicit()
    weights = torch.cat([torch.ones(5), torch.zeros(5)])
    found = gain(motion, {"head": weights})
    assert torch.equal(found.rotation[:5], motion.rotation[:5])
    held = motion.rotation[:1].expand(5, 3, 3)
    torch.testing.assert_close(found.rotation[5:], held, atol=1e-6, rtol=0)


def test_smooth() -> None:
    motion = implicit(30)
    calm = smooth(motion, 0.1)
    assert is_rotation(calm)
    angles, calm_angles = (degrees_liveportrait(m.rotation) for m in (motion, calm))
    assert float(calm_angles.diff(dim=0).abs().mean()) < float(angles.diff(dim=0).abs().mean()) / 4
    only = smooth(motion, 0.1, ["eyes"])
    eyes = gain_mask("eyes")
    assert torch.equal(only.expression[:, eyes], calm.expression[:, eyes])
    assert torch.equal(only.expression[:, ~eyes], motion.expression[:, ~eyes])
    assert torch.equal(only.rotation, motion.rotation)


def test_regions_and_keypoints_must_fit() -> None:
    assert {"face", "head", "mouth", "eyes", "brows"} <= regions_of(implicit()).keys()
    few = implicit(count=15)
    assert torch.equal(gain(few, {"face": 1.0}).expression, few.expression)
    with pytest.raises(OptionError, match="no region 'eyes'"):
        gain(few, {"eyes": 1.0})
    with pytest.raises(StructureError, match="21 and 15"):
        blend(implicit(), few, 0.5)
    with pytest.raises(StructureError, match="21 and 15"):
        concatenate([implicit(), few])


def test_a_change_does_not_mix_with_what_was_seen() -> None:
    change = dataclasses.replace(implicit(), is_relative=True)
    with pytest.raises(StructureError, match="a change"):
        blend(change, implicit(), 0.5)
    with pytest.raises(StructureError, match="a change"):
        concatenate([implicit(), change])
    assert blend(change, change, 0.5).is_relative


def test_arguments_stay_as_they_are() -> None:
    motion, kept = implicit(), implicit()
    for edited in (gain(motion, {"eyes": 2.0}), smooth(motion, 0.1), blend(motion, motion, 0.5)):
        assert same(motion, kept, FIELDS + FILMED)
        assert edited.fps == FPS

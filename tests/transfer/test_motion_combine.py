"""Parts of motions put together across engines, and head and controls set by keyframes."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import pytest
import torch

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.structures import Coeff3DMM, ImplicitMotion, LiteMotion
from sadtalker_core.transfer.head_pose import coeff_from_lite, lite_from_coeff
from sadtalker_core.transfer.implicit_controls import implicit_from_lite
from sadtalker_core.transfer.keyframe_options import KeyframeOptions
from sadtalker_core.transfer.motion_combine import alike, combined, mixed
from sadtalker_core.transfer.motion_keyframes import keyframed

from .test_implicit_motion_edit import implicit

FPS = Fraction(25)


def lite(length: int = 10, seed: int = 0, fps: Fraction = FPS) -> LiteMotion:
    generator = torch.Generator().manual_seed(seed)
    rest = LiteMotion.rest(length, fps)
    fields = {
        field.name: 0.05 * torch.rand(getattr(rest, field.name).shape, generator=generator)
        for field in dataclasses.fields(rest)
        if field.name != "fps"
    }
    return LiteMotion(**fields, fps=fps)


def coeff(length: int = 10, seed: int = 0) -> Coeff3DMM:
    rows = 0.1 * torch.randn(length, 73, generator=torch.Generator().manual_seed(seed))
    return Coeff3DMM.from_rows(rows, FPS)


def test_each_part_comes_from_its_motion() -> None:
    base, other, third = lite(), lite(seed=1), lite(seed=2)
    made = combined(base, {"head": other, "eyes": third})
    assert torch.equal(made.rotation_rad, other.rotation_rad)
    assert torch.equal(made.translation, other.translation)
    assert torch.equal(made.lids, third.lids)
    assert torch.equal(made.gaze, third.gaze)
    for name in ("open", "width", "brows", "press"):
        assert torch.equal(getattr(made, name), getattr(base, name))


def test_later_parts_lie_over_earlier_ones() -> None:
    base, other, third = lite(), lite(seed=1), lite(seed=2)
    made = combined(base, {"face": other, "mouth": third})
    assert torch.equal(made.open, third.open)
    assert torch.equal(made.brows, other.brows)


def test_other_rates_and_lengths_follow_the_base() -> None:
    other = lite(6, seed=1, fps=Fraction(50))
    made = combined(lite(10), {"mouth": other})
    assert (len(made), made.fps) == (10, FPS)
    assert torch.equal(made.open[:3], other.open[::2])
    assert torch.equal(made.open[3:], other.open[-1:].expand(7))


def test_the_head_passes_between_all_engines() -> None:
    head = lite(seed=3)
    into_coeff = combined(coeff(), {"head": head})
    assert torch.equal(into_coeff.expression, coeff().expression)
    back = lite_from_coeff(into_coeff, coeff()[:1])
    torch.testing.assert_close(back.rotation_rad, head.rotation_rad, rtol=0, atol=1e-5)
    source = coeff(seed=9)[:1]
    placed = combined(coeff(), {"head": head}, source)
    wanted = coeff_from_lite(head, source, coeff())
    assert torch.equal(placed.rotation_rad, wanted.rotation_rad)
    from_coeff = combined(lite(), {"head": coeff(seed=2)})
    assert torch.equal(from_coeff.open, lite().open)
    assert from_coeff.rotation_rad[0].abs().max() < 1e-6  # its first frame is rest
    assert from_coeff.rotation_rad[5].abs().max() > 1e-3


@pytest.mark.parametrize(("base", "other"), [(coeff(), lite()), (lite(), coeff())])
def test_a_face_that_cannot_be_handed_over_is_refused(
    base: LiteMotion | Coeff3DMM, other: LiteMotion | Coeff3DMM
) -> None:
    with pytest.raises(StructureError, match="cannot be handed over"):
        combined(base, {"face": other})
    with pytest.raises(StructureError, match="cannot be handed over"):
        mixed(base, other, 0.5)
    with pytest.raises(OptionError, match="no region 'mouth'"):
        combined(coeff(), {"mouth": coeff(seed=1)})


def test_a_change_on_top_of_what_was_seen() -> None:
    seen, change = implicit(), implicit_from_lite(lite(seed=4))
    made = combined(seen, {"face": change, "head": change})
    assert not made.is_relative
    torch.testing.assert_close(made.expression, seen.expression[:1] + change.expression)
    torch.testing.assert_close(made.rotation, change.rotation @ seen.rotation[:1])
    torch.testing.assert_close(made.scale, change.scale * seen.scale[:1])
    back = alike(made, change)
    assert back.is_relative
    start = implicit_from_lite(lite(seed=4))
    torch.testing.assert_close(
        back.expression, start.expression - start.expression[:1], rtol=0, atol=1e-6
    )


def test_built_in_controls_move_a_filmed_mouth_alone() -> None:
    seen = implicit(filmed=False)
    made = combined(seen, {"mouth": lite(seed=5)})
    assert isinstance(made, ImplicitMotion)
    changed = (made.expression != seen.expression).any(2).any(0)
    assert changed.any()
    assert not changed.all()
    assert torch.equal(made.rotation, seen.rotation)


def test_mixing_half_way() -> None:
    a, b = lite(), lite(seed=1)
    made = mixed(a, b, {"mouth": 0.5})
    torch.testing.assert_close(made.open, (a.open + b.open) / 2)
    assert torch.equal(made.lids, a.lids)


def test_keyframes_replace_or_add() -> None:
    base = lite(26)
    options = KeyframeOptions(yaw="0:0, 1:20", blink="0.5", mouth_open="0:0.1, 1:-0.1")
    made = keyframed(base, options)
    assert made.rotation_rad[25, 1] == pytest.approx(math.radians(20))
    assert torch.equal(made.rotation_rad[:, [0, 2]], base.rotation_rad[:, [0, 2]])
    assert torch.equal(made.lids, torch.full((26, 2), 0.5))
    assert made.open[25] == 0  # not below what can be shown
    added = keyframed(base, dataclasses.replace(options, mode="add"))
    torch.testing.assert_close(added.lids, base.lids + 0.5)
    torch.testing.assert_close(added.rotation_rad[0], base.rotation_rad[0])
    assert keyframed(base, KeyframeOptions()) is base


def test_keyframes_turn_the_head_of_any_engine() -> None:
    options = KeyframeOptions(yaw="12", roll="-5")
    source = coeff(seed=6)[:1]
    made = keyframed(coeff(), options, source)
    assert torch.equal(made.expression, coeff().expression)
    degrees = lite_from_coeff(made, source).rotation_rad * 180 / math.pi
    torch.testing.assert_close(degrees[:, 1], torch.full((10,), 12.0), rtol=0, atol=1e-3)
    torch.testing.assert_close(degrees[:, 2], torch.full((10,), -5.0), rtol=0, atol=1e-3)
    change = implicit_from_lite(lite())
    turned = keyframed(change, options)
    wanted = implicit_from_lite(
        keyframed(dataclasses.replace(lite(), translation=torch.zeros(10, 3)), options)
    )
    torch.testing.assert_close(turned.rotation, wanted.rotation, rtol=0, atol=1e-4)
    assert torch.equal(turned.expression, change.expression)


def test_keyframes_that_cannot_be() -> None:
    with pytest.raises(StructureError, match="only the head"):
        keyframed(coeff(), KeyframeOptions(smile="0.05"))
    with pytest.raises(OptionError, match="yaw"):
        keyframed(lite(), KeyframeOptions(yaw="0:0, 1:90"))
    with pytest.raises(OptionError, match="mode"):
        KeyframeOptions(mode="both")

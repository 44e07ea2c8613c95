"""Motions are values: retimed, shifted, joined, mixed and scaled without surprises."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.structures import Coeff3DMM, LiteMotion
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


def lite(length: int = 10, seed: int = 0, fps: Fraction = FPS) -> LiteMotion:
    generator = torch.Generator().manual_seed(seed)
    rest = LiteMotion.rest(length, fps)
    return dataclasses.replace(
        rest,
        **{
            f.name: torch.randn(getattr(rest, f.name).shape, generator=generator)
            for f in dataclasses.fields(rest)
            if f.name != "fps"
        },
    )


def coeff(length: int = 10, seed: int = 0, columns: int = 73) -> Coeff3DMM:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(length, columns, generator=generator)
    return Coeff3DMM.from_rows(rows, FPS, torch.ones(1, 80))


def numbers(motion: LiteMotion | Coeff3DMM) -> Tensor:
    if isinstance(motion, Coeff3DMM):
        return motion.rows()
    fields = [f.name for f in dataclasses.fields(motion) if f.name != "fps"]
    return torch.cat([getattr(motion, f).reshape(len(motion), -1) for f in fields], 1)


MOTIONS = [lite(), coeff(), coeff(columns=70)]


@pytest.mark.parametrize("motion", MOTIONS, ids=["lite", "coeff73", "coeff70"])
def test_retime(motion: LiteMotion | Coeff3DMM) -> None:
    double = retime(motion, Fraction(50))
    assert len(double) == 20
    assert double.fps == 50
    assert torch.equal(numbers(double)[::2], numbers(motion))
    between = (numbers(motion)[3] + numbers(motion)[4]) / 2
    torch.testing.assert_close(numbers(double)[7], between)
    assert torch.equal(numbers(double)[19], numbers(motion)[9])  # the end is held
    assert torch.equal(numbers(retime(double, FPS)), numbers(motion))
    assert torch.equal(numbers(retime(motion, FPS)), numbers(motion))
    ntsc = retime(motion, Fraction(30000, 1001))
    assert len(ntsc) == math.ceil(10 / 25 * 30000 / 1001)
    assert len(retime(motion, Fraction(30), 17)) == 17
    if isinstance(motion, Coeff3DMM):
        assert motion.identity is not None
        assert torch.equal(retime(motion, Fraction(30)).identity, motion.identity)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="fps"):
        retime(motion, Fraction(0))


def test_retime_keeps_its_place_for_hours() -> None:
    long = dataclasses.replace(LiteMotion.rest(90000, FPS), open=torch.arange(90000.0))
    slow = retime(long, Fraction(24))
    assert slow.open[24 * 3000] == 25 * 3000
    assert slow.open[-1] == pytest.approx((len(slow) - 1) * 25 / 24, abs=0.01)


@pytest.mark.parametrize("motion", MOTIONS, ids=["lite", "coeff73", "coeff70"])
def test_offset(motion: LiteMotion | Coeff3DMM) -> None:
    later = numbers(offset(motion, 0.08))
    assert torch.equal(later[2:], numbers(motion)[:-2])
    assert torch.equal(later[0], numbers(motion)[0])
    earlier = numbers(offset(motion, Fraction(-1, 25)))
    assert torch.equal(earlier[:-1], numbers(motion)[1:])
    half = numbers(offset(motion, 0.02))
    torch.testing.assert_close(half[5], (numbers(motion)[4] + numbers(motion)[5]) / 2)
    with pytest.raises(OptionError, match="finite"):
        offset(motion, math.nan)


def test_concatenate() -> None:
    a, b = lite(4), lite(3, seed=1)
    joined = concatenate([a, b])
    assert torch.equal(numbers(joined), torch.cat((numbers(a), numbers(b))))
    eased = concatenate([a, b], ease_s=0.08)
    assert torch.equal(numbers(eased)[:2], numbers(a)[:2])
    assert torch.equal(numbers(eased)[4:], numbers(b))
    jump = (numbers(joined)[4] - numbers(joined)[3]).norm()
    assert (numbers(eased)[4] - numbers(eased)[3]).norm() < 0.5 * jump
    mixed = concatenate([coeff(2), coeff(2, columns=70)])
    assert mixed.crop is None
    assert mixed.identity is not None
    with pytest.raises(StructureError, match="one frame rate"):
        concatenate([a, lite(3, fps=Fraction(30))])
    with pytest.raises(StructureError, match="one type"):
        concatenate([a, coeff()])  # type: ignore[list-item]
    with pytest.raises(StructureError, match="at least one"):
        concatenate([])


def test_loop() -> None:
    motion = coeff(4)
    long = loop(motion, 10)
    assert torch.equal(numbers(long), numbers(motion).repeat(3, 1)[:10])
    assert torch.equal(numbers(loop(motion, 3)), numbers(motion)[:3])
    soft = numbers(loop(motion, 8, ease_s=0.04))
    torch.testing.assert_close(soft[3], (numbers(motion)[3] + numbers(motion)[0]) / 2)
    assert torch.equal(soft[7], numbers(motion)[3])  # nothing follows the last
    with pytest.raises(StructureError, match="of 0"):
        loop(motion[:0], 5)


@pytest.mark.parametrize(("a", "b"), [(lite(6, 1), lite(6, 2)), (coeff(6, 1), coeff(6, 2))])
def test_blend(a: LiteMotion | Coeff3DMM, b: LiteMotion | Coeff3DMM) -> None:
    assert torch.equal(numbers(blend(a, b, 0.0)), numbers(a))
    assert torch.equal(numbers(blend(a, b, 1.0)), numbers(b))
    torch.testing.assert_close(numbers(blend(a, b, 0.25)), 0.75 * numbers(a) + 0.25 * numbers(b))
    ramp = torch.linspace(0, 1, 6)
    both = blend(a, b, {"head": ramp})
    assert torch.equal(both.rotation_rad[-1], b.rotation_rad[-1])
    torch.testing.assert_close(
        both.translation[2], torch.lerp(a.translation, b.translation, 0.4)[2]
    )
    face = regions_of(a)["face"]
    assert all(torch.equal(getattr(both, name), getattr(a, name)) for name in face)
    with pytest.raises(OptionError, match="no region 'feet', it has"):
        blend(a, b, {"feet": 1.0})
    with pytest.raises(StructureError, match="one length"):
        blend(a, b[:3], 0.5)
    with pytest.raises(StructureError, match="one per frame"):
        blend(a, b, torch.zeros(5))


def test_gain() -> None:
    motion = lite()
    wide = gain(motion, {"mouth": 2.0, "head": 0.0})
    torch.testing.assert_close(wide.open, 2 * motion.open)
    assert not wide.rotation_rad.any()
    assert torch.equal(wide.lids, motion.lids)
    assert torch.equal(numbers(gain(motion, 1.0)), numbers(motion))
    absolute = coeff()
    calm = gain(absolute, {"head": 0.0, "expression": 1.5})
    assert torch.equal(calm.rotation_rad, absolute.rotation_rad[:1].expand(10, -1))
    assert torch.equal(calm.crop, absolute.crop[:1].expand(10, -1))  # type: ignore[index,arg-type]
    torch.testing.assert_close(calm.expression, 1.5 * absolute.expression)
    with pytest.raises(OptionError, match="no region 'mouth'"):
        gain(absolute, {"mouth": 1.0})


def test_smooth() -> None:
    rest = LiteMotion.rest(41, FPS)
    pulse, line = torch.zeros(41), torch.arange(41.0)
    pulse[20] = 1.0
    motion = dataclasses.replace(rest, open=pulse, jaw=line, lids=torch.stack((pulse, line), 1))
    calm = smooth(motion, 0.08)
    assert float(calm.open.sum()) == pytest.approx(1.0)
    spread = (calm.open * (line - 20).square()).sum().sqrt() / 25
    assert float(spread) == pytest.approx(0.08, rel=0.05)
    torch.testing.assert_close(calm.jaw[10:-10], line[10:-10])
    torch.testing.assert_close(calm.lids[:, 0], calm.open)
    only = smooth(motion, 0.08, ["eyes"])
    assert torch.equal(only.open, motion.open)
    assert torch.equal(only.lids, calm.lids)
    assert smooth(motion, 0.0) is motion
    with pytest.raises(OptionError, match="seconds"):
        smooth(motion, -1.0)


def test_arguments_stay_as_they_are() -> None:
    motion = coeff()
    before = numbers(motion).clone()
    for edited in (
        gain(motion, 2.0),
        smooth(motion, 0.1),
        loop(motion, 30, 0.1),
        offset(motion, 1),
    ):
        assert torch.equal(numbers(motion), before)
        assert edited.fps == FPS

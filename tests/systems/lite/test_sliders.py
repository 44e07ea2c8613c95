"""Sliders on the built-in engine: each does its own thing, untouched ones do nothing."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.ratios import opening_ratios
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.options import option_specs
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite.config import LiteDriveOptions, LiteRenderOptions
from sadtalker_core.systems.lite.pipeline import drive, prepare, still_mouth
from sadtalker_core.systems.lite.render import PreparedPortrait
from sadtalker_core.systems.lite.sliders import slider_motion

FPS = Fraction(25)
SPECS = option_specs(ExpressionSliders)


@pytest.fixture(scope="module")
def rgb(demo_portrait: Path) -> Tensor:
    return read_picture(demo_portrait).flattened()


@pytest.fixture(scope="module")
def face(rgb: Tensor) -> Face:
    return find_faces(load_face_nets(), rgb)[0]


@pytest.fixture(scope="module")
def portrait(rgb: Tensor, face: Face) -> PreparedPortrait:
    """A broad smile that shows teeth."""
    return still_mouth(prepare(rgb, face, LiteRenderOptions()))


def moved(portrait: PreparedPortrait, **values: float) -> LiteMotion:
    return slider_motion(ExpressionSliders.of(**values), 1, FPS, portrait)


def changed(motion: LiteMotion) -> set[str]:
    return {
        field.name
        for field in dataclasses.fields(motion)
        if field.name != "fps" and bool((getattr(motion, field.name) != 0).any())
    }


# What each slider changes, and the sign of the first of it at the slider's highest value.
CHANGES: dict[str, tuple[set[str], float]] = {
    "rotate_pitch": ({"rotation_rad"}, 1),
    "rotate_yaw": ({"rotation_rad"}, 1),
    "rotate_roll": ({"rotation_rad"}, 1),
    "blink": ({"lids"}, -1),
    "eyebrow": ({"brows"}, 1),
    "wink": ({"lids", "corners", "brows", "rotation_rad"}, 1),
    "pupil_x": ({"gaze"}, 1),
    "pupil_y": ({"gaze", "lids"}, -1),
    "aaa": ({"open", "jaw", "rotation_rad"}, 1),
    "eee": ({"width", "open", "corners"}, 1),
    "woo": ({"pucker", "width"}, 1),
    "smile": ({"corners", "width"}, 1),
    "pouting": ({"pucker"}, 1),
    "mov_x": ({"translation"}, -1),
    "mov_y": ({"translation"}, 1),
    "mov_z": ({"translation"}, 1),
    "eyes_open_ratio": ({"lids"}, -1),
    "lip_open_ratio": ({"open", "jaw"}, 1),
}
FIRST = {
    "pupil_y": "gaze",
    "wink": "lids",
    "aaa": "open",
    "eee": "width",
    "woo": "pucker",
    "smile": "corners",
    "lip_open_ratio": "open",
}


@pytest.mark.parametrize("name", [spec.name for spec in SPECS])
def test_each_slider_changes_its_own_controls(portrait: PreparedPortrait, name: str) -> None:
    spec = next(spec for spec in SPECS if spec.name == name)
    assert spec.high is not None
    motion = moved(portrait, **{name: spec.high})
    names, sign = CHANGES[name]
    assert changed(motion) == names
    value = getattr(motion, FIRST.get(name, next(iter(names))))
    largest = value.flatten()[value.abs().argmax()]
    assert float(largest) * sign > 0


def test_sliders_that_may_be_negative_go_both_ways(portrait: PreparedPortrait) -> None:
    for name, control in (("smile", "corners"), ("blink", "lids"), ("eyebrow", "brows")):
        spec = next(spec for spec in SPECS if spec.name == name)
        low, high = (
            getattr(moved(portrait, **{name: float(end or 0)}), control).sum()
            for end in (spec.low, spec.high)
        )
        assert float(low * high) < 0, name


def test_a_wink_closes_the_viewers_left_eye(portrait: PreparedPortrait) -> None:
    lids = moved(portrait, wink=25).lids[0].tolist()
    assert lids[0] == pytest.approx(1.0)
    assert lids[1] < 0.2


def test_untouched_sliders_leave_the_motion_and_the_picture(
    portrait: PreparedPortrait, rgb: Tensor
) -> None:
    base = dataclasses.replace(LiteMotion.rest(3, FPS), open=torch.tensor([0.0, 0.3, 0.1]))
    assert slider_motion(ExpressionSliders(), 3, FPS, portrait, base) is base
    one = slider_motion(ExpressionSliders.of(smile=1), 3, FPS, portrait, base)
    assert one.open is base.open
    stream = drive(portrait, None, LiteDriveOptions(), ExpressionSliders(), 1, FPS, Runtime())
    assert torch.equal(stream.collect().frames[0], rgb)


def test_sliders_add_to_a_motion_within_what_can_be_shown(portrait: PreparedPortrait) -> None:
    base = dataclasses.replace(LiteMotion.rest(1, FPS), open=torch.tensor([0.05]))
    assert slider_motion(ExpressionSliders.of(aaa=20), 1, FPS, portrait, base).open[0] > 0.08
    wide = slider_motion(ExpressionSliders.of(aaa=120), 1, FPS, portrait, base)
    assert wide.open[0] <= 0.1801


def test_sliders_move_over_time(portrait: PreparedPortrait) -> None:
    sliders = ExpressionSliders.of(smile="0:0, 1:1", rotate_yaw=10)
    motion = slider_motion(sliders, 51, FPS, portrait)
    assert motion.corners[0] == 0
    assert motion.corners[25] == pytest.approx(float(motion.corners[50]))
    assert 0 < float(motion.corners[12]) < float(motion.corners[25])
    assert motion.rotation_rad[:, 1].tolist() == pytest.approx([0.17453] * 51, abs=1e-4)
    later = slider_motion(sliders, 1, FPS, portrait, start=12)
    assert later.corners[0] == pytest.approx(float(motion.corners[12]), rel=1e-5)


def test_ratios_say_how_far_open(portrait: PreparedPortrait, face: Face) -> None:
    eyes, lips = opening_ratios(face)
    same = moved(portrait, eyes_open_ratio=float(eyes.mean()), lip_open_ratio=float(lips))
    assert same.lids.abs().max() < 0.15
    assert same.open.abs().max() < 1e-4
    shut = moved(portrait, eyes_open_ratio=0, lip_open_ratio=0)
    assert shut.lids.min() > 0.97
    assert shut.open[0] < -0.05
    closing = dataclasses.replace(portrait, closes_mouth=True)
    assert moved(closing, lip_open_ratio=0).open[0] == 0


def test_lips_that_stand_open_can_be_closed(portrait: PreparedPortrait, rgb: Tensor) -> None:
    def drawn(**values: float) -> Tensor:
        sliders = ExpressionSliders.of(**values)
        stream = drive(portrait, None, LiteDriveOptions(), sliders, 1, FPS, Runtime())
        return stream.collect().frames[0]

    nets = load_face_nets()
    ratios = [
        float(opening_ratios(find_faces(nets, frame)[0])[1])
        for frame in (rgb, drawn(lip_open_ratio=0), drawn(lip_open_ratio=0.5))
    ]
    assert ratios[1] < 0.5 * ratios[0]
    assert ratios[2] > 1.3 * ratios[0]


def test_what_cannot_be_is_refused(portrait: PreparedPortrait) -> None:
    with pytest.raises(OptionError, match="smile"):
        moved(portrait, smile=2)
    with pytest.raises(StructureError, match="2 frames, 3"):
        slider_motion(ExpressionSliders(), 3, FPS, portrait, LiteMotion.rest(2, FPS))

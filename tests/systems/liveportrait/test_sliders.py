"""Slider tables and what our sliders, the panel and the editor make of them."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.geometry.pose import degrees_liveportrait, rotation_liveportrait
from sadtalker_core.options import option_specs
from sadtalker_core.systems.liveportrait.config import LivePortraitMotionOptions
from sadtalker_core.systems.liveportrait.editor import (
    SAMPLE_PARTS,
    ExpressionChange,
    apply_sliders,
    editor_change,
    editor_points,
    panel_points,
    slid_motion,
    slider_values,
)
from sadtalker_core.systems.liveportrait.motion import drive
from sadtalker_core.systems.liveportrait.points import SourcePoints
from sadtalker_core.systems.liveportrait.retarget import FaceRatios, RetargetNets
from sadtalker_core.systems.liveportrait.sliders import (
    EDITOR,
    PANEL,
    SLIDERS,
    Slider,
    pushed,
    still_values,
    turned,
)
from sadtalker_core.systems.liveportrait.video_panel import opened_lips, silent_lips

PUBLISHED = Path(__file__).parents[2] / "parity" / "data" / "liveportrait" / "sliders.json"
TURNS = {"pitch": 0, "yaw": 1, "roll": 2}


def faces(frames: int = 1, seed: int = 0) -> SourcePoints:
    generator = torch.Generator().manual_seed(seed)
    return SourcePoints.of_pose(
        torch.randn(frames, 21, 3, generator=generator) * 0.3,
        torch.randn(frames, 21, 3, generator=generator) * 0.03,
        torch.randn(frames, 3, generator=generator) * 8,
        torch.randn(frames, 3, generator=generator) * 0.1,
        1.3 + torch.rand(frames, 1, generator=generator) * 0.2,
    )


def nets() -> RetargetNets:
    """Small linear maps in the networks' places; they answer to every number they are given."""

    def net(seed: int, inputs: int, outputs: int) -> Any:
        generator = torch.Generator().manual_seed(seed)
        weight = torch.randn(inputs, outputs, generator=generator) * 0.01
        return lambda x: x @ weight

    return RetargetNets(net(1, 126, 65), net(2, 66, 63), net(3, 65, 63))


RATIOS = FaceRatios(torch.tensor([[0.31, 0.28]]), torch.tensor([[0.07]]))


def _published(entry: dict[str, Any]) -> Slider:
    low, high, default, step = entry["range"]
    above = entry.get("add_if_positive", entry.get("add", []))
    below = entry.get("add_else")
    degrees = [0.0, 0.0, 0.0]
    turns = entry.get("adds_degrees", {})
    for name, amount in ({turns: 1} if isinstance(turns, str) else turns).items():
        degrees[TURNS[name]] = amount
    return Slider(
        *(low, high, default, step),
        tuple(sorted(map(tuple, above))),
        None if below is None else tuple(sorted(map(tuple, below))),
        (degrees[0], degrees[1], degrees[2]),
    )


@pytest.mark.parametrize(
    ("ours", "theirs"), [(PANEL, "gradio_retargeting"), (EDITOR, "expression_editor")]
)
def test_tables_are_the_published_ones(ours: dict[str, Slider], theirs: str) -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))[theirs]
    assert ours.keys() == published.keys()
    for name, slider in ours.items():
        below = slider.pushes_below
        ordered = dataclasses.replace(
            slider,
            pushes=tuple(sorted(slider.pushes)),
            pushes_below=None if below is None else tuple(sorted(below)),
        )
        assert ordered == _published(published[name]), name


def test_every_slider_of_the_options_is_in_the_table_and_does_something() -> None:
    specs = {spec.name: spec for spec in option_specs(ExpressionSliders)}
    assert specs.keys() == SLIDERS.keys()
    source = faces()
    for name, spec in specs.items():
        for value in (spec.low, spec.high):
            assert value is not None
            values = slider_values(ExpressionSliders.of(**{name: value}), torch.zeros(1))
            moved = apply_sliders(source, values, RATIOS, nets(), stitching=False)
            assert not torch.equal(moved, source.x) or value == 0, (name, value)


def test_untouched_sliders_leave_every_frame_to_the_bit() -> None:
    source = faces(4)
    for stitching in (True, False):
        values = slider_values(ExpressionSliders(), torch.arange(4.0))
        assert not values
        assert torch.equal(apply_sliders(source, values, None, nets(), stitching), source.x)
        resting = slider_values(
            ExpressionSliders.of(smile=0, rotate_yaw=0, mov_z=1), torch.zeros(4)
        )
        assert torch.equal(apply_sliders(source, resting, None, nets(), stitching), source.x)


def test_frames_before_a_keyframe_are_left_alone_and_the_others_move() -> None:
    source = faces(5)
    sliders = ExpressionSliders(smile="0:0, 1:0, 2:1.2", rotate_yaw="0:0, 1:0, 2:10")
    values = slider_values(sliders, torch.arange(5) / 2)
    points = apply_sliders(source, values, None, nets())
    assert torch.equal(points[:3], source.x[:3])
    moved = (points[3:] - source.x[3:]).abs().amax((1, 2))
    assert bool((moved > 1e-3).all())
    # each frame by itself gives the same: nothing leaks from one to the next
    for k in range(5):
        row = {name: value[k : k + 1] for name, value in values.items()}
        one = apply_sliders(source[k : k + 1], row, None, nets())
        torch.testing.assert_close(one, points[k : k + 1], rtol=0, atol=1e-6)


def test_one_picture_over_time_and_lengths_that_differ() -> None:
    values = slider_values(ExpressionSliders(blink="0:0, 1:-20"), torch.linspace(0, 1, 6))
    points = apply_sliders(faces(), values, stitching=False)
    assert points.shape == (6, 21, 3)
    assert torch.equal(points[0], faces().x[0])
    with pytest.raises(StructureError, match=r"\[4, 6\]"):
        apply_sliders(faces(4), values, stitching=False)


def test_a_turn_is_in_degrees_on_top_of_the_sources_own() -> None:
    source = faces()
    values = still_values({"rotate_pitch": 5, "rotate_yaw": 7, "rotate_roll": -3})
    degrees = source.pitch_yaw_roll_deg + torch.tensor([[5.0, -7.0, -3.0]])
    shift = source.t * torch.tensor([1.0, 1.0, 0.0])
    wanted = source.scale[:, None] * (
        source.kp @ rotation_liveportrait(degrees) + source.exp
    ) + shift[:, None]  # fmt: skip
    torch.testing.assert_close(apply_sliders(source, values, stitching=False), wanted)


def test_movement_and_size() -> None:
    source = faces()
    moved = apply_sliders(source, still_values({"mov_x": 0.1, "mov_y": 0.05}), stitching=False)
    change = (moved - source.x)[0] / source.scale
    wanted = torch.zeros(21, 3)
    wanted[5] = torch.tensor([-0.1, 0.05, 0.0])
    torch.testing.assert_close(change, wanted, rtol=0, atol=1e-6)
    larger = apply_sliders(source, still_values({"mov_z": 1.1}), stitching=False)
    centre = source.t[:, None] * torch.tensor([1.0, 1.0, 0.0])
    torch.testing.assert_close(larger - centre, 1.1 * (source.x - centre))


def test_brows_differ_up_and_down() -> None:
    like = faces().exp
    up = pushed(SLIDERS, {"eyebrow": torch.tensor([4.0])}, like, 1)
    both = pushed(SLIDERS, {"eyebrow": torch.tensor([4.0, -4.0, 0.0])}, like, 3)
    assert torch.equal(both[0], up[0])
    torch.testing.assert_close(both[0, 1], torch.tensor([0.0, 0.004, 0.0]))
    torch.testing.assert_close(both[1, 1], torch.tensor([0.004, -0.0012, 0.0]))
    assert not both[2].any()
    assert not turned(SLIDERS, {"eyebrow": torch.tensor([4.0])}, like, 1).any()


def test_ratios_ask_their_networks() -> None:
    source, small = faces(), nets()
    still = source.x.flatten(1)
    eyes = apply_sliders(source, still_values({"eyes_open_ratio": 0.5}), RATIOS, small, False)
    wanted = small.eye(torch.cat([still, torch.tensor([[0.31, 0.28, 0.5]])], 1))
    torch.testing.assert_close((eyes - source.x).flatten(1), wanted)
    lips = apply_sliders(source, still_values({"lip_open_ratio": 0.0}), RATIOS, small, False)
    wanted = small.lip(torch.cat([still, torch.tensor([[0.07, 0.0]])], 1))
    torch.testing.assert_close((lips - source.x).flatten(1), wanted)
    with pytest.raises(StructureError, match="lip_open_ratio needs"):
        apply_sliders(source, still_values({"lip_open_ratio": 0.0}), None, small)
    with pytest.raises(StructureError, match="stitching needs its network"):
        apply_sliders(source, still_values({"smile": 1.0}))


def test_unknown_sliders_are_named() -> None:
    with pytest.raises(OptionError, match="no slider 'grin' here"):
        apply_sliders(faces(), still_values({"grin": 1.0}), stitching=False)
    with pytest.raises(OptionError, match="smile has the value 3"):
        slider_values(ExpressionSliders(smile="3"), torch.zeros(1))


def test_the_panel_keeps_the_translations_depth() -> None:
    source = faces()
    points = panel_points(source, {}, stitching=False)
    depth = torch.zeros(1, 1, 3)
    depth[..., 2] = source.t[0, 2]
    torch.testing.assert_close(points, source.x + depth)


def test_the_editor_turns_the_expression_along() -> None:
    source = faces()
    change = editor_change(still_values({"smile": 1.0, "wink": 10.0}), source.exp)
    assert change.degrees.tolist() == pytest.approx([0, -1, -1])
    points = editor_points(source, change, None, src_ratio=0.5)
    share = torch.full((21, 1), 0.5)
    share[5] = 1
    face = source.kp + share * source.exp + change.expression
    rotation = rotation_liveportrait(source.pitch_yaw_roll_deg + torch.tensor([[0.0, -1.0, -1.0]]))
    wanted = source.scale[:, None] * (face @ rotation) + source.t[:, None]
    torch.testing.assert_close(points, wanted)


@pytest.mark.parametrize("parts", SAMPLE_PARTS)
def test_parts_of_a_sample(parts: str) -> None:
    sample = faces(seed=5)
    change = editor_change({}, sample.exp, sample, parts, 0.5)
    touched = set(change.expression[0].abs().sum(1).nonzero().flatten().tolist())
    mouth, eyes = {14, 17, 19, 20}, {1, 2, 11, 13, 15, 16}
    whole = set(range(21))
    expected = {"OnlyMouth": mouth, "OnlyEyes": eyes, "OnlyRotation": set[int]()}
    assert touched == expected.get(parts, whole)
    if parts in ("OnlyExpression", "All"):
        assert change.expression[0, 5, :2].tolist() == [0, 0]
        torch.testing.assert_close(change.expression[0, 5, 2], sample.exp[0, 5, 2] / 2)
    turns = sample.pitch_yaw_roll_deg[0] / 2 if parts in ("OnlyRotation", "All") else torch.zeros(3)
    torch.testing.assert_close(change.degrees, turns)
    with pytest.raises(OptionError, match="sample_parts is 'Nose'"):
        editor_change({}, sample.exp, sample, "Nose")


def test_an_added_expression_counts_with_scale() -> None:
    source = faces()
    saved = ExpressionChange(
        torch.full((1, 21, 3), 0.01), torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.1]),
        torch.tensor([9.0, 9.0, 9.0]),
    )  # fmt: skip
    change = editor_change(still_values({"rotate_pitch": 4.0}), source.exp, added=saved)
    assert change.degrees.tolist() == [5, 2, 3]
    points = editor_points(source, change, None)
    degrees = source.pitch_yaw_roll_deg + change.degrees
    face = (source.kp + source.exp + 0.01) @ rotation_liveportrait(degrees)
    wanted: Tensor = source.scale[:, None] * 1.1 * face + source.t[:, None]
    torch.testing.assert_close(points, wanted)  # the saved translation is not used
    again = ExpressionChange.from_dict(change.to_dict())
    assert torch.equal(again.expression, change.expression)


def test_lips_of_a_video() -> None:
    source = faces(6)
    ratios = FaceRatios(torch.rand(6, 2), torch.rand(6, 1))
    sharp = opened_lips(source, ratios, 0.25, nets(), variance=0.0)
    wanted = torch.cat([source.x.flatten(1), ratios.lip, torch.full((6, 1), 0.25)], 1)
    torch.testing.assert_close((sharp - source.x).flatten(1), nets().lip(wanted))
    calm = opened_lips(source, ratios, 0.25, nets(), variance=1e-2)
    assert (calm - source.x).diff(dim=0).abs().mean() < (sharp - source.x).diff(dim=0).abs().mean()
    silent = silent_lips(source)
    other = silent_lips(dataclasses.replace(source, exp=source.exp + 0.01))
    touched = (silent - other).abs().amax((0, 2)) > 1e-4
    assert touched.nonzero().flatten().tolist() == [11, 13, 15, 16, 18]


def test_a_driver_with_sliders_on_top() -> None:
    driver = faces(4, seed=3).motion(Fraction(25))
    assert torch.equal(slid_motion(driver, {}).rotation, driver.rotation)
    values = slider_values(
        ExpressionSliders(smile="0:0, 0.08:0, 0.12:1", rotate_pitch="0:0, 0.08:0, 0.12:6"),
        torch.arange(4) / 25,
    )
    moved = slid_motion(driver, values)
    for name in ("expression", "rotation", "translation", "scale"):
        assert torch.equal(getattr(moved, name)[:3], getattr(driver, name)[:3])
    change = moved.expression[3] - driver.expression[3]
    torch.testing.assert_close(change[14, 1], torch.tensor(-0.02), rtol=0, atol=1e-6)
    degrees = degrees_liveportrait(moved.rotation[3]) - degrees_liveportrait(driver.rotation[3])
    torch.testing.assert_close(degrees, torch.tensor([6.0, 0.0, 0.0]), rtol=0, atol=1e-3)
    larger = slid_motion(driver, still_values({"mov_z": 1.1}))
    torch.testing.assert_close(larger.scale, driver.scale * 1.1)
    # driven in relative motion, the portrait gets the sliders' change beside the driver's
    source = faces()
    options = LivePortraitMotionOptions(driving_option="pose-friendly")
    plain, with_smile = (
        drive(source, motion, options, nets(), stitching=False, first=driver[:1]).driving
        for motion in (driver, slid_motion(driver, still_values({"smile": 1.0})))
    )
    expected = pushed(SLIDERS, {"smile": torch.ones(1)}, source.exp, 1)
    scale = source.scale * driver.scale / driver.scale[:1]
    torch.testing.assert_close(with_smile - plain, scale[:, None] * expected, rtol=0, atol=1e-5)
    with pytest.raises(OptionError, match="lip_open_ratio cannot be added"):
        slid_motion(driver, still_values({"lip_open_ratio": 0.1}))
    with pytest.raises(StructureError, match=r"one per frame \(4\)"):
        slid_motion(driver, {"smile": torch.ones(3)})

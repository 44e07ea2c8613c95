"""The command player and the process node's modes, where the goldens do not reach."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.systems.liveportrait.editor import ExpressionChange
from sadtalker_core.systems.liveportrait.player import (
    Command,
    parse_commands,
    played,
    player_points,
)
from sadtalker_core.systems.liveportrait.process_modes import process_points
from sadtalker_core.systems.liveportrait.process_options import MODES, ProcessOptions
from sadtalker_core.systems.liveportrait.retarget import FaceRatios

from .test_sliders import faces, nets


def change(amount: float) -> ExpressionChange:
    return ExpressionChange(
        torch.full((1, 21, 3), amount), torch.full((3,), amount), torch.full((1,), amount),
        torch.full((3,), amount),
    )  # fmt: skip


def test_scripts_are_read() -> None:
    text = "1 = 2:1\n\n 2=3 : 0 \n0 = 2:1\n"
    assert parse_commands(text, 2) == [Command(1, 2, 1), Command(2, 3, 0), Command(0, 2, 1)]
    assert parse_commands(" \n", 0) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 = 2", "line 1 of the script is '1 = 2'; write index = change : keep"),
        ("1 : 2 = 3", "write index"),
        ("1 = 2:1\nx = 2:1", "line 2"),
        ("3 = 2:1", r"asks for expression 3, there are 0 \(neutral\) to 2"),
        ("-1 = 2:1", "asks for expression -1"),
        ("1 = 0:1", "changes in 0 frames"),
        ("1 = 2:-1", "keeps for -1"),
        ("1 = 2.5:1", "whole numbers"),
    ],
)
def test_bad_scripts_say_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_commands(text, 2)


def test_a_script_goes_from_one_expression_to_the_next() -> None:
    script = parse_commands("1 = 2:1\n2 = 4:1\n0 = 1:0", 2)
    frames = played(script, [change(1.0), change(3.0)])
    amounts = [float(frame.scale) for frame in frames]
    assert amounts == pytest.approx([0.5, 1, 1, 1.5, 2, 2.5, 3, 3, 0], abs=1e-6)
    assert [float(frame.degrees[1]) for frame in frames] == pytest.approx(amounts)
    assert played([], []) == []
    with pytest.raises(OptionError, match="at least one expression"):
        played([Command(0, 1, 1)], [])


def test_what_ends_first_holds() -> None:
    source = faces(2)
    script = [change(0.0), change(0.01), change(0.02)]
    short = player_points(source, script, None)
    long = player_points(source, script, None, play_to_end=True)
    assert (len(short), len(long)) == (2, 3)
    assert torch.equal(long[:2], short)
    # after the end of the source its last frame stands
    alone = player_points(source[1:], script[2:], None)
    torch.testing.assert_close(long[2:], alone)
    # after the end of the script its last change stands
    held = player_points(faces(5), script[:1] + script[2:], None)
    torch.testing.assert_close(held[4:], player_points(faces(5)[4:], script[2:], None))


def test_a_driver_adds_its_change_and_then_nothing() -> None:
    source, driver = faces(), faces(3, seed=4)
    points = player_points(source, [], None, driver)
    plain = player_points(source, [], None)
    torch.testing.assert_close(points[:1], plain)
    assert not torch.allclose(points[1:2], plain)
    still = dataclasses.replace(driver, scale=driver.scale * 2)
    torch.testing.assert_close(player_points(source, [], None, still), points)  # not its scale
    with_eyes = player_points(source, [], None, driver, retargeting_eyes=1.0)
    torch.testing.assert_close(with_eyes[:1], points[:1])  # the first frame lacks it
    moved = (with_eyes - points)[1].abs().amax(1) > 1e-5
    assert set(moved.nonzero().flatten().tolist()) == {11, 13, 15, 16}
    video = faces(3)
    lost = player_points(video, [], None, driver, retargeting_mouth=1.0)
    torch.testing.assert_close(lost, player_points(video, [], None, driver))


def _process(frames: int = 4, sources: int = 1, **options: Any) -> torch.Tensor:
    source, driver = faces(sources), faces(frames, seed=2)
    ratios = FaceRatios(torch.full((sources, 2), 0.3), torch.full((sources, 1), 0.1))
    wanted = FaceRatios(torch.rand(frames, 2), torch.rand(frames, 1))
    settings: dict[str, Any] = {"stitching": False, **options}
    chosen = ProcessOptions(**settings)
    return process_points(source, driver, chosen, nets(), ratios, wanted)


@pytest.mark.parametrize("mode", MODES)
def test_modes_differ(mode: str) -> None:
    points = _process(sources=4, relative_motion_mode=mode)
    assert points.shape == (4, 21, 3)
    for other in MODES:
        if other != mode:
            assert not torch.allclose(points, _process(sources=4, relative_motion_mode=other))


@pytest.mark.parametrize(
    "options",
    [
        {"delta_multiplier": 1.5},
        {"expression_friendly": True, "relative_motion_mode": "single_frame"},
        {"expression_friendly": True, "expression_friendly_multiplier": 2.0},
        {"stitching": True},
        {"lip_zero": True},
        {"eye_retargeting": True},
        {"eye_retargeting": True, "eyes_retargeting_multiplier": 2.0},
        {"lip_retargeting": True},
        {"lip_retargeting": True, "lip_retargeting_multiplier": 2.0},
    ],
    ids=str,
)
def test_every_option_changes_something(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    without = {name: value for name, value in options.items() if "multiplier" not in name}
    base = _process(**(without if len(without) < len(options) and without else {}))
    torch.manual_seed(0)
    assert not torch.allclose(_process(**options), base, atol=1e-6)


def test_lip_zero_goes_out_for_good() -> None:
    source, driver = faces(3), faces(3, seed=2)
    lips = torch.tensor([[0.1], [0.02], [0.1]])
    ratios = FaceRatios(torch.full((3, 2), 0.3), lips)
    plain = ProcessOptions(stitching=False)
    options = dataclasses.replace(plain, lip_zero=True)
    points = process_points(source, driver, options, nets(), ratios)
    without = process_points(source, driver, plain, nets(), ratios)
    changed = (points - without).abs().amax((1, 2)) > 1e-5
    assert changed.tolist() == [True, False, False]
    lower = dataclasses.replace(options, lip_zero_threshold=0.01)
    points = process_points(source, driver, lower, nets(), ratios)
    assert bool(((points - without).abs().amax((1, 2)) > 1e-5).all())


def test_smoothing_of_a_source_video_answers_to_its_variance() -> None:
    calm = _process(8, 8, relative_motion_mode="source_video_smoothed",
                    driving_smooth_observation_variance=1e-2)  # fmt: skip
    sharp = _process(8, 8, relative_motion_mode="source_video_smoothed",
                     driving_smooth_observation_variance=1e-11)  # fmt: skip
    assert not torch.allclose(calm, sharp, atol=1e-3)


def test_a_driver_that_is_too_short_or_without_ratios() -> None:
    with pytest.raises(StructureError, match="4 frames are wanted of a driver of 3"):
        _process(3, 4, relative_motion_mode="source_video_smoothed")
    ratios = FaceRatios(torch.full((1, 2), 0.3), torch.full((1, 1), 0.1))
    with pytest.raises(StructureError, match="driver's ratios"):
        process_points(
            faces(), faces(2), ProcessOptions(eye_retargeting=True), nets(), ratios
        )  # fmt: skip

"""A driver's face as controls: known movements come back, rest is found, lost faces are bridged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, NoFaceError, OptionError
from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.measures import canonical_unit
from sadtalker_core.faces.mesh import CHEEK_SIDES, canonical_points
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite import driver_rows
from sadtalker_core.systems.lite.basis import CHIN_OF_OPEN, WIDTH_OF, lip_lift
from sadtalker_core.systems.lite.config import DRIVE_REGIONS, LiteDriveOptions, LiteRenderOptions
from sadtalker_core.systems.lite.driver import (
    find_rest,
    motion_from_driver,
    taken_over,
    track_controls,
)
from sadtalker_core.systems.lite.pipeline import drive, prepare

from .drawn_faces import FPS, drawn_face, rows_of

RAW = LiteDriveOptions(steady=0.0)
CALM = [drawn_face() for _ in range(6)]


def motion_of(*moved: dict[str, Any], options: LiteDriveOptions = RAW) -> LiteMotion:
    """Six frames of rest, then the given ones; the motion of the latter."""
    rows = rows_of([*CALM, *(drawn_face(**values) for values in moved)])
    return motion_from_driver(rows, options)[len(CALM) :]


def test_rest_is_zero() -> None:
    motion = motion_from_driver(rows_of(CALM), RAW)
    for name in ("open", "width", "corners", "pucker", "jaw", "lids", "gaze", "brows"):
        assert getattr(motion, name).abs().max() < 1e-4, name
    assert motion.rotation_rad.abs().max() < 1e-3
    assert motion.translation.abs().max() < 1e-3


def test_an_opening_mouth_is_measured() -> None:
    motion = motion_of({"opening": 0.1, "chin": 0.06}, {"opening": 0.05, "chin": 0.02})
    assert motion.open.tolist() == pytest.approx([0.1, 0.05], abs=0.004)
    # what the renderer's own opening does to the chin is taken off
    drop = motion.jaw + CHIN_OF_OPEN * motion.open
    assert drop.tolist() == pytest.approx([0.06, 0.02], abs=0.004)


def test_width_and_corners_come_back_as_the_renderer_shows_them() -> None:
    motion = motion_of({"wider": 0.1}, {"corners_up": 0.04})
    assert motion.width[0] == pytest.approx(0.1, abs=0.004)
    assert motion.corners[1] == pytest.approx(0.04, abs=0.004)
    # corners that rise also part in the renderer, so less width is asked for
    assert motion.width[1] == pytest.approx(-0.7 * 0.04, abs=0.006)


def test_pursed_lips_are_narrower_and_less_open_than_the_net_sees() -> None:
    motion = motion_of({"wider": -0.1, "opening": 0.05})
    assert motion.pucker[0] == pytest.approx(1.0, abs=0.03)
    assert motion.open[0] == pytest.approx(0.0, abs=0.005)
    narrower = motion.width[0] + WIDTH_OF["pucker"] * motion.pucker[0]
    assert narrower == pytest.approx(-0.2, abs=0.01)


def test_dark_between_pursed_lips_is_an_opening() -> None:
    faces = [*CALM, drawn_face(wider=-0.1, opening=0.05)]
    for dark, want in ((0.0, 0.0), (0.04, 0.05), (0.2, 0.185)):
        motion = motion_from_driver(rows_of(faces, dark=dark), RAW)
        assert motion.open[-1] == pytest.approx(want, abs=0.005)


def test_a_grin_without_the_jaw_lifts_the_upper_lip() -> None:
    opening = torch.tensor([0.15, 0.15, 0.0])
    lift = lip_lift(opening, torch.tensor([0.10, -0.06, 0.0]))
    assert lift[[0, 2]].abs().max() == 0
    assert 0.02 < float(lift[1]) < 0.08


def test_lids_close_each_on_its_own() -> None:
    motion = motion_of({"lids": (1.0, 0.0)}, {"lids": (0.0, 1.0)}, {"lids": (0.5, 0.5)})
    assert motion.lids[0].tolist() == pytest.approx([1.0, 0.0], abs=0.05)
    assert motion.lids[1].tolist() == pytest.approx([0.0, 1.0], abs=0.05)
    assert motion.lids[2].tolist() == pytest.approx([0.5, 0.5], abs=0.05)


def test_gaze_is_in_e_and_held_while_both_eyes_are_shut() -> None:
    motion = motion_of(
        {"gaze": (0.04, 0.0)},
        {"gaze": (-0.05, 0.02), "lids": (0.95, 0.95)},
        {"gaze": (0.04, 0.0)},
        {"gaze": (0.0, 0.02)},
    )
    assert motion.gaze[0].tolist() == pytest.approx([0.04, 0.0], abs=0.004)
    assert motion.gaze[1].tolist() == pytest.approx([0.04, 0.0], abs=0.004)
    assert motion.gaze[3].tolist() == pytest.approx([0.0, 0.02], abs=0.004)


def test_an_eye_that_winks_does_not_look() -> None:
    rows = rows_of([*CALM, drawn_face(gaze=(0.04, 0.0), lids=(1.0, 0.0))])
    rows.irises[-1, 0] = torch.tensor([-0.2, 0.2])  # what a net finds under a closed lid
    assert motion_from_driver(rows, RAW).gaze[-1].tolist() == pytest.approx([0.04, 0.0], abs=0.01)


def test_brows_rise_each_on_its_own() -> None:
    motion = motion_of({"brows": (0.05, -0.02)})
    assert motion.brows[0].tolist() == pytest.approx([0.07, -0.028], abs=0.003)


def test_spectacles_are_not_brows() -> None:
    faces = [*CALM, drawn_face()]
    faces[-1].eyes_px[:, -20:, 1] += 20.0  # the iris net finds the rim, 0.2 E lower
    brows = motion_from_driver(rows_of(faces), RAW).brows[-1]
    assert float(brows.abs().max()) < 0.03


def test_brows_that_seem_to_rise_with_a_nod_do_not() -> None:
    brows = motion_of({"angles": (0.2, 0.0, 0.0)}).brows[0].tolist()
    assert brows == pytest.approx([-0.016] * 2, abs=1e-3)


def test_turning_as_the_renderer_turns_is_no_translation() -> None:
    shape = canonical_points().double() / canonical_unit()
    ears = shape[list(CHEEK_SIDES)].mean(0)
    turn_about = (float(ears[0]), float(ears[1]) + 0.25, float(ears[2]))
    lean_about = (float(ears[0]), float(ears[1]) + 1.1, float(ears[2]))
    motion = motion_of(
        {"angles": (0.1, 0.15, 0.0), "pivot_e": turn_about},
        {"angles": (0.0, 0.0, 0.1), "pivot_e": lean_about},
        {"size": 1.07, "pivot_e": lean_about},
        {"shift": (0.1, -0.05)},
    )
    want = torch.tensor([[0.1, 0.15, 0.0], [0.0, 0.0, 0.1], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(motion.rotation_rad, want, atol=2e-3, rtol=0)
    moved = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.2], [0.1, -0.05, 0.0]])
    torch.testing.assert_close(motion.translation, moved, atol=4e-3, rtol=0)


def test_rest_of_a_turned_head_counts_only_the_change() -> None:
    turned: dict[str, Any] = {"angles": (0.1, 0.3, 0.05)}
    rows = rows_of([*(drawn_face(**turned) for _ in range(6)), drawn_face(angles=(0.1, 0.2, 0.05))])
    motion = motion_from_driver(rows, RAW)
    assert motion.rotation_rad[:6].abs().max() < 2e-3
    assert motion.rotation_rad[6, 1] == pytest.approx(-0.1, abs=0.01)


def test_the_eye_behind_a_turned_nose_does_what_the_other_does() -> None:
    far = {"angles": (0.0, 0.6, 0.0), "lids": (0.0, 0.9)}  # turned to the viewer's right
    near = {"angles": (0.0, 0.05, 0.0), "lids": (0.0, 0.9)}
    motion = motion_of(far, near)
    assert motion.lids[0].abs().max() < 0.15
    assert motion.lids[1, 1] > 0.75


def test_rest_is_found_among_talk_and_blinks_or_taken_from_the_first_frame() -> None:
    talk = [
        drawn_face(opening=0.1 * (k % 3), lids=(float(k % 4 == 1), float(k % 4 == 1)))
        for k in range(24)
    ]
    rows = rows_of([drawn_face(opening=0.2), *talk])
    auto, first = find_rest(rows), find_rest(rows, "first")
    calm = rows_of(CALM[:1]).measures[0]
    torch.testing.assert_close(auto.measures, calm, atol=1e-3, rtol=0)
    assert first.measures[0] == pytest.approx(float(calm[0]) + 0.2, abs=0.01)
    options = LiteDriveOptions(neutral="first", steady=0.0)
    assert motion_from_driver(rows, options).open[0] > 0.1  # open is the gap, not its change
    assert motion_from_driver(rows, options).jaw[0] < 0


def test_a_lost_face_is_held_then_goes_to_where_it_is_found() -> None:
    faces = [
        *CALM,
        *(drawn_face(opening=0.1) for _ in range(20)),
        *(drawn_face() for _ in range(4)),
    ]
    lost = tuple(range(8, 26))
    motion = motion_from_driver(rows_of(faces, lost), RAW)
    assert motion.open[:6].abs().max() < 1e-3
    assert motion.open[8:16].tolist() == pytest.approx([0.1] * 8, abs=0.004)  # held
    ease = motion.open[17:27]
    assert bool((ease.diff() <= 1e-6).all())
    assert float(ease[-1]) < 1e-3
    assert float(ease.diff().abs().max()) < 0.025


def test_trembling_goes_and_blinks_stay() -> None:
    generator = torch.Generator().manual_seed(1)
    noise = 0.01 * torch.randn(60, 2, generator=generator)
    faces = [
        drawn_face(
            angles=(float(noise[k, 0]), float(noise[k, 1]), 0.0),
            lids=(1.0, 1.0) if k in (30, 31) else (0.0, 0.0),
        )
        for k in range(60)
    ]
    rows = rows_of(faces)
    raw, calm = motion_from_driver(rows, RAW), motion_from_driver(rows, LiteDriveOptions())
    assert bool((calm.rotation_rad.std(0)[:2] < 0.65 * raw.rotation_rad.std(0)[:2]).all())
    assert calm.lids[30:32].min() > 0.9
    still = motion_from_driver(rows, LiteDriveOptions(steady=4.0))
    assert still.rotation_rad.std() < calm.rotation_rad.std()


def test_mirror_swaps_the_sides() -> None:
    moved: dict[str, Any] = {
        "lids": (1.0, 0.0),
        "brows": (0.03, 0.0),
        "gaze": (0.03, 0.01),
        "angles": (0.05, 0.1, 0.08),
        "shift": (0.1, 0.02),
    }
    plain = motion_of(moved)
    mirror = motion_of(moved, options=LiteDriveOptions(steady=0.0, mirror=True))
    for name in ("lids", "brows"):
        assert torch.equal(getattr(mirror, name), getattr(plain, name).flip(1))
    assert torch.equal(mirror.gaze, plain.gaze * torch.tensor([-1.0, 1.0]))
    assert torch.equal(mirror.rotation_rad, plain.rotation_rad * torch.tensor([1.0, -1.0, -1.0]))
    assert torch.equal(mirror.translation, plain.translation * torch.tensor([-1.0, 1.0, 1.0]))


def lively() -> LiteMotion:
    """A motion within all limits in which everything moves."""
    rest = LiteMotion.rest(2, FPS)
    values = {
        field.name: torch.full_like(getattr(rest, field.name), 0.03)
        for field in dataclasses.fields(rest)
        if field.name != "fps"
    }
    return dataclasses.replace(rest, **values)


PARTS = {
    "eyes": ("lids", "gaze"),
    "brows": ("brows",),
    "lips": ("width", "corners", "pucker", "press"),
    "jaw": ("open", "jaw"),
    "pose": ("rotation_rad",),
}


@pytest.mark.parametrize("part", PARTS)
def test_each_strength_moves_its_part_alone(part: str) -> None:
    motion = lively()
    weak = taken_over(motion, dataclasses.replace(LiteDriveOptions(), **{part: 0.5}))
    plain = taken_over(motion, LiteDriveOptions())
    for name in (name for names in PARTS.values() for name in names):
        factor = 0.5 if name in PARTS[part] else 1.0
        got, want = getattr(weak, name), factor * getattr(plain, name)
        torch.testing.assert_close(got, want, msg=lambda text, name=name: f"{name}: {text}")


def test_pose_shifts_and_scale_grows() -> None:
    no_pose = taken_over(lively(), LiteDriveOptions(pose=0.0)).translation[0].tolist()
    no_scale = taken_over(lively(), LiteDriveOptions(scale=0.0)).translation[0].tolist()
    assert no_pose == pytest.approx([0.0, 0.0, 0.03])
    assert no_scale == pytest.approx([0.03, 0.03, 0.0])


@pytest.mark.parametrize("region", DRIVE_REGIONS)
def test_a_region_moves_alone(region: str) -> None:
    motion = taken_over(lively(), LiteDriveOptions(region=region))
    for part, names in PARTS.items():
        for name in names:
            is_moving = bool((getattr(motion, name) != 0).any())
            assert is_moving == (part in DRIVE_REGIONS[region]), name


def test_the_multiplier_scales_all_and_limits_hold() -> None:
    assert taken_over(lively(), LiteDriveOptions(multiplier=0.0)).rotation_rad.abs().max() == 0
    wild = dataclasses.replace(
        lively(), open=torch.tensor([0.3, 9.0]), lids=torch.tensor([[1.4, -2.0], [0.9, 0.0]])
    )
    shown = taken_over(wild, LiteDriveOptions())
    assert 0.13 < float(shown.open[0]) < float(shown.open[1]) <= 0.1801
    assert shown.lids.tolist() == [[1.0, pytest.approx(-0.3)], [pytest.approx(0.9), 0.0]]


def test_options_are_checked() -> None:
    with pytest.raises(OptionError, match="neutral"):
        LiteDriveOptions(neutral="last")


def test_a_portrait_driven_by_a_portrait(demo_portrait: Path) -> None:
    """The whole way with the real nets: draw a motion, track it, and find it again."""
    rgb = read_picture(demo_portrait).flattened()
    nets = load_face_nets()
    portrait = prepare(rgb, find_faces(nets, rgb)[0], LiteRenderOptions())
    t = torch.linspace(0, 2 * torch.pi, 10)
    given = dataclasses.replace(
        LiteMotion.rest(10, FPS),
        open=0.07 * (1 - torch.cos(t)),
        jaw=0.04 * (1 - torch.cos(t)),
        lids=torch.stack((torch.sin(t).clamp(min=0),) * 2, 1),
        rotation_rad=torch.stack((0 * t, 0.12 * torch.sin(t), 0 * t), 1),
    )
    frames = list(
        drive(portrait, given, LiteDriveOptions(), ExpressionSliders(), 10, FPS, Runtime())
    )

    def cut(size: int) -> Iterator[Tensor]:
        yield from torch.cat(frames).split(size)

    found = track_controls(cut(5), FPS, FaceOptions(), Runtime(), RAW, nets)
    again = track_controls(cut(3), FPS, FaceOptions(), Runtime(chunk=1), RAW, nets)
    assert (len(found), found.fps) == (10, FPS)
    assert torch.equal(found.open, again.open)
    assert torch.equal(found.gaze, again.gaze)
    for got, want in (
        (found.open, given.open),
        (found.lids.mean(1), given.lids.mean(1)),
        (found.rotation_rad[:, 1], given.rotation_rad[:, 1]),
    ):
        assert float(torch.corrcoef(torch.stack((got, want)))[0, 1]) > 0.9


def test_a_driver_without_a_face_or_frames_is_refused() -> None:
    grey = torch.full((2, 3, 64, 64), 128, dtype=torch.uint8)
    for frames, words in (([grey], "No face"), ([], "no frames")):
        with pytest.raises(NoFaceError, match=words):
            track_controls(frames, FPS, FaceOptions(), Runtime())


def test_tracking_can_be_cancelled(demo_portrait: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_rows, "_BATCH", 4)
    rgb = read_picture(demo_portrait).flattened()[:, 20:240, 110:340]
    frames = (rgb[None] for _ in range(8))
    with pytest.raises(Cancelled):
        track_controls(frames, FPS, FaceOptions(), Runtime(cancelled=lambda: True))
    assert next(frames, None) is not None

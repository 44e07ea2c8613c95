"""From a driver's motion to keypoints: formulas by case, order of steps, chunks, bad input."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError, StructureError
from sadtalker_core.structures import ImplicitMotion, KeypointTrack
from sadtalker_core.systems.liveportrait.carried import closed_lips
from sadtalker_core.systems.liveportrait.config import LivePortraitMotionOptions
from sadtalker_core.systems.liveportrait.motion import check_motion, drive
from sadtalker_core.systems.liveportrait.points import SourcePoints
from sadtalker_core.systems.liveportrait.regions import face_mask
from sadtalker_core.systems.liveportrait.retarget import (
    FaceRatios,
    combined_eyes,
    combined_lips,
    motion_multiplier,
    retargeted,
    stitched,
)
from sadtalker_core.systems.liveportrait.smoothing import smoothed

from .toy_points import FPS, faces, motion, nets, ratios

STILL, VIDEO = faces(1, 1), faces(6, 4)
DRIVER = motion(9, 2)
NETS = nets()


def options(**values: Any) -> LivePortraitMotionOptions:
    return LivePortraitMotionOptions(**values)


def driven(driver: ImplicitMotion = DRIVER, source: SourcePoints = STILL, **values: Any) -> Tensor:
    """Without stitching, unless it is asked for; arguments of ``drive`` and options together."""
    named = {field.name for field in dataclasses.fields(LivePortraitMotionOptions)}
    chosen = {name: value for name, value in values.items() if name in named}
    others = {name: value for name, value in values.items() if name not in named}
    call: dict[str, Any] = {"stitching": False, "ratios": ratios(len(source), 5), **others}
    return drive(source, driver, options(**chosen), NETS, **call).driving


def near(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want.expand_as(got), atol=2e-6, rtol=0)


def x_of(source: SourcePoints, rotation: Tensor, exp: Tensor, scale: Tensor, t: Tensor) -> Tensor:
    x = (source.kp @ rotation + exp) * scale[:, None]
    return x + torch.cat([t[:, :2], torch.zeros(len(t), 1)], 1)[:, None]


def test_relative_adds_the_change_since_the_first_frame() -> None:
    first = DRIVER[:1]
    turn = DRIVER.rotation @ first.rotation.mT @ STILL.rotation
    exp = STILL.exp + DRIVER.expression - first.expression
    scale = STILL.scale * DRIVER.scale / first.scale
    want = x_of(STILL, turn, exp, scale, STILL.t + DRIVER.translation - first.translation)
    near(driven(), want)
    near(driven()[:1], STILL.x)


def test_absolute_takes_the_drivers_own() -> None:
    exp = torch.where(face_mask(), DRIVER.expression, STILL.exp)
    want = x_of(STILL, DRIVER.rotation, exp, STILL.scale, DRIVER.translation)
    near(driven(relative=False), want)


def test_regions_of_the_head() -> None:
    pose = x_of(STILL, DRIVER.rotation, STILL.exp, STILL.scale, DRIVER.translation)
    near(driven(relative=False, region="pose"), pose)
    exp = STILL.exp + DRIVER.expression - DRIVER.expression[:1]
    near(driven(region="exp"), x_of(STILL, STILL.rotation, exp, STILL.scale, STILL.t))


def test_closed_lips_are_the_originals() -> None:
    table = closed_lips(DRIVER.expression)
    assert table[[1, 19, 20, 20], [0, 1, 1, 2]].tolist() == pytest.approx(
        [0.000208596, -0.0150906, 0.00562788, 0.00272646]
    )
    assert float(table.double().abs().sum()) == pytest.approx(0.037961758, abs=1e-8)


def test_a_driving_picture_is_compared_with_closed_lips() -> None:
    one = DRIVER[3:4]
    exp = STILL.exp + one.expression - closed_lips(one.expression)
    want = x_of(STILL, STILL.rotation, exp, STILL.scale, STILL.t)
    near(driven(one), want)
    eyes = driven(one, region="eyes")
    near(eyes[:, 11], ((STILL.x + one.expression * STILL.scale)[:, 11]))
    video = driven(one, driving_is_picture=False)
    near(video, STILL.x)
    near(driven(one, first=DRIVER[:1]), driven()[3:4])


def test_another_frame_can_be_the_drivers_rest() -> None:
    near(driven(first=DRIVER[4:5])[4], STILL.x[0])
    assert not torch.equal(driven(first=DRIVER[4:5]), driven())


def change_of(driver: ImplicitMotion) -> ImplicitMotion:
    """The driver's motion as a change against its first frame."""
    first = driver[:1]
    return dataclasses.replace(
        driver,
        expression=driver.expression - first.expression,
        rotation=driver.rotation @ first.rotation.mT,
        translation=driver.translation - first.translation,
        scale=driver.scale / first.scale,
        is_relative=True,
    )


def test_motion_that_is_a_change_is_added_as_it_is() -> None:
    later = change_of(DRIVER)[3:]  # begins anywhere
    near(driven(later), driven()[3:])
    near(driven(later[:1]), driven()[3:4])
    near(driven(later[:1], driving_is_picture=True), driven()[3:4])
    near(driven(later, first=DRIVER[:1]), driven()[3:])
    near(driven(later, animal=True, relative=False), driven()[3:])
    video = driven(change_of(DRIVER), source=VIDEO, source_is_video=True)
    near(video, driven(source=VIDEO, source_is_video=True))
    with pytest.raises(OptionError, match="is a change"):
        driven(later, relative=False)


def test_a_source_video_keeps_its_own_motion() -> None:
    calm = driven(source=VIDEO, source_is_video=True, smooth=0.0)
    count, first = len(VIDEO), DRIVER[:1]
    part = DRIVER[:count]
    exp = VIDEO.exp + part.expression - first.expression
    turn = part.rotation @ first.rotation.mT @ VIDEO.rotation
    face = torch.where(face_mask(), exp, VIDEO.exp)
    near(calm, x_of(VIDEO, turn, face, VIDEO.scale, VIDEO.t))
    smooth = torch.where(face_mask(), smoothed(exp, 1e-4), VIDEO.exp)
    want = x_of(VIDEO, smoothed(turn, 1e-4), smooth, VIDEO.scale, VIDEO.t)
    near(driven(source=VIDEO, source_is_video=True, smooth=1e-4), want)


def test_a_source_video_in_absolute_motion() -> None:
    part = DRIVER[: len(VIDEO)]
    face = torch.where(face_mask(), smoothed(part.expression, 3e-7), VIDEO.exp)
    turn = smoothed(part.rotation, 3e-7)
    want = x_of(VIDEO, turn, face, VIDEO.scale, part.translation)
    near(driven(source=VIDEO, source_is_video=True, relative=False), want)


def test_a_picture_drives_a_source_video() -> None:
    one = DRIVER[2:3]
    change = one.expression - closed_lips(one.expression)
    face = torch.where(face_mask(), VIDEO.exp + change, VIDEO.exp)
    want = x_of(VIDEO, VIDEO.rotation, face, VIDEO.scale, VIDEO.t)
    near(driven(one, source=VIDEO, source_is_video=True), want)
    face = torch.where(face_mask(), one.expression, VIDEO.exp)
    want = x_of(VIDEO, one.rotation, face, VIDEO.scale, one.translation.expand(len(VIDEO), 3))
    near(driven(one, source=VIDEO, source_is_video=True, relative=False), want)


def test_frames_and_rate() -> None:
    def made(source: SourcePoints, driver: ImplicitMotion, **values: Any) -> KeypointTrack:
        is_video = len(source) > 1
        return drive(source, driver, options(), NETS, source_is_video=is_video, **values)

    assert len(made(STILL, DRIVER)) == 9
    assert made(STILL, DRIVER).source.shape == (1, 21, 3)
    assert len(made(VIDEO, DRIVER)) == 6
    assert len(made(VIDEO, DRIVER[:4])) == 4
    assert made(VIDEO, DRIVER[:4]).source.shape == (4, 21, 3)
    assert len(made(VIDEO, DRIVER[:1])) == 6
    assert made(STILL, DRIVER).fps == FPS
    assert made(VIDEO, DRIVER, fps=Fraction(30)).fps == 30


def test_motion_is_fitted_to_the_size_of_an_animal() -> None:
    raw = x_of(STILL, DRIVER.rotation, DRIVER.expression, STILL.scale, DRIVER.translation)
    near(driven(animal=True, driving_option="pose-friendly"), raw)
    multiplier = motion_multiplier(STILL.x, raw[:1])
    assert abs(float(multiplier) - 1) > 1e-3
    want = STILL.x + multiplier * (raw - raw[:1])
    near(driven(animal=True), want)
    near(driven(animal=True, relative=False, normalize_lip=True, eye_retargeting=True), want)
    near(driven(DRIVER[5:6], animal=True), raw[5:6])  # a picture has no first frame to start from


def test_size_makes_no_difference_in_relative_motion() -> None:
    near(driven(driving_option="pose-friendly"), driven())


def test_stitching_comes_before_the_closing_of_lips() -> None:
    opening = FaceRatios(torch.full((1, 2), 0.3), torch.full((1, 1), 0.2))
    still = STILL.x.expand(9, 21, 3)
    stitch = stitched(NETS.stitching, still, driven())
    near(driven(stitching=True), stitch)
    wanted = combined_lips(opening.lip, torch.zeros(1, 1)).expand(9, 2)
    closed = stitch + retargeted(NETS.lip, still, wanted)
    near(driven(stitching=True, ratios=opening, normalize_lip=True), closed)


def test_lips_are_closed_from_the_threshold_on() -> None:
    at = FaceRatios(torch.full((1, 2), 0.3), torch.tensor([[0.03]]))
    below = FaceRatios(at.eyes, torch.tensor([[0.0299]]))
    plain = driven()
    assert not torch.equal(driven(ratios=at, normalize_lip=True), plain)
    assert torch.equal(driven(ratios=below, normalize_lip=True), plain)
    assert not torch.equal(driven(ratios=below, normalize_lip=True, lip_threshold=0.02), plain)
    absolute = driven(relative=False)
    assert torch.equal(driven(ratios=at, normalize_lip=True, relative=False), absolute)


def test_lips_of_a_source_video_are_closed_frame_by_frame() -> None:
    lips = torch.tensor([0.0, 0.2, 0.0, 0.2, 0.2, 0.0])[:, None]
    opening = FaceRatios(torch.full((6, 2), 0.3), lips)
    video: dict[str, Any] = {"source": VIDEO, "source_is_video": True}
    plain, found = driven(**video), driven(**video, ratios=opening, normalize_lip=True)
    same = (found == plain).flatten(1).all(1)
    assert same.tolist() == [True, False, True, False, False, True]


def test_retargeting_in_relative_motion_leaves_the_driver_out() -> None:
    opening = ratios(1, 5)
    still = STILL.x.expand(9, 21, 3)
    assert DRIVER.eye_ratios is not None
    assert DRIVER.lip_ratio is not None
    eyes = combined_eyes(opening.eyes.expand(9, 2), DRIVER.eye_ratios)
    lips = combined_lips(opening.lip.expand(9, 1), DRIVER.lip_ratio)
    eye, lip = retargeted(NETS.eye, still, eyes), retargeted(NETS.lip, still, lips)
    near(driven(eye_retargeting=True), still + eye)
    near(driven(lip_retargeting=True), still + lip)
    both: dict[str, Any] = {"eye_retargeting": True, "lip_retargeting": True}
    near(driven(**both), still + eye + lip)
    absolute = driven(relative=False) + eye + lip
    near(driven(relative=False, **both), absolute)
    fitted = stitched(NETS.stitching, still, absolute)
    near(driven(relative=False, stitching=True, normalize_lip=True, **both), fitted)


@pytest.mark.parametrize("follows", ["eye_retargeting", "lip_retargeting"])
def test_retargeting_leaves_out_the_other_corrections(follows: str) -> None:
    still: dict[str, Any] = {follows: True}
    assert torch.equal(driven(**still, normalize_lip=True), driven(**still))
    video: dict[str, Any] = {**still, "source": VIDEO, "source_is_video": True}
    assert torch.equal(driven(**video, source_video_eye_retargeting=True), driven(**video))


def test_a_driver_in_double_precision() -> None:
    found = driven(DRIVER.to("cpu", torch.float64))
    assert found.dtype == torch.float32
    near(found, driven())


def test_a_source_videos_eyes_are_held() -> None:
    video: dict[str, Any] = {"source": VIDEO, "source_is_video": True}
    plain = driven(**video)
    for start, target in (([0.2, 0.4], 0.3), ([0.17, 0.17], 0.39), ([0.18, 0.18], 0.18)):
        eyes = torch.rand(6, 2, generator=torch.Generator().manual_seed(1))
        eyes[0] = torch.tensor(start)
        opening = FaceRatios(eyes, torch.zeros(6, 1))
        found = driven(**video, ratios=opening, source_video_eye_retargeting=True)
        wanted = combined_eyes(eyes, torch.full((6, 1), target))
        near(found, plain + retargeted(NETS.eye, VIDEO.x, wanted))
    assert torch.equal(driven(source_video_eye_retargeting=True), driven())


def test_multiplier_comes_last() -> None:
    cases: list[dict[str, Any]] = [{}, {"relative": False}, {"animal": True}]
    for case in cases:
        whole = driven(stitching=True, **case)
        half = driven(stitching=True, multiplier=0.5, **case)
        near(half, (whole + STILL.x) / 2)
        assert torch.equal(driven(multiplier=0.0, **case), STILL.x.expand(9, 21, 3))


def test_every_option_changes_something() -> None:
    base: dict[str, Any] = dict(
        stitching=True, source=VIDEO, source_is_video=True, ratios=ratios(6, 5)
    )
    changed: dict[str, Any] = {
        **{"relative": False, "region": "lip", "multiplier": 0.5, "normalize_lip": True},
        **{"eye_retargeting": True, "lip_retargeting": True, "smooth": 1e-3},
        "source_video_eye_retargeting": True,
        **dict.fromkeys(("eyes", "brows", "lips", "jaw", "pose"), 0.5),
    }
    plain = driven(**base)
    for name, value in changed.items():
        assert not torch.equal(driven(**base, **{name: value}), plain), name
    assert not torch.equal(driven(scale=0.5), driven())
    others = {"scale", "driving_option", "lip_threshold"}  # tests of their own
    names = {field.name for field in dataclasses.fields(LivePortraitMotionOptions)}
    assert names == changed.keys() | others


@pytest.mark.parametrize(
    "name", ["normalize_lip", "eye_retargeting", "lip_retargeting", "source_video_eye_retargeting"]
)
def test_unknown_ratios_are_asked_for(name: str) -> None:
    is_video = name.startswith("source")
    source = VIDEO if is_video else STILL
    chosen = options(**{name: True})
    with pytest.raises(OptionError, match="landmarks"):
        drive(source, DRIVER, chosen, NETS, source_is_video=is_video)
    drive(STILL, DRIVER, chosen, NETS, animal=True)
    bare = dataclasses.replace(DRIVER, eye_ratios=None, lip_ratio=None)
    if "retargeting" in name and not is_video:
        with pytest.raises(OptionError, match=f"{name} needs .* driver"):
            drive(source, bare, chosen, NETS, ratios=ratios(1, 5))


def test_motions_that_cannot_drive() -> None:
    with pytest.raises(StructureError, match="no frames"):
        driven(DRIVER[:0])
    fewer = ImplicitMotion(
        torch.zeros(2, 15, 3), DRIVER.rotation[:2], torch.zeros(2, 3), torch.ones(2, 1), FPS
    )
    with pytest.raises(StructureError, match="15 keypoints"):
        driven(fewer)
    for name in ("expression", "rotation", "translation", "scale"):
        value = getattr(DRIVER, name).clone()
        value[(4, *(0 for _ in value.shape[1:]))] = float("nan")
        broken = dataclasses.replace(DRIVER, **{name: value})
        with pytest.raises(StructureError, match="frame 4 of 9"):
            check_motion(broken)


def test_sources_that_do_not_fit() -> None:
    with pytest.raises(StructureError, match="6 frames"):
        drive(VIDEO, DRIVER, options(), NETS)
    with pytest.raises(OptionError, match="animal"):
        drive(VIDEO, DRIVER, options(), NETS, animal=True, source_is_video=True)
    with pytest.raises(StructureError, match="3 ratios"):
        drive(STILL, DRIVER, options(), NETS, ratios=ratios(3, 1))
    few = dataclasses.replace(STILL, kp=STILL.kp[:, :9], exp=STILL.exp[:, :9], x=STILL.x[:, :9])
    with pytest.raises(StructureError, match="9 keypoints"):
        drive(few, DRIVER, options(), NETS)


def test_arguments_stay_as_they_are() -> None:
    before = [part.clone() for part in (*STILL.parts(), DRIVER.translation, DRIVER.expression)]
    driven(stitching=True, relative=False, pose=0.5)
    after = (*STILL.parts(), DRIVER.translation, DRIVER.expression)
    assert all(torch.equal(a, b) for a, b in zip(before, after))

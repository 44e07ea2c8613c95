"""A video as the portrait: each frame is moved on from how it is."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, NoFaceError
from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.motion_request import ReferenceVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite.config import LiteDriveOptions, LiteRenderOptions
from sadtalker_core.systems.lite.video import PreparedVideo, drive_video, prepare_video

FPS = Fraction(25)


@pytest.fixture(scope="module")
def nets() -> FaceNets:
    return load_face_nets()


@pytest.fixture(scope="module")
def scene(demo_portrait: Path) -> Tensor:
    """(3, 224, 224)"""
    return read_picture(demo_portrait).flattened()[:, :224, 114:338]


def video(frames: list[Tensor], fps: Fraction = FPS) -> ReferenceVideo:
    def chunks() -> Iterator[Tensor]:
        yield from torch.stack(frames).split(2)

    return ReferenceVideo(chunks, fps)


def walking(scene: Tensor, count: int) -> list[Tensor]:
    """The picture moves to the right, two pixels a frame."""
    return [torch.roll(scene, 2 * k, 2) for k in range(count)]


def moved(
    prepared: PreparedVideo,
    motion: LiteMotion | None,
    count: int,
    sliders: ExpressionSliders | None = None,
    runtime: Runtime | None = None,
    fps: Fraction = FPS,
) -> Tensor:
    stream = drive_video(
        prepared,
        motion,
        LiteDriveOptions(),
        sliders or ExpressionSliders(),
        count,
        fps,
        runtime or Runtime(),
    )
    return torch.cat(list(stream))


def test_untouched_frames_are_the_source(scene: Tensor, nets: FaceNets) -> None:
    frames = walking(scene, 4)
    prepared = prepare_video(video(frames), FaceOptions(), LiteRenderOptions(), Runtime(), nets)
    assert prepared.size == (224, 224)
    assert torch.equal(moved(prepared, None, 4), torch.stack(frames))
    # twice the rate shows each frame twice, and the last is held
    twice = moved(prepared, None, 10, fps=2 * FPS)
    assert torch.equal(twice[:8:2], torch.stack(frames))
    assert torch.equal(twice[1:8:2], torch.stack(frames))
    assert torch.equal(twice[9], frames[3])


def test_sliders_and_motion_follow_the_moving_face(scene: Tensor, nets: FaceNets) -> None:
    frames = walking(scene, 3)
    prepared = prepare_video(video(frames), FaceOptions(), LiteRenderOptions(), Runtime(), nets)
    blinking = moved(prepared, None, 3, ExpressionSliders.of(blink="0:0, 0.08:-20"))
    assert torch.equal(blinking[0], frames[0])
    where: list[float] = []
    for frame, source in zip(blinking[1:], frames[1:]):
        change = (frame.int() - source.int()).abs().sum(0).float()
        assert float(change.max()) > 60
        columns = change.sum(0)
        where.append(float((columns * torch.arange(224)).sum() / columns.sum()))
    assert where[1] - where[0] == pytest.approx(2.0, abs=1.5)
    opening = dataclasses.replace(LiteMotion.rest(3, FPS), open=torch.tensor([0.0, 0.0, 0.12]))
    # a driver's closed mouth closes the smile of the source
    driven = moved(prepared, opening, 1, runtime=Runtime(chunk=1))
    assert not torch.equal(driven[0], frames[0])


def test_a_motion_of_one_frame_is_held(scene: Tensor, nets: FaceNets) -> None:
    prepared = prepare_video(
        video([scene] * 2), FaceOptions(), LiteRenderOptions(), Runtime(), nets
    )
    opening = dataclasses.replace(LiteMotion.rest(1, FPS), open=torch.tensor([0.12]))
    held = dataclasses.replace(LiteMotion.rest(2, FPS), open=torch.full((2,), 0.12))
    assert torch.equal(moved(prepared, opening, 2), moved(prepared, held, 2))


def test_frames_without_the_face_stay(
    scene: Tensor, nets: FaceNets, caplog: pytest.LogCaptureFixture
) -> None:
    grey = torch.full_like(scene, 128)
    frames = [grey, scene, grey]
    quick = FaceOptions(face_search="fast")
    prepared = prepare_video(video(frames), quick, LiteRenderOptions(), Runtime(), nets)
    sliders = ExpressionSliders.of(blink=-20)
    with caplog.at_level(logging.WARNING):
        result = moved(prepared, None, 3, sliders)
    assert torch.equal(result[0], grey)
    assert not torch.equal(result[1], scene)
    assert torch.equal(result[2], grey)
    assert "2 of 3" in caplog.text


def test_a_crop_stays_in_its_place(scene: Tensor, nets: FaceNets) -> None:
    options = LiteRenderOptions(frame="crop", frame_size=96)
    prepared = prepare_video(video(walking(scene, 2)), FaceOptions(), options, Runtime(), nets)
    frames = moved(prepared, None, 2)
    assert frames.shape == (2, 3, 96, 96)
    still = prepare_video(video([scene, scene]), FaceOptions(), options, Runtime(), nets)
    assert torch.equal(*moved(still, None, 2))
    assert not torch.equal(*frames)


def test_videos_that_cannot_be_moved(scene: Tensor, nets: FaceNets) -> None:
    grey = torch.full((3, 64, 64), 128, dtype=torch.uint8)
    with pytest.raises(NoFaceError):
        prepare_video(video([grey]), FaceOptions(), LiteRenderOptions(), Runtime(), nets)
    stopped = Runtime(cancelled=lambda: True)
    with pytest.raises(Cancelled):
        prepare_video(video([grey]), FaceOptions(), LiteRenderOptions(), stopped, nets)
    prepared = prepare_video(video([scene]), FaceOptions(), LiteRenderOptions(), Runtime(), nets)
    with pytest.raises(Cancelled):
        moved(prepared, None, 1, runtime=Runtime(cancelled=lambda: True))

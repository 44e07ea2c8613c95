"""The whole way through LivePortrait with toy networks: faces, videos, places, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, FaceIndexError, OptionError
from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.motion_request import ReferenceVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import ImplicitMotion
from sadtalker_core.systems.liveportrait.config import (
    LivePortraitDriveOptions,
    LivePortraitRenderOptions,
)
from sadtalker_core.systems.liveportrait.live import animate_live
from sadtalker_core.systems.liveportrait.pipeline import animate, keypoint_tracks, read_motion
from sadtalker_core.systems.liveportrait.prepared import (
    PreparedPortrait,
    PreparedVideo,
    prepare,
    prepare_video,
)
from sadtalker_core.systems.liveportrait.retarget import RetargetNets
from sadtalker_core.systems.liveportrait.weights import LivePortraitNets

from .toy_nets import (
    EYES,
    LIPS,
    STITCHING,
    toy_motion_extractor,
    toy_render_nets,
    toy_retargeting,
)

pytestmark = pytest.mark.jobs

FPS = Fraction(25)
FLOAT32 = LivePortraitRenderOptions(precision="float32")


@pytest.fixture(scope="module")
def nets() -> LivePortraitNets:
    small = RetargetNets(
        stitching=toy_retargeting(STITCHING), eye=toy_retargeting(EYES), lip=toy_retargeting(LIPS)
    )
    return LivePortraitNets(toy_motion_extractor(), small, toy_render_nets())


@pytest.fixture(scope="module")
def pair(demo_portrait: Path) -> tuple[Tensor, list[Face]]:
    """Two people side by side in a wide picture, far from its border, and their faces."""
    one = read_picture(demo_portrait).flattened()
    rgb = torch.cat([one, one.flip(2)], 2)
    return rgb, find_faces(load_face_nets(), rgb, FaceOptions())


def turning(length: int = 3, size: float = 0.2) -> ImplicitMotion:
    """A change that opens the mouth and moves to the side."""
    push = torch.linspace(0, size, length)[:, None, None]
    return ImplicitMotion(
        push * torch.ones(length, 21, 3),
        torch.eye(3).expand(length, 3, 3),
        torch.zeros(length, 3),
        torch.ones(length, 1),
        FPS,
        is_relative=True,
    )


def frames_of(
    nets: LivePortraitNets,
    prepared: PreparedPortrait | PreparedVideo,
    motions: Sequence[ImplicitMotion],
    sliders: ExpressionSliders | None = None,
    chunk: int = 2,
    frames: int = 1,
) -> Tensor:
    stream = animate(
        nets,
        prepared,
        motions,
        LivePortraitDriveOptions(),
        sliders or ExpressionSliders(),
        frames,
        FPS,
        Runtime(chunk=chunk),
    )
    made = torch.cat(list(stream))
    assert len(made) == stream.length
    assert tuple(made.shape[2:]) == stream.size
    return made


def test_each_face_has_its_own_driver(
    nets: LivePortraitNets, pair: tuple[Tensor, list[Face]]
) -> None:
    rgb, faces = pair
    assert len(faces) == 2
    both = prepare(nets, rgb, faces, FLOAT32, Runtime())
    left = prepare(nets, rgb, faces[:1], FLOAT32, Runtime())
    still, lively = turning(3, 0.0), turning(3, 0.4)
    together = frames_of(nets, both, [lively, still])
    alone = frames_of(nets, left, [lively])
    half = rgb.shape[2] // 2
    x = float(faces[0].center_px[0])
    own = slice(0, half) if x < half else slice(half, None)
    other = slice(half, None) if x < half else slice(0, half)
    near = slice(int(x) - 20, int(x) + 20)
    assert torch.equal(together[..., near], alone[..., near])  # no part of the other reaches here
    moved = (together[0].int() - together[-1].int()).abs()
    assert moved[..., own].float().mean() > 4 * moved[..., other].float().mean()
    with pytest.raises(OptionError, match="one for all, or one each"):
        frames_of(nets, both, [still, still, still])


def test_keypoints_come_without_pictures(
    nets: LivePortraitNets, pair: tuple[Tensor, list[Face]]
) -> None:
    prepared = prepare(nets, *pair, FLOAT32, Runtime())
    motions = [turning(3), turning(2)]
    smile = ExpressionSliders.of(smile=1)
    tracks = keypoint_tracks(
        nets, prepared, motions, LivePortraitDriveOptions(), smile, 1, FPS, Runtime()
    )
    assert [len(track) for track in tracks] == [3, 2]
    alone = keypoint_tracks(
        nets, prepared, (), LivePortraitDriveOptions(), smile, 1, FPS, Runtime()
    )
    for track, still, face in zip(tracks, alone, prepared.faces):
        assert torch.equal(track.source, face.points.x)
        assert torch.allclose(track.driving[0], still.driving[0], atol=1e-5)
        assert (track.driving[1] - track.driving[0]).abs().max() > 0.01


def test_a_shorter_driver_is_held(nets: LivePortraitNets, pair: tuple[Tensor, list[Face]]) -> None:
    rgb, faces = pair
    both = prepare(nets, rgb, faces, FLOAT32, Runtime())
    assert len(frames_of(nets, both, [turning(4), turning(2)])) == 4


def test_without_paste_the_face_alone_is_shown(
    nets: LivePortraitNets, pair: tuple[Tensor, list[Face]]
) -> None:
    rgb, faces = pair
    for options in (
        replace(FLOAT32, pasteback=False),
        replace(FLOAT32, stitching=False),
        replace(FLOAT32, do_crop=False),
    ):
        prepared = prepare(nets, rgb, faces[:1], options, Runtime())
        assert frames_of(nets, prepared, [turning(2)]).shape == (2, 3, 512, 512)
        with pytest.raises(OptionError, match="whole picture"):
            prepare(nets, rgb, faces, options, Runtime())


def test_a_matched_seam_is_another_paste(
    nets: LivePortraitNets, pair: tuple[Tensor, list[Face]]
) -> None:
    rgb, faces = pair
    made = [
        frames_of(
            nets,
            prepare(
                nets,
                rgb,
                faces[:1],
                LivePortraitRenderOptions(precision="float32", seam=seam),
                Runtime(),
            ),
            [turning(2)],
        )
        for seam in ("original", "matched")
    ]
    assert not torch.equal(*made)
    assert torch.equal(made[0][..., :4], made[1][..., :4])


def test_an_animal_is_cut_by_a_box(nets: LivePortraitNets, pair: tuple[Tensor, list[Face]]) -> None:
    rgb, _ = pair
    middle = LivePortraitRenderOptions(species="animal", precision="float32")
    boxed = LivePortraitRenderOptions(
        species="animal", precision="float32", crop_box="20, 30, 220, 230"
    )
    prepared = prepare(nets, rgb, (), boxed, Runtime())
    corner = prepared.faces[0].image_from_crop @ torch.tensor([0.0, 0.0, 1.0])
    torch.testing.assert_close(corner[:2], torch.tensor([20.0, 30.0]), atol=1.0, rtol=0)
    made = frames_of(nets, prepared, [turning(2)])
    assert torch.equal(made[..., 300:], rgb[None, ..., 300:].expand(2, -1, -1, -1))
    assert len(prepare(nets, rgb, (), middle, Runtime()).faces) == 1
    for text in ("1,2,3", "a,b,c,d", "9,9,1,99"):
        wrong = LivePortraitRenderOptions(species="animal", crop_box=text)
        with pytest.raises(OptionError, match="crop_box must be"):
            prepare(nets, rgb, (), wrong, Runtime())
    with pytest.raises(OptionError, match="needs a face"):
        prepare(nets, rgb, (), FLOAT32, Runtime())


def test_a_lost_face_in_a_source_video_stays_untouched(
    nets: LivePortraitNets, demo_portrait: Path
) -> None:
    rgb = read_picture(demo_portrait).flattened()
    empty = torch.full_like(rgb, 90)
    clip = torch.stack([rgb, empty, rgb])
    video = ReferenceVideo(lambda: iter(clip.split(2)), FPS)
    prepared = prepare_video(nets, video, FaceOptions(), FLOAT32, Runtime())
    assert prepared.faces[0].valid.tolist() == [True, False, True]
    smiling = ExpressionSliders.of(smile=1.0)
    made = frames_of(nets, prepared, (), smiling)
    assert torch.equal(made[1], empty)
    assert not torch.equal(made[0], rgb)
    again = frames_of(nets, prepared, (), smiling, chunk=1)
    assert (made.int() - again.int()).abs().max() <= 1
    animals = LivePortraitRenderOptions(species="animal")
    with pytest.raises(OptionError, match="not from a source video"):
        prepare_video(nets, video, FaceOptions(), animals, Runtime())


def test_sliders_alone_and_untouched_are_the_portrait_itself(
    nets: LivePortraitNets, pair: tuple[Tensor, list[Face]]
) -> None:
    rgb, faces = pair
    prepared = prepare(nets, rgb, faces[:1], FLOAT32, Runtime())
    rest = frames_of(nets, prepared, ())
    moved = frames_of(nets, prepared, (), ExpressionSliders.of(aaa=60))
    assert not torch.equal(rest, moved)
    held = frames_of(nets, prepared, (), frames=2)
    assert (held[1].int() - rest[0].int()).abs().max() <= 1


def test_a_picture_as_driver_leaves_the_head_to_sliders(
    nets: LivePortraitNets, demo_portrait: Path
) -> None:
    rgb = read_picture(demo_portrait).flattened()
    picture = ReferenceVideo(lambda: iter((rgb[None],)), FPS)
    options = LivePortraitDriveOptions()
    smile = read_motion(nets, picture, FaceOptions(), options, Runtime())
    face = find_faces(load_face_nets(), rgb, FaceOptions())[:1]
    still = prepare(nets, rgb, face, FLOAT32, Runtime())
    plain = frames_of(nets, still, [smile])
    assert len(plain) == 1
    turned = frames_of(nets, still, [smile], ExpressionSliders.of(rotate_yaw=15))
    assert (plain.int() - turned.int()).abs().max() > 8
    clip = torch.stack([rgb] * 3)
    video = ReferenceVideo(lambda: iter(clip.split(2)), FPS)
    prepared = prepare_video(nets, video, FaceOptions(), FLOAT32, Runtime())
    late = ExpressionSliders.of(rotate_yaw="0:0, 0.04:0, 0.08:15")
    made, rest = frames_of(nets, prepared, [smile], late), frames_of(nets, prepared, [smile])
    assert len(made) == len(rest) == 3
    assert (made[:2].int() - rest[:2].int()).abs().max() <= 1
    assert (made[2].int() - rest[2].int()).abs().max() > 8


def test_a_camera_moves_the_portrait_frame_by_frame(
    nets: LivePortraitNets, pair: tuple[Tensor, list[Face]], demo_portrait: Path
) -> None:
    rgb, faces = pair
    prepared = prepare(nets, rgb, faces[:1], FLOAT32, Runtime())
    face = read_picture(demo_portrait).flattened()
    empty = torch.full_like(face, 90)
    camera = [empty, face, face.roll(6, 1), empty, face, empty]
    taken: list[int] = []

    def frames() -> Iterator[Tensor]:
        for number, frame in enumerate(camera):
            taken.append(number)
            yield frame

    options = LivePortraitDriveOptions()
    live = animate_live(nets, prepared, frames(), FPS, options, Runtime())
    made: list[Tensor] = []
    for number, frame in enumerate(live):
        made.append(frame)
        assert taken[-1] == number  # no look ahead, nor a wait for a face that is lost
    assert len(made) == len(camera)
    assert torch.equal(made[0], prepared.still)
    assert torch.equal(made[3], made[2])  # a lost face is held
    assert not torch.equal(made[2], made[1])
    rest = frames_of(nets, prepared, ())[0]
    assert (made[1].int() - rest.int()).abs().float().mean() < 1  # its first sight is rest
    nobody = list(animate_live(nets, prepared, iter([empty] * 3), FPS, options, Runtime()))
    assert len(nobody) == 3
    bare = prepare(nets, rgb, faces[:1], replace(FLOAT32, pasteback=False), Runtime())
    sizes = {
        tuple(frame.shape)
        for frame in animate_live(nets, bare, iter(camera[:2]), FPS, options, Runtime())
    }
    assert sizes == {(3, 512, 512)}


@pytest.mark.parametrize("crop", ["always", "never"])
def test_where_a_driver_is_not_seen_its_last_motion_is_held(
    nets: LivePortraitNets, demo_portrait: Path, crop: str
) -> None:
    face = read_picture(demo_portrait).flattened()
    empty = torch.full_like(face, 90)
    clip = torch.stack([empty, face, empty, face.roll(6, 1)])
    video = ReferenceVideo(lambda: iter(clip.split(2)), FPS)
    options = LivePortraitDriveOptions(driving_crop=crop)
    motion = read_motion(nets, video, FaceOptions(), options, Runtime())
    assert len(motion) == 4
    for name in ("expression", "rotation", "translation", "scale", "eye_ratios"):
        value = getattr(motion, name)
        assert torch.equal(value[0], value[1])  # before the first sight
        assert torch.equal(value[2], value[1])
    assert not torch.equal(motion.expression[3], motion.expression[1])


@pytest.mark.parametrize("crop", ["never", "auto"])
def test_a_square_driver_without_any_face_is_taken_as_it_is(
    nets: LivePortraitNets, crop: str
) -> None:
    clip = torch.randint(0, 255, (3, 3, 64, 64), dtype=torch.uint8)
    video = ReferenceVideo(lambda: iter(clip.split(2)), FPS)
    options = LivePortraitDriveOptions(driving_crop=crop)
    motion = read_motion(nets, video, FaceOptions(), options, Runtime())
    assert motion.eye_ratios is None
    assert not torch.equal(motion.expression[0], motion.expression[1])


def test_several_people_of_a_video_move(
    nets: LivePortraitNets, pair: tuple[Tensor, list[Face]]
) -> None:
    rgb, _ = pair
    clip = torch.stack([rgb] * 3)
    video = ReferenceVideo(lambda: iter(clip.split(2)), FPS)
    both = prepare_video(nets, video, FaceOptions(), FLOAT32, Runtime(), ())
    one = prepare_video(nets, video, FaceOptions(), FLOAT32, Runtime(), (1,))
    assert (len(both.faces), len(one.faces)) == (2, 1)
    assert torch.equal(both.faces[1].points.x, one.faces[0].points.x)
    lively = turning(3, 0.4)
    made, alone = frames_of(nets, both, [lively]), frames_of(nets, one, [lively])
    half = rgb.shape[2] // 2
    moved = [
        [float((now[0].int() - now[-1].int())[..., part].abs().float().mean()) for part in halves]
        for now in (made, alone)
        for halves in [(slice(0, half), slice(half, None))]
    ]
    assert min(moved[0]) > 0.3
    assert min(moved[1]) < 0.1 * max(moved[1])
    ended = frames_of(nets, both, [lively, turning(1)])
    assert len(ended) == 3
    with pytest.raises(FaceIndexError, match="face 5"):
        prepare_video(nets, video, FaceOptions(), FLOAT32, Runtime(), (5,))
    boxed = replace(FLOAT32, crop_box="20,30,220,230")
    with pytest.raises(OptionError, match="crop_box cuts one face"):
        prepare_video(nets, video, FaceOptions(), boxed, Runtime(), ())
    stopped = Runtime(cancelled=lambda: True)
    with pytest.raises(Cancelled):
        prepare_video(nets, video, FaceOptions(), FLOAT32, stopped, ())

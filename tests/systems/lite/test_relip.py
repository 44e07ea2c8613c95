"""New lips in a video: they follow the sound, and nothing else changes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, FaceIndexError, NoFaceError
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.measures import lip_measures
from sadtalker_core.faces.mesh import CHIN, NOSE_BASE
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.track import FaceTracker
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.relip_request import RelipReport, RelipVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite import relip as relip_module
from sadtalker_core.systems.lite.config import LiteRelipOptions, LiteRenderOptions
from sadtalker_core.systems.lite.pipeline import animate, prepare
from sadtalker_core.systems.lite.relip import relip
from sadtalker_core.systems.lite.relip_face import LowerFace
from sadtalker_core.systems.lite.relip_lines import LipLines
from sadtalker_core.systems.lite.relip_track import Watcher

FPS = Fraction(25)
COUNT = 22


@pytest.fixture(scope="module")
def nets() -> FaceNets:
    return load_face_nets()


@pytest.fixture(scope="module")
def scene(demo_portrait: Path) -> Tensor:
    """(3, 256, 256)"""
    return read_picture(demo_portrait).flattened()[:, :256, 98:354].contiguous()


def opening(period: float, most: float, count: int = COUNT) -> Tensor:
    """(T,) a mouth that opens and closes."""
    time = torch.arange(count) / period
    return most * (0.5 - 0.5 * torch.cos(2 * math.pi * time))


WANTED = opening(14, 0.12)


def speaking(open_: Tensor) -> LiteMotion:
    rest = LiteMotion.rest(len(open_), FPS)
    return dataclasses.replace(rest, open=open_, jaw=0.6 * open_)


@pytest.fixture(scope="module")
def talk(scene: Tensor, nets: FaceNets) -> Tensor:
    """(22, 3, 256, 256): somebody who speaks already, and walks to the right."""
    found = FaceTracker(nets).update(scene)
    assert found is not None
    prepared = prepare(scene, found.face, LiteRenderOptions())
    frames = torch.cat(list(animate(prepared, speaking(opening(9, 0.11)), Runtime())))
    return torch.stack([frame.roll(k // 2, 2) for k, frame in enumerate(frames)])


def video(frames: Tensor, order: list[int] | None = None, chunk: int = 4) -> RelipVideo:
    order = list(range(len(frames))) if order is None else order

    def chunks() -> Iterator[Tensor]:
        yield from frames[order].split(chunk)

    size = int(frames.shape[2]), int(frames.shape[3])
    return RelipVideo(chunks, FPS, len(order), size, lambda index: order[index])


REQUEST = MotionRequest(LiteRelipOptions(), Fraction(1), FPS)


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[LiteMotion | None], None]:
    """What the sound says, in place of what would be heard."""

    def set_(motion: LiteMotion | None) -> None:
        monkeypatch.setattr(relip_module, "spoken", lambda *_: motion)

    return set_


def relipped(
    source: RelipVideo,
    nets: FaceNets,
    runtime: Runtime | None = None,
    faces: FaceOptions | None = None,
    who: int | None = None,
) -> tuple[Tensor, RelipReport]:
    made = relip(
        source, faces or FaceOptions(), who, REQUEST, LiteRelipOptions(), runtime or Runtime(), nets
    )
    assert made.frames.length == source.length
    return torch.cat(list(made.frames)), made.report


def faces_of(frames: Tensor, nets: FaceNets) -> list[Face]:
    tracker = FaceTracker(nets)
    found = [tracker.update(frame) for frame in frames]
    return [each.face for each in found if each is not None]


def gaps_of(faces: list[Face]) -> Tensor:
    return lip_measures(torch.stack([face.mesh_px for face in faces]))[:, 0]


def gaps(frames: Tensor, nets: FaceNets) -> Tensor:
    return gaps_of(faces_of(frames, nets))


def alike(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack((a.float(), b.float())))[0, 1])


@pytest.fixture(scope="module")
def talkers(talk: Tensor, nets: FaceNets) -> list[Face]:
    """The face of each frame."""
    return faces_of(talk, nets)


@pytest.fixture(scope="module")
def spoken_over(talk: Tensor, nets: FaceNets) -> tuple[Tensor, RelipReport]:
    """The same person saying something else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relip_module, "spoken", lambda *_: speaking(WANTED))
        return relipped(video(talk), nets)


def test_lips_follow_the_new_sound_and_forget_the_old(
    talkers: list[Face], nets: FaceNets, spoken_over: tuple[Tensor, RelipReport]
) -> None:
    frames, report = spoken_over
    before, after = gaps_of(talkers), gaps(frames, nets)
    assert alike(before, opening(9, 0.11)) > 0.9
    assert alike(after, WANTED) > 0.85
    assert abs(alike(after, before) - alike(WANTED, before)) < 0.3
    assert (report.frames, report.frames_without_face, report.faces_seen) == (COUNT, 0, 1)


def test_a_sound_that_ends_leaves_the_mouth_closed(
    talk: Tensor, talkers: list[Face], nets: FaceNets, says: Callable[..., None]
) -> None:
    says(speaking(opening(7, 0.10))[:8])
    before, after = gaps_of(talkers[:16]), gaps(relipped(video(talk[:16]), nets)[0], nets)
    assert float(after[:8].max()) > float(before.min()) + 0.02
    assert float(after[9:].max()) < float(before.min()) + 0.01
    assert float(before[9:].max()) > float(before.min()) + 0.06


def test_everything_else_is_kept_to_the_bit(
    talk: Tensor, talkers: list[Face], spoken_over: tuple[Tensor, RelipReport]
) -> None:
    frames, _ = spoken_over
    for frame, source, face in zip(frames, talk, talkers, strict=True):
        mesh = face.mesh_px
        unit = float((mesh[33] - mesh[263]).norm())
        top = int(mesh[list(NOSE_BASE), 1].min() - 0.35 * unit)
        bottom = int(mesh[CHIN, 1] + 0.65 * unit)
        left, right = (int(mesh[[61, 291], 0].mean() + side * 0.95 * unit) for side in (-1, 1))
        changed = (frame != source).any(0).nonzero()
        assert len(changed) > 500
        low, high = changed.amin(0).tolist(), changed.amax(0).tolist()
        assert top <= low[0] <= high[0] <= bottom
        assert left <= low[1] <= high[1] <= right


def test_chunks_never_change_the_result(
    talk: Tensor, nets: FaceNets, says: Callable[..., None]
) -> None:
    says(speaking(WANTED))
    frames, _ = relipped(video(talk[:7]), nets)
    other, _ = relipped(video(talk[:7], chunk=3), nets, Runtime(chunk=5))
    assert torch.equal(frames, other)


def test_frames_without_the_face_pass_and_are_counted(
    talk: Tensor,
    nets: FaceNets,
    says: Callable[..., None],
    spoken_over: tuple[Tensor, RelipReport],
) -> None:
    says(speaking(WANTED))
    hidden = talk.clone()
    hidden[:3] = hidden[8:12] = 90
    frames, report = relipped(video(hidden), nets, faces=FaceOptions(face_search="fast"))
    assert torch.equal(frames[:3], hidden[:3])
    assert torch.equal(frames[8:12], hidden[8:12])
    assert (report.frames, report.frames_without_face) == (COUNT, 7)
    assert report.ranges_without_face == [(0, 2), (8, 11)]
    change = (frames.int() - hidden.int()).abs().float().mean((1, 2, 3))
    usual = (spoken_over[0].int() - talk.int()).abs().float().mean((1, 2, 3))
    # new lips come and go softly around the gap, and are there in full away from it
    assert float(change[7] / usual[7]) < 0.5
    assert float(change[18] / usual[18]) > 0.9


def test_repeated_frames_are_known_already(
    talk: Tensor, nets: FaceNets, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    says(speaking(opening(14, 0.10, 20)))
    looks = 0
    update = FaceTracker.update

    def counted(self: FaceTracker, rgb: Tensor) -> object:
        nonlocal looks
        looks += 1
        return update(self, rgb)

    monkeypatch.setattr(FaceTracker, "update", counted)
    order = [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3]
    frames, report = relipped(video(talk, order), nets)
    assert (looks, report.frames, len(frames)) == (5, 20, 20)


def test_a_long_video_is_looked_at_while_it_is_shown(
    talk: Tensor, nets: FaceNets, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    says(speaking(WANTED))
    monkeypatch.setattr("sadtalker_core.systems.lite.relip_track.STUDIED", 8)
    order = [*range(11), *range(11)]
    frames, report = relipped(video(talk, order), nets)
    assert report.frames_without_face == 0
    assert alike(gaps(frames, nets), WANTED) > 0.8


def test_one_of_two_speaks(talk: Tensor, nets: FaceNets, says: Callable[..., None]) -> None:
    says(speaking(opening(14, 0.12)))
    small = torch.nn.functional.interpolate(talk[:5].float(), size=(200, 200)).byte()
    beside = torch.full((5, 3, 256, 200), 128, dtype=torch.uint8)
    beside[:, :, 28:228] = small
    two = torch.cat((talk[:5], beside), 3)
    for who, (changed, kept) in ((0, ((0, 256), (256, 456))), (1, ((256, 456), (0, 256)))):
        frames, report = relipped(video(two), nets, who=who)
        assert torch.equal(frames[..., kept[0] : kept[1]], two[..., kept[0] : kept[1]])
        assert not torch.equal(frames[..., changed[0] : changed[1]], two[..., slice(*changed)])
        assert report.faces_seen == 2
    with pytest.raises(FaceIndexError, match="only 2 faces at once"):
        relipped(video(two[:2]), nets, who=2)


def test_a_video_without_a_face_is_refused(nets: FaceNets, says: Callable[..., None]) -> None:
    says(None)
    with pytest.raises(NoFaceError, match="any of 3 frames"):
        relipped(video(torch.full((3, 3, 64, 64), 90, dtype=torch.uint8)), nets)


def test_stopping_is_heard(talk: Tensor, nets: FaceNets, says: Callable[..., None]) -> None:
    says(None)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5

    with pytest.raises(Cancelled):
        relipped(video(talk), nets, Runtime(chunk=4, cancelled=stop))


def test_a_still_picture_speaks(scene: Tensor, nets: FaceNets, says: Callable[..., None]) -> None:
    wanted = opening(8, 0.12, 10)
    says(speaking(wanted))
    frames, _ = relipped(video(scene[None], [0] * 10), nets)
    assert alike(gaps(frames, nets), wanted) > 0.9
    assert torch.equal(frames[:, :, :60], scene[None, :, :60].expand(10, -1, -1, -1))


def test_what_landmarks_say_is_checked_in_the_picture(
    talk: Tensor, nets: FaceNets, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    says(speaking(WANTED))
    before, _ = relipped(video(talk), nets)
    seen: list[float] = []

    def closed(_: LipLines, face: LowerFace) -> LowerFace:
        seen.append(face.is_open)
        return dataclasses.replace(face, is_open=0.0)

    monkeypatch.setattr(LipLines, "as_seen", closed)
    after, _ = relipped(video(talk), nets)
    assert max(seen) == 1.0
    assert not torch.equal(before, after)


def test_own_teeth_are_lent_only_where_there_is_enough_of_them(
    talk: Tensor, nets: FaceNets
) -> None:
    small = torch.nn.functional.interpolate(talk.float(), (100, 100), mode="area").to(torch.uint8)
    for frames, lent in ((talk, True), (small, False)):
        study = Watcher(video(frames), FaceOptions(), nets, Runtime()).study()
        assert (study.widest is not None) == lent

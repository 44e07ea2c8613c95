"""Reading portraits and reference videos, with a toy-size reconstruction network."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, NoFaceError
from sadtalker_core.faces.nets.fan98 import Fan98, Fan98Config
from sadtalker_core.faces.nets.recon3d import Recon3D, Recon3DConfig
from sadtalker_core.faces.nets.resnet import ResNetConfig
from sadtalker_core.faces.nets.retinaface import RetinaFace, RetinaFaceConfig
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.faces.recon3d import align_224, motion_rows
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.sadtalker import source
from sadtalker_core.systems.sadtalker.config import PREPROCESS_MODES
from sadtalker_core.systems.sadtalker.crop import cut, plan_crop
from sadtalker_core.systems.sadtalker.source import read_reference, read_source
from tests.conftest import DEMO

TRUNK = ResNetConfig(4, (1, 1, 1, 1))


@pytest.fixture(scope="module")
def recon() -> Recon3D:
    torch.manual_seed(0)
    return Recon3D(Recon3DConfig(TRUNK)).eval().requires_grad_(False)


def face68(x: float, y: float, eyes: float) -> Tensor:
    """(68, 2) with eyes, nose and mouth of a face that looks at the viewer."""
    points = torch.tensor([float(x), float(y)]).repeat(68, 1)
    points[36:42] += torch.tensor([-eyes / 2, 0])
    points[42:48] += torch.tensor([eyes / 2, 0])
    points[30] += torch.tensor([0, 0.55 * eyes])
    points[48] += torch.tensor([-0.4 * eyes, 1.1 * eyes])
    points[54] += torch.tensor([0.4 * eyes, 1.1 * eyes])
    return points


def noise(seed: int, height: int = 150, width: int = 200) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 10, width // 10, generator=generator)
    rgb = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0]
    return (rgb * 255).to(torch.uint8)


class Scripted:
    """Says what it was told, frame by frame, and keeps what it was asked."""

    def __init__(self, answers: list[Tensor | None], looks_again: bool = False) -> None:
        self.answers = answers
        self.looks_again = looks_again
        self.asked: list[tuple[tuple[int, int], bool]] = []

    def __call__(self, rgb: Tensor, is_cut: bool) -> Tensor | None:
        self.asked.append(((int(rgb.shape[1]), int(rgb.shape[2])), is_cut))
        return self.answers[len(self.asked) - 1]


FACE = face68(100, 60, 30)


@pytest.mark.parametrize("mode", PREPROCESS_MODES)
def test_a_source_is_its_crop_and_its_numbers(recon: Recon3D, mode: str) -> None:
    rgb = noise(0)
    found = read_source(recon, rgb, FACE, mode, 128)
    plan = plan_crop((150, 200), FACE, mode, 128)
    assert found.plan == plan
    assert torch.equal(found.picture, cut(rgb, plan))
    aligned = align_224(found.picture, plan.to_crop(FACE))
    assert torch.equal(found.full, recon(aligned.image))
    assert torch.equal(found.coeff, motion_rows(found.full, aligned.trans_params[None]))
    assert found.coeff.shape == (1, 73)


def test_the_crops_numbers_follow_its_size(recon: Recon3D) -> None:
    small = read_source(recon, noise(0), FACE, "full", 256).coeff[0, 70:]
    large = read_source(recon, noise(0), FACE, "full", 512).coeff[0, 70:]
    assert float(large[0]) == pytest.approx(float(small[0]) / 2, rel=1e-3)
    assert large[1:].tolist() == pytest.approx((small[1:] * 2).tolist(), abs=1)


def test_a_finder_that_looks_again_is_asked_on_the_cut(recon: Recon3D) -> None:
    again = face68(60, 50, 31)
    find = Scripted([FACE, again], looks_again=True)
    found = read_source(recon, noise(0), find, "crop", 128)
    assert find.asked == [((150, 200), False), ((128, 128), True)]
    assert torch.equal(found.landmarks_px, again)
    squeezed = Scripted([again], looks_again=True)  # the whole picture needs no first look
    assert torch.equal(read_source(recon, noise(0), squeezed, "resize", 128).landmarks_px, again)
    assert squeezed.asked == [((128, 128), True)]


def test_one_look_is_enough_for_our_own_finder(recon: Recon3D) -> None:
    find = Scripted([FACE])
    found = read_source(recon, noise(0), find, "crop", 128)
    assert find.asked == [((150, 200), False)]
    torch.testing.assert_close(found.landmarks_px, found.plan.to_crop(FACE))


def test_a_second_look_that_fails_keeps_the_first(recon: Recon3D) -> None:
    found = read_source(recon, noise(0), Scripted([FACE, None], True), "crop", 128)
    torch.testing.assert_close(found.landmarks_px, found.plan.to_crop(FACE))
    squeezed = Scripted([None, FACE], True)
    found = read_source(recon, noise(0), squeezed, "resize", 128)
    torch.testing.assert_close(found.landmarks_px, found.plan.to_crop(FACE))
    assert [is_cut for _, is_cut in squeezed.asked] == [True, False]


@pytest.mark.parametrize("mode", ["crop", "resize"])
@pytest.mark.parametrize("looks_again", [False, True])
def test_a_source_without_a_face(recon: Recon3D, mode: str, looks_again: bool) -> None:
    with pytest.raises(NoFaceError, match="200x150"):
        read_source(recon, noise(0), Scripted([None, None], looks_again), mode, 128)


def frames(count: int, chunk: int = 3) -> Iterator[Tensor]:
    for start in range(0, count, chunk):
        yield torch.stack([noise(i) for i in range(start, min(start + chunk, count))])


def moving(count: int) -> list[Tensor | None]:
    return [face68(100 + i, 60 + i / 2, 30) for i in range(count)]


def test_each_frame_of_a_reference_has_its_row(recon: Recon3D) -> None:
    found = read_reference(recon, frames(7), Scripted(moving(7)), "crop")
    assert found.coeff.shape == (7, 73)
    assert found.lost == 0
    plan = plan_crop((150, 200), face68(100, 60, 30), "crop", 256)
    assert found.plan == plan  # the first frame's
    for i, points in enumerate(moving(7)):
        assert points is not None
        aligned = align_224(cut(noise(i), plan), plan.to_crop(points))
        row = motion_rows(recon(aligned.image), aligned.trans_params[None])
        torch.testing.assert_close(found.coeff[i : i + 1], row, rtol=1e-4, atol=1e-5)


def test_chunks_do_not_matter(recon: Recon3D) -> None:
    one = read_reference(recon, frames(7, 7), Scripted(moving(7)), "full", Runtime(chunk=2)).coeff
    two = read_reference(recon, frames(7, 1), Scripted(moving(7)), "full", Runtime(chunk=5)).coeff
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_lost_faces_are_held_and_counted(recon: Recon3D, caplog: pytest.LogCaptureFixture) -> None:
    whole = read_reference(recon, frames(8), Scripted(moving(8)[2:3] * 8), "crop")
    answers: list[Tensor | None] = [None, None, *moving(8)[2:3], None, None, *moving(8)[2:5]]
    with caplog.at_level(logging.WARNING):
        found = read_reference(recon, frames(8), Scripted(answers), "crop", Runtime(chunk=2))
    assert found.valid.tolist() == [False, False, True, False, False, True, True, True]
    assert found.lost == 4
    assert "4 of 8 frames" in caplog.text
    for i in (0, 1, 3, 4):
        assert torch.equal(found.coeff[i], found.coeff[2])
    # no later frame is shifted
    torch.testing.assert_close(found.coeff[5], whole.coeff[5], rtol=1e-4, atol=1e-5)


def test_points_that_are_no_face_count_as_lost(recon: Recon3D) -> None:
    answers: list[Tensor | None] = [*moving(2), torch.ones(68, 2), face68(9000, 60, 1e-9)]
    found = read_reference(recon, frames(4), Scripted(answers), "crop")
    assert found.valid.tolist() == [True, True, False, False]
    found = read_reference(recon, frames(4), Scripted(answers[::-1]), "crop")
    assert found.valid.tolist() == [False, False, True, True]


def test_the_original_looks_at_each_cut(recon: Recon3D) -> None:
    find = Scripted([FACE, *([face68(128, 90, 60)] * 3)], looks_again=True)
    found = read_reference(recon, frames(3), find, "extcrop")
    sizes = [((150, 200), False), *([((256, 256), True)] * 3)]
    assert find.asked == sizes
    assert found.lost == 0
    squeezed = Scripted([face68(128, 90, 60)] * 3, looks_again=True)
    read_reference(recon, frames(3), squeezed, "resize")
    assert [is_cut for _, is_cut in squeezed.asked] == [True] * 3


def test_no_face_at_all(recon: Recon3D) -> None:
    with pytest.raises(NoFaceError, match="any of 5 frames"):
        read_reference(recon, frames(5), Scripted([None] * 5), "crop")
    empty = read_reference(recon, iter(()), Scripted([]), "crop")
    assert empty.coeff.shape == (0, 73)
    assert empty.plan is None


def test_frames_are_not_kept(recon: Recon3D, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream is read as it comes: at most a chunk of faces waits for the network."""
    taken = 0
    waiting: list[int] = []

    def counted() -> Iterator[Tensor]:
        nonlocal taken
        for _ in range(40):
            taken += 1
            yield noise(0)[None]

    plain = source.reconstruct

    def watched(net: Recon3D, images: Tensor) -> Tensor:
        waiting.append(taken)
        assert images.shape[0] <= 4
        return plain(net, images)

    monkeypatch.setattr(source, "reconstruct", watched)
    reports: list[int] = []
    runtime = Runtime(chunk=4, progress=lambda stage, done, total: reports.append(done))
    read_reference(recon, counted(), Scripted([FACE] * 40), "crop", runtime)
    assert waiting == list(range(4, 41, 4))
    assert reports == list(range(4, 41, 4))


def test_rows_hold_no_gradients() -> None:
    learning = Recon3D(Recon3DConfig(TRUNK)).eval()
    found = read_reference(learning, frames(2), Scripted(moving(2)), "crop")
    assert not found.coeff.requires_grad


def test_reading_stops_when_told(recon: Recon3D) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    find = Scripted(moving(20))
    with pytest.raises(Cancelled):
        read_reference(recon, frames(20), find, "crop", Runtime(chunk=2, cancelled=cancelled))
    assert len(find.asked) == 4


def test_our_own_finders_agree_on_a_portrait(recon: Recon3D) -> None:
    nets = load_face_nets()
    rgb = read_picture(DEMO / "portrait.png").rgb
    portrait = read_source(recon, rgb, source.PortraitFinder(nets), "full")
    video = read_reference(recon, [rgb.repeat(3, 1, 1, 1)], source.VideoFinder(nets), "full")
    assert video.plan is not None
    assert video.plan.box_px == pytest.approx(portrait.plan.box_px, abs=6)
    assert video.lost == 0
    # the tracker's single look wavers by a pixel or two where the portrait's six agree
    assert video.coeff[0, 70:].tolist() == pytest.approx(portrait.coeff[0, 70:].tolist(), abs=4)
    x0, y0, x1, y1 = portrait.plan.box_px
    assert x0 < 225 < x1
    assert y0 < 120 < y1
    assert 180 < x1 - x0 < 280
    blank = torch.zeros(3, 64, 64, dtype=torch.uint8)
    assert source.PortraitFinder(nets)(blank, False) is None
    assert source.VideoFinder(nets)(blank, False) is None


def test_the_originals_finder_reads_whole_pictures_as_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    finder = source.OriginalFinder(
        RetinaFace(RetinaFaceConfig(TRUNK, 16)).eval(),
        Fan98(Fan98Config(stacks=1, channels=16, depth=2)).eval(),
        threshold=0.0,
    )
    assert finder.looks_again
    found = finder(noise(0), False)
    assert found is not None
    assert found.shape == (68, 2)
    told: list[object] = []

    def find_68(*given: object, **options: object) -> Tensor:
        told.append((given[3], options))
        return FACE

    monkeypatch.setattr(source, "find_68", find_68)
    finder(noise(0), False)
    finder(noise(0), True)
    height, width = noise(0).shape[1:]
    meant = [finder.meant((0.25, 0.75), mode) for mode in ("crop", "resize")]
    for one in meant:
        one(noise(0), False)
        one(noise(0), True)
    limit = (3000, 2000)
    there, middle = (width * 0.25, height * 0.75), (width / 2, height / 2)
    assert told == [
        (0.0, {"reads_rgb_as_bgr": whole, "longest": limit, "near": near})
        for whole, near in (
            (True, None),
            (False, None),
            (True, there),
            (False, middle),
            (True, there),
            (False, there),  # the cut is the whole picture
        )
    ]

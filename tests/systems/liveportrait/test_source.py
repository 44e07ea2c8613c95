"""Sources and drivers as LivePortrait reads them."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import Cancelled, MediaError, NoFaceError, WeightsError
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.liveportrait.crop import DRIVER_SHAPE, CropShape, moved_points
from sadtalker_core.systems.liveportrait.driver import (
    driver_input,
    driver_pictures,
    read_driver,
    track_driver,
)
from sadtalker_core.systems.liveportrait.faces import (
    OriginalFinder,
    PortraitFinder,
    RecordedFinder,
    SeenFace,
    VideoFinder,
    first_look,
    see_several,
)
from sadtalker_core.systems.liveportrait.landmarks203 import OnnxLandmarkNet, landmarks_203
from sadtalker_core.systems.liveportrait.retarget import FaceRatios
from sadtalker_core.systems.liveportrait.source import (
    SourceCrop,
    cut_again,
    read_source,
    read_source_video,
)


@pytest.fixture(scope="module")
def nets() -> FaceNets:
    return load_face_nets()


@pytest.fixture(scope="module")
def portrait(demo_portrait: Path) -> Tensor:
    return read_picture(demo_portrait).rgb


@pytest.fixture(scope="module")
def face(nets: FaceNets, portrait: Tensor) -> Face:
    return find_faces(nets, portrait)[0]


def seen_at(x: float, y: float, unit: float = 20.0, lip: float = 0.1) -> SeenFace:
    """Five points around (x, y)."""
    points = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [0.0, 0.0], [-0.8, 1.0], [0.8, 1.0]]) * unit
    ratios = FaceRatios(torch.tensor([[0.3, 0.4]]), torch.tensor([[lip]]))
    return SeenFace(points + torch.tensor([x, y]), ratios)


def frames(count: int, height: int = 60, width: int = 80) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    shape = (count, 3, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def chunks(stack: Tensor, size: int) -> Iterator[Tensor]:
    return iter(stack.split(size))


def test_a_portrait_is_cut_upright_around_its_face(nets: FaceNets, portrait: Tensor) -> None:
    source = read_source(portrait, PortraitFinder(nets), CropShape())
    assert source.pictures.shape == (1, 3, 256, 256)
    assert source.frame_size == (512, 512)
    assert bool(source.valid.all())
    assert source.ratios is not None
    assert 0.15 < float(source.ratios.eyes.mean()) < 0.5
    # in the crop the eyes are level and above the middle
    found = find_faces(nets, (source.pictures[0] * 255).to(torch.uint8))[0]
    left, right = found.mesh_px[33, :2], found.mesh_px[263, :2]
    assert abs(float(left[1] - right[1])) < 6
    assert 80 < float((left[1] + right[1]) / 2) < 150
    # and the map leads back to the face
    back = moved_points(found.mesh_px[1:2, :2] * 2, source.image_from_crop[0])
    seen = find_faces(nets, portrait)[0].mesh_px[1, :2]
    assert float((back[0] - seen).norm()) < 4


def test_without_a_face() -> None:
    blank = torch.zeros(3, 64, 96, dtype=torch.uint8)
    nothing = RecordedFinder([])
    with pytest.raises(NoFaceError, match="96x64"):
        read_source(blank, nothing, CropShape())
    # what is not cut needs no face
    whole = read_source(blank, nothing, None)
    assert whole.ratios is None
    assert not bool(whole.valid.any())


def test_animals_are_cut_by_a_box_or_in_the_middle() -> None:
    rgb = frames(1, 100, 160)[0]
    middle = read_source(rgb, None, CropShape())
    corners = moved_points(torch.tensor([[0.0, 0.0], [512.0, 512.0]]), middle.image_from_crop[0])
    assert corners.flatten().tolist() == pytest.approx([30, 0, 130, 100], abs=1e-3)
    assert bool(middle.valid.all())
    box = torch.tensor([10.0, 20.0, 70.0, 80.0])
    given = read_source(rgb, None, CropShape(), box)
    corners = moved_points(torch.tensor([[0.0, 0.0], [512.0, 512.0]]), given.image_from_crop[0])
    assert corners.flatten().tolist() == pytest.approx(box.tolist(), abs=1e-3)


def test_a_source_video_marks_frames_without_a_face() -> None:
    seen = [None, seen_at(40, 30), None, seen_at(44, 30, lip=0.3)]
    video = frames(4)
    parts = list(read_source_video(chunks(video, 3), RecordedFinder(seen), CropShape()))
    assert [len(part) for part in parts] == [3, 1]
    assert parts[0].valid.tolist() == [False, True, False]
    # a lost face is held where it was
    assert torch.equal(parts[0].image_from_crop[1], parts[0].image_from_crop[2])
    assert not torch.equal(parts[0].image_from_crop[0], parts[0].image_from_crop[1])
    assert parts[0].ratios is not None
    assert parts[0].ratios.lip.flatten().tolist() == pytest.approx([0, 0.1, 0.1])
    alone = read_source(video[3], RecordedFinder(seen[3:]), CropShape())
    assert torch.equal(alone.pictures, parts[1].pictures)
    assert torch.equal(alone.image_from_crop, parts[1].image_from_crop)


def test_chunks_never_change_a_source_video() -> None:
    seen = [seen_at(40 + i, 30, 18 + i) for i in range(5)]
    video = frames(5)

    def read(size: int) -> list[SourceCrop]:
        return list(read_source_video(chunks(video, size), RecordedFinder(seen), CropShape()))

    pictures = [torch.cat([part.pictures for part in read(size)]) for size in (1, 2, 5)]
    assert torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[0], pictures[2])


@pytest.mark.parametrize("shape", [CropShape(), None])
def test_a_second_pass_cuts_the_same(shape: CropShape | None) -> None:
    seen = [seen_at(40.3 + i, 30.7, 17.3 + i) for i in range(3)]
    video = frames(3)
    (read,) = read_source_video([video], RecordedFinder(seen), shape)
    assert read.crop_from_image is not None
    assert torch.equal(cut_again(video, read.crop_from_image, shape is None), read.pictures)


def test_a_source_video_without_any_face_fails_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    reading = read_source_video(chunks(frames(2), 1), RecordedFinder([]), CropShape())
    with pytest.raises(NoFaceError, match="any of 2 frames"):
        list(reading)
    list(read_source_video(chunks(frames(2), 1), RecordedFinder([seen_at(40, 30)]), CropShape()))
    assert "1 of 2" in caplog.text


def test_reading_stops_when_told() -> None:
    stop = Runtime(cancelled=lambda: True)
    with pytest.raises(Cancelled):
        list(read_source_video(chunks(frames(2), 1), None, CropShape(), stop))
    with pytest.raises(Cancelled):
        track_driver(chunks(frames(2), 1), RecordedFinder([]), runtime=stop)


def test_a_driver_is_cut_by_its_mean_box() -> None:
    video = frames(3)
    seen = [seen_at(30, 30), None, seen_at(50, 30, lip=0.5)]
    track, pictures = read_driver(lambda: chunks(video, 2), RecordedFinder(seen))
    assert track.lost == [1]
    assert track.frame_size == (60, 80)
    assert track.crop_from_image is not None
    middle = moved_points(torch.tensor([[40.0, 30 - 0.1 * 44 * 2]]), track.crop_from_image)
    assert float(middle[0, 0]) == pytest.approx(256, abs=1e-2)
    assert track.ratios is not None
    assert track.ratios.lip.flatten().tolist() == pytest.approx([0.1, 0.1, 0.5])
    shown = torch.cat(list(pictures))
    assert shown.shape == (3, 3, 256, 256)
    assert torch.equal(shown[1:2], driver_input(video[1:2], track.crop_from_image))


def test_square_drivers_are_taken_whole_unless_told() -> None:
    video = frames(1, 64, 64)
    assert track_driver([video], RecordedFinder([seen_at(30, 30)])).crop_from_image is None
    always = track_driver([video], RecordedFinder([seen_at(30, 30)]), crop="always")
    assert always.crop_from_image is not None
    wide = track_driver([frames(1)], RecordedFinder([seen_at(30, 30)]), crop="never")
    assert wide.crop_from_image is None
    assert next(driver_pictures([frames(1)], None)).shape == (1, 3, 256, 256)


def test_drivers_without_a_face_or_frames() -> None:
    with pytest.raises(NoFaceError, match="2 frames"):
        track_driver([frames(2)], RecordedFinder([]))
    square = track_driver([frames(2, 64, 64)], RecordedFinder([]))
    assert square.ratios is None
    assert square.lost == [0, 1]
    with pytest.raises(MediaError, match="no frames"):
        track_driver([], RecordedFinder([]))


def test_scale_and_shift_of_a_drivers_box() -> None:
    def width(shape: CropShape) -> float:
        track = track_driver([frames(1)], RecordedFinder([seen_at(30, 30)]), shape)
        assert track.crop_from_image is not None
        return 512 / float(track.crop_from_image[0, 0])

    assert width(DRIVER_SHAPE) == pytest.approx(88, abs=1e-2)
    assert width(CropShape(scale=3.0)) == pytest.approx(120, abs=1e-2)


def test_ratios_follow_lids_and_lips(face: Face) -> None:
    ratios = SeenFace.of(face).ratios
    lids = face.eyes_px.clone()
    lids[0, 4], lids[0, 12] = (lids[0, 4] + lids[0, 12]) / 2, (lids[0, 4] + lids[0, 12]) / 2
    mesh = face.mesh_px.clone()
    mesh[14, 1] += 0.5 * float((mesh[61] - mesh[291]).norm())
    face = Face(face.box_px, face.score, mesh, lids, face.iris_px, face.presence)
    changed = SeenFace.of(face).ratios
    assert float(changed.eyes[0, 0]) == 0
    assert float(changed.eyes[0, 1]) == float(ratios.eyes[0, 1]) > 0.1
    assert float(changed.lip) > 0.4 > float(ratios.lip) >= 0


def test_pursed_lips_are_told_from_a_round_mouth_by_the_picture(
    face: Face, portrait: Tensor
) -> None:
    mesh = face.mesh_px.clone()
    middle = (mesh[61, :2] + mesh[291, :2]) / 2
    unit = float((mesh[33, :2] - mesh[263, :2]).norm())
    mesh[61, :2] = middle - torch.tensor([0.22 * unit, 0])
    mesh[291, :2] = middle + torch.tensor([0.22 * unit, 0])
    for upper, lower, place in ((13, 14, 0.035), (0, 17, 0.12)):  # the inner and outer middle
        mesh[upper, :2] = middle - torch.tensor([0, place * unit])
        mesh[lower, :2] = middle + torch.tensor([0, place * unit])
    narrow = Face(face.box_px, face.score, mesh, face.eyes_px, face.iris_px, face.presence)
    lips = torch.full_like(portrait, 150)
    x, y = (int(value) for value in middle.tolist())
    half = round(0.06 * unit)
    mouth = lips.clone()
    mouth[:, y - half : y + half, x - half : x + half] = 10
    closed, open_ = (float(SeenFace.of(narrow, rgb).ratios.lip) for rgb in (lips, mouth))
    assert closed == 0 < float(SeenFace.of(narrow).ratios.lip)
    assert 0.25 < open_ < 0.6


def test_several_faces_in_one_pass(nets: FaceNets, portrait: Tensor) -> None:
    head = portrait[:, 20:240, 115:335]
    both = torch.cat((head, torch.full((3, 220, 60), 90, dtype=torch.uint8), head.flip(2)), 2)
    alone = both.clone()
    alone[:, :, 250:] = 90
    rows = see_several(nets, [torch.stack((alone, both))])
    assert len(rows) == 1  # looked for every dozen frames
    rows = see_several(nets, [torch.stack((both, alone))])
    assert [[seen is not None for seen in row] for row in rows].count([True, False]) == 1
    assert [[seen is not None for seen in row] for row in rows].count([True, True]) == 1
    crops = [read_source(both, RecordedFinder(row), CropShape()) for row in rows]
    late = see_several(nets, [torch.stack((torch.zeros_like(both), both))])
    assert [[seen is not None for seen in row] for row in late] == [[False, True]] * 2
    assert (crops[0].image_from_crop - crops[1].image_from_crop).abs().max() > 100


class StillNet:
    """A landmark net that always sees the same."""

    def __init__(self, points: Tensor) -> None:
        self._row = points.reshape(1, 406)

    def __call__(self, pictures: Tensor) -> Tensor:
        assert pictures.shape[1:] == (3, 224, 224)
        return self._row.expand(len(pictures), -1)


def test_the_originals_landmarks_lead_from_frame_to_frame(nets: FaceNets, portrait: Tensor) -> None:
    circle = torch.linspace(0, 6.2, 203)
    points = torch.stack((0.5 + 0.3 * circle.cos(), 0.5 + 0.3 * circle.sin()), 1)
    net, look = StillNet(points), first_look(nets)
    start = look(portrait)
    assert start is not None
    first = landmarks_203(net, portrait, start)
    second = landmarks_203(net, portrait, first)
    following = OriginalFinder(net, look, follows=True)
    for wanted in (first, second):
        seen = following(portrait)
        assert seen is not None
        assert torch.equal(seen.points_px, wanted)
    still = OriginalFinder(net, look, follows=False)
    for _ in range(2):
        seen = still(portrait)
        assert seen is not None
        assert torch.equal(seen.points_px, start)  # cut around the first look


def test_landmarks_that_are_no_face_begin_anew() -> None:
    calls: list[int] = []

    def look(rgb: Tensor) -> Tensor:
        calls.append(1)
        return seen_at(30, 30).points_px

    finder = OriginalFinder(StillNet(torch.full((203, 2), float("nan"))), look, follows=True)
    assert [finder(frames(1)[0]) for _ in range(3)] == [None, None, None]
    assert len(calls) == 3
    blind = OriginalFinder(StillNet(torch.zeros(203, 2)), lambda rgb: None, follows=True)
    assert blind(frames(1)[0]) is None


def test_onnx_runtime_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(WeightsError, match="pip install onnxruntime"):
        OnnxLandmarkNet("landmark.onnx")


def test_the_landmark_file_is_run_picture_by_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, tuple[int, ...]]] = []

    class Session:
        def __init__(self, path: str, providers: list[str]) -> None:
            assert providers == ["CPUExecutionProvider"]
            self.path = path

        def run(self, names: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
            asked.append((self.path, given["input"].shape))
            mean = given["input"].mean()
            return [np.zeros(1), np.zeros(1), np.full((1, 406), mean, np.float32)]

    module = types.ModuleType("onnxruntime")
    module.InferenceSession = Session  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    net = OnnxLandmarkNet(Path("folder") / "landmark.onnx")
    pictures = torch.stack((torch.zeros(3, 224, 224), torch.ones(3, 224, 224)))
    assert net(pictures)[:, 7].tolist() == pytest.approx([0, 1])
    assert asked == [(str(Path("folder") / "landmark.onnx"), (1, 3, 224, 224))] * 2


def test_the_tracker_is_a_finder_for_videos(nets: FaceNets, portrait: Tensor) -> None:
    find = VideoFinder(nets, FaceOptions())
    rows = [find(rgb) for rgb in (portrait, portrait, torch.zeros_like(portrait))]
    assert [row is not None for row in rows] == [True, True, False]

"""Finding faces: where they are, however the picture is turned, cut, sized or wrong."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sadtalker_core.faces import mesh
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import FaceNets
from sadtalker_core.faces.options import FaceOptions


def eyes_of(face: Face) -> Tensor:
    return face.mesh_px[list(mesh.EYE_OUTER), :2]


def test_the_portrait_has_one_face_with_landmarks_in_place(face: Face) -> None:
    # eye corners, corners of the mouth opening and nose tip, read off the picture by eye
    expected = {33: (194, 100), 263: (256, 104), 78: (203, 140), 308: (243, 141), 1: (224, 128)}
    for point, place in expected.items():
        away = (face.mesh_px[point, :2] - torch.tensor(place, dtype=torch.float32)).norm()
        assert away < 2.5, f"point {point} is at {face.mesh_px[point, :2].tolist()}"
    assert face.presence > 0.99
    assert face.score > 0.8
    assert 95 < face.size_px < 110


def test_left_is_the_viewers_left_and_irises_are_in_their_eyes(face: Face) -> None:
    assert face.iris_px[0, 0, 0] < face.iris_px[1, 0, 0]
    for side in (0, 1):
        ring = face.eyes_px[side, list(mesh.EYE_POINT_RING)]
        center = face.iris_px[side, 0]
        assert (ring.amin(0) < center).all()
        assert (center < ring.amax(0)).all()
        # mesh and iris net agree on the corners of the eye
        corners = face.eyes_px[side][[0, 8]]
        outer, inner = mesh.EYE_OUTER[side], mesh.EYE_INNER[side]
        assert (corners - face.mesh_px[[outer, inner], :2]).norm(dim=-1).max() < 4


def test_the_nose_is_nearer_than_the_ears(face: Face) -> None:
    assert face.mesh_px[mesh.NOSE_TIP, 2] < face.mesh_px[list(mesh.CHEEK_SIDES), 2].min() - 20


def test_a_mirrored_picture_gives_mirrored_eyes(
    nets: FaceNets, portrait: Tensor, face: Face
) -> None:
    mirrored = find_faces(nets, portrait.flip(-1))[0]
    center = mirrored.iris_px[:, 0]
    expected = face.iris_px[:, 0].flip(0)
    expected = torch.stack((511 - expected[:, 0], expected[:, 1]), -1)
    assert (center - expected).norm(dim=-1).max() < 2


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_turned_pictures(nets: FaceNets, portrait: Tensor, face: Face, quarter: int) -> None:
    found = find_faces(nets, torch.rot90(portrait, quarter, (1, 2)))
    assert len(found) == 1
    points = eyes_of(face)
    for _ in range(quarter):  # counter-clockwise: x' = y, y' = W - 1 - x
        points = torch.stack((points[:, 1], 511 - points[:, 0]), -1)
    assert (eyes_of(found[0]) - points).norm(dim=-1).max() < 5


def test_enlarging_moves_landmarks_with_the_picture(
    nets: FaceNets, portrait: Tensor, face: Face
) -> None:
    large = torch.nn.functional.interpolate(
        portrait[None].float(), scale_factor=3.0, mode="bilinear", antialias=True
    )[0]
    found = find_faces(nets, large.round().to(torch.uint8))[0]
    error = (found.mesh_px - face.moved(3.0).mesh_px)[:, :2].norm(dim=-1)
    assert error.mean() < 3.0  # of 1536 pixels


@pytest.mark.parametrize(
    ("x", "y", "width", "height"), [(200, 0, 312, 512), (0, 0, 512, 140), (0, 100, 512, 412)]
)
def test_a_face_partly_outside(
    nets: FaceNets, portrait: Tensor, face: Face, x: int, y: int, width: int, height: int
) -> None:
    part = portrait[:, y : y + height, x : x + width]
    found = find_faces(nets, part)
    assert len(found) == 1
    moved = eyes_of(face) - torch.tensor([x, y])
    assert (eyes_of(found[0]) - moved).norm(dim=-1).max() < 10


def small_face(portrait: Tensor, side: int) -> Tensor:
    """The portrait ``side`` pixels wide in a 960x720 grey picture, at (500, 200)."""
    picture = torch.full((3, 720, 960), 120, dtype=torch.uint8)
    small = torch.nn.functional.interpolate(
        portrait[None].float(), size=(side, side), mode="bilinear", antialias=True
    )[0]
    picture[:, 200 : 200 + side, 500 : 500 + side] = small.round().to(torch.uint8)
    return picture


def test_small_faces_need_a_closer_look(nets: FaceNets, portrait: Tensor) -> None:
    picture = small_face(portrait, 80)  # the face is 16 of 960 pixels wide
    assert find_faces(nets, picture, FaceOptions(face_search="fast")) == []
    found = find_faces(nets, picture)
    assert len(found) == 1
    x, y = found[0].center_px
    assert abs(x - 535) < 4
    assert abs(y - 219) < 4


def test_a_small_face_does_not_stand_on_its_head(nets: FaceNets, portrait: Tensor) -> None:
    # From far the turned copy of this picture looks like a face; a closer look knows better.
    picture = torch.full((3, 2160, 3840), 120, dtype=torch.uint8)
    picture[:, 1500:1692, 3000:3192] = portrait[:, 10:202, 127:319]
    found = find_faces(nets, picture)
    assert len(found) == 1
    assert (eyes_of(found[0]) - torch.tensor([[3067.0, 1590.0], [3129.0, 1594.0]])).abs().max() < 5


def test_two_people_are_sorted_by_size(nets: FaceNets, portrait: Tensor) -> None:
    picture = small_face(portrait, 256)
    picture[:, :512, :400] = portrait[:, :, :400]
    sizes = [found.size_px for found in find_faces(nets, picture)]
    assert len(sizes) == 2
    assert sizes[0] > 90
    assert 40 < sizes[1] < 60


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3, 5)])
def test_tiny_pictures_have_no_face(nets: FaceNets, size: tuple[int, int]) -> None:
    assert find_faces(nets, torch.zeros((3, *size), dtype=torch.uint8)) == []


def test_noise_has_no_face(nets: FaceNets) -> None:
    noise = torch.randint(0, 256, (3, 200, 300), generator=torch.Generator().manual_seed(1))
    assert find_faces(nets, noise.to(torch.uint8)) == []


def test_float_pictures_are_the_same(nets: FaceNets, portrait: Tensor, face: Face) -> None:
    again = find_faces(nets, portrait.float() / 255)[0]
    torch.testing.assert_close(again.mesh_px, face.mesh_px)


def test_thresholds_are_obeyed(nets: FaceNets, portrait: Tensor, face: Face) -> None:
    sure = FaceOptions(detection_threshold=0.99, face_search="fast")
    assert face.score < 0.99
    assert find_faces(nets, portrait, sure) == []

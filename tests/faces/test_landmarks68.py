"""The 68 points of FAN: what is cut out, where the maxima lie, and back to the picture."""

from __future__ import annotations

import pytest
import torch

from sadtalker_core.errors import StructureError
from sadtalker_core.faces import landmarks68
from sadtalker_core.faces.landmarks68 import (
    FacePlace,
    cut_256,
    find_landmarks_68,
    in_picture,
    landmarks_68,
    peaks,
    place_of_box,
)
from sadtalker_core.faces.nets.fan68 import Fan68, Fan68Config
from sadtalker_core.faces.nets.s3fd import S3fd, S3fdConfig
from sadtalker_core.faces.s3fd import S3fdFaces

TOY = Fan68Config(stacks=2, channels=16, depth=2)


def _toy() -> Fan68:
    torch.manual_seed(1)
    return Fan68(TOY).eval().requires_grad_(False)


def test_a_box_is_raised_and_its_half_girth_is_the_scale() -> None:
    place = place_of_box([10.0, 20.0, 110.0, 220.0])
    assert place.center == pytest.approx((60.0, 120.0 - 24.0))
    assert place.scale == pytest.approx(300 / 195)


def test_what_lies_outside_of_the_picture_is_black() -> None:
    rgb = torch.full((3, 100, 100), 200, dtype=torch.uint8)
    # 200 pixels around the middle: a quarter of each side is outside
    cut = cut_256(rgb, FacePlace((50.0, 50.0), 1.0))
    assert cut.shape == (3, 256, 256)
    assert cut[0, 128, 128] == 200
    assert cut[0, 128, 50] == 0
    assert cut[0, 210, 128] == 0
    assert cut_256(rgb, FacePlace((-300.0, 50.0), 1.0)).max() == 0


def test_places_that_no_face_has() -> None:
    rgb = torch.zeros((3, 20, 20), dtype=torch.uint8)
    for scale in (0.0, 0.001, 1e6):
        with pytest.raises(StructureError):
            cut_256(rgb, FacePlace((10.0, 10.0), scale))


def test_maxima_lean_toward_the_higher_neighbour() -> None:
    maps = torch.zeros((1, 4, 8, 8))
    maps[0, 0, 3, 5] = 1.0
    maps[0, 0, 3, 6] = 0.5
    maps[0, 0, 2, 5] = 0.5
    maps[0, 1, 0, 4] = 1.0  # at the edge nothing leans
    maps[0, 1, 0, 5] = 0.5
    maps[0, 2, 4, 4] = maps[0, 2, 4, 6] = 1.0  # the first of equal ones
    maps[0, 3, 6, 7] = 1.0
    assert peaks(maps)[0].tolist() == [[5.75, 3.25], [4.5, 0.5], [4.5, 4.5], [7.5, 6.5]]


def test_points_in_the_picture_are_cut_toward_zero() -> None:
    place = FacePlace((10.0, 100.0), 1.0)  # the cut begins at x = -90, y = 0
    points = torch.tensor([[32.1, 32.1], [0.3, 0.3], [28.7, 63.9]])
    step = 200 / 64
    wanted = [[10, 100], [int(-90 + 0.3 * step), 0], [0, int(63.9 * step)]]
    assert in_picture(points, place).tolist() == wanted


def test_pictures_go_together_and_come_out_as_alone() -> None:
    net = _toy()
    rgb = [torch.randint(0, 256, (3, 90, 120), dtype=torch.uint8) for _ in range(3)]
    boxes = [[30.0, 20, 80, 80], [20, 30, 90, 95], [-5, -5, 60, 60]]
    together = landmarks_68(net, rgb, boxes)
    assert together.shape == (3, 68, 2)
    assert together.dtype == torch.float32
    alone = [landmarks_68(net, [each], [box])[0] for each, box in zip(rgb, boxes)]
    assert torch.equal(together, torch.stack(alone))
    assert torch.equal(together, together.trunc())
    assert landmarks_68(net, [], []).shape == (0, 68, 2)
    with pytest.raises(StructureError):
        landmarks_68(net, rgb, boxes[:2])


def test_a_picture_without_a_face_has_no_points(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def detect(net: S3fd, rgb: torch.Tensor) -> list[S3fdFaces]:
        sizes.append(len(rgb))
        boxes = torch.tensor([[30.0, 20, 80, 80], [0, 0, 9, 9]], dtype=torch.float64)
        dark = [each.max() == 0 for each in rgb]
        return [S3fdFaces(boxes[: 0 if none else 2], torch.ones(0 if none else 2)) for none in dark]

    monkeypatch.setattr(landmarks68, "detect_s3fd", detect)
    net, detector = _toy(), S3fd(S3fdConfig(4))
    rgb = [torch.randint(0, 256, (3, 90, 120), dtype=torch.uint8) for _ in range(3)]
    rgb[1].zero_()
    found = find_landmarks_68(detector, net, rgb)
    assert found[1] is None
    assert sizes == [3]
    first, last = found[0], found[2]
    assert first is not None
    assert last is not None
    assert torch.equal(first, landmarks_68(net, rgb[:1], [[30.0, 20, 80, 80]])[0])
    assert not torch.equal(first, last)
    # pictures of different sizes are looked at one by one
    assert len(find_landmarks_68(detector, net, [rgb[0], rgb[2][:, :80]])) == 2
    assert sizes == [3, 1, 1]
    assert find_landmarks_68(detector, net, []) == []


def test_fan68_gives_a_map_for_each_point_and_stack() -> None:
    maps = _toy()(torch.rand(2, 3, 64, 64))
    assert [tuple(each.shape) for each in maps] == [(2, 68, 16, 16)] * 2

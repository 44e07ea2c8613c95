from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sadtalker_core.faces.face import Face
from sadtalker_core.faces.networks import FaceNets
from sadtalker_core.faces.within import find_faces_within


@pytest.fixture(scope="module")
def two(portrait: Tensor) -> Tensor:
    """The portrait twice, side by side."""
    return torch.cat((portrait, portrait.flip(2)), 2)


def box_of(face: Face, x: float = 0.0) -> list[float]:
    return [value + x * (1 - index % 2) for index, value in enumerate(face.box_px.tolist())]


def test_only_the_face_in_the_box_is_found(nets: FaceNets, two: Tensor, face: Face) -> None:
    found = find_faces_within(nets, two, [box_of(face)])
    assert len(found) == 1
    assert (found[0].mesh_px - face.mesh_px)[:, :2].abs().max() < 0.04 * face.size_px


def test_a_face_that_two_boxes_show_is_found_once(nets: FaceNets, two: Tensor, face: Face) -> None:
    loose = [face.box_px[0] - 30, face.box_px[1] - 20, face.box_px[2] + 10, face.box_px[3] + 40]
    mirrored = [1023 - face.box_px[2], face.box_px[1], 1023 - face.box_px[0], face.box_px[3]]
    boxes = [box_of(face), [float(v) for v in loose], [float(v) for v in mirrored]]
    found = find_faces_within(nets, two, boxes)
    assert sorted(round(f.center_px[0] / 512) for f in found) == [0, 2]


def test_nothing_is_found_beside_a_face(nets: FaceNets, two: Tensor) -> None:
    assert find_faces_within(nets, two, [[0, 300, 90, 400], [2000, 10, 2100, 90]]) == []
    assert find_faces_within(nets, two, []) == []

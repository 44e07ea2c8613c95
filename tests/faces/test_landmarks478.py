from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import StructureError
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.landmarks478 import face_of_478, landmarks_478
from sadtalker_core.faces.mesh import EYE_TO_MESH, mesh_with_eyes


def as_mediapipe(face: Face, angle: float = 0.3) -> tuple[Tensor, Tensor]:
    """Landmarks of our own face, and the same in the 192 units of the landmark net's crop."""
    points = landmarks_478(face)
    depth = torch.cat((face.mesh_px[:, 2:], torch.zeros(10, 1)))
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return points, torch.cat((points @ turn, depth), 1) * 0.4 + 7


def test_our_own_face_comes_back(face: Face) -> None:
    found = face_of_478(*as_mediapipe(face), score=0.8, presence=0.7)
    assert torch.equal(found.iris_px, face.iris_px)
    assert torch.equal(found.eyes_px, face.eyes_px)
    assert torch.equal(found.mesh_px[:, :2], mesh_with_eyes(face)[:, :2])
    depth, wanted = (each.mesh_px[:, 2] for each in (found, face))
    assert (depth - depth.mean() - (wanted - wanted.mean())).abs().max() < 0.02 * face.size_px
    assert (found.score, found.presence) == (0.8, 0.7)


def test_the_viewers_left_eye_is_first(face: Face) -> None:
    found = face_of_478(as_mediapipe(face)[0])
    for side in (0, 1):
        lids = found.mesh_px[list(EYE_TO_MESH[side])[:16], 0]
        assert lids.min() < found.iris_px[side, 0, 0] < lids.max()


def test_other_landmarks_are_refused() -> None:
    with pytest.raises(StructureError, match="478 finite landmarks"):
        face_of_478(torch.zeros(468, 2))
    with pytest.raises(StructureError, match="478 finite landmarks"):
        face_of_478(torch.full((478, 2), math.nan))

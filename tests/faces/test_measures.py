"""Measures of a face: free of pose, and what only pixels tell."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sadtalker_core.faces.face import Face
from sadtalker_core.faces.measures import (
    canonical_unit,
    dark_opening,
    face_measures,
    frontal_meshes,
    iris_places,
    lip_heights,
    lip_measures,
)
from sadtalker_core.faces.mesh import LIPS_OUTER_LOWER, LIPS_OUTER_UPPER, canonical_points
from sadtalker_core.faces.ratios import opening_ratios
from sadtalker_core.geometry.pose import rotation_from_angles


def placed(points: Tensor, angles: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Tensor:
    """(1, 468, 3) in pixels: turned, 50 pixels a centimetre, about (300, 200)."""
    turn = rotation_from_angles(torch.tensor(angles))
    return (points @ turn.T * 50 + torch.tensor([300.0, 200.0, 5.0]))[None]


@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (0.3, -0.4, 0.2)])
def test_measures_are_free_of_pose(angles: tuple[float, float, float]) -> None:
    neutral = canonical_points()
    face = frontal_meshes(placed(neutral, angles))[0].float()
    torch.testing.assert_close(face, neutral / canonical_unit(), atol=1e-4, rtol=0)
    want, got = face_measures(placed(neutral)), face_measures(placed(neutral, angles))
    torch.testing.assert_close(got, want, atol=1e-4, rtol=0)
    torch.testing.assert_close(got[:, :5], lip_measures(placed(neutral)), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        lip_heights(placed(neutral, angles)), lip_heights(placed(neutral)), atol=1e-4, rtol=0
    )


def test_irises_are_placed_along_their_eyes(face: Face) -> None:
    unit = torch.tensor([100.0])
    eyes, irises = face.eyes_px[None], face.iris_px[None]
    start = iris_places(eyes, irises, unit)
    moved = iris_places(eyes, irises + torch.tensor([10.0, 0.0]), unit) - start
    assert moved[0, :, 0].tolist() == pytest.approx([0.1, 0.1], abs=0.01)
    turn = torch.tensor([[0.8, 0.6], [-0.6, 0.8]])
    torch.testing.assert_close(
        iris_places(eyes @ turn, irises @ turn, unit), start, atol=1e-5, rtol=0
    )


def test_dark_between_the_lips(face: Face) -> None:
    mesh = face.mesh_px
    x = int(mesh[LIPS_OUTER_UPPER[5], 0])
    top, bottom = (int(mesh[i, 1]) for i in (LIPS_OUTER_UPPER[5], LIPS_OUTER_LOWER[5]))
    picture = torch.full((3, 400, 400), 150, dtype=torch.uint8)
    assert dark_opening(picture, mesh, 50.0) == 0
    picture[:, top + 5 : bottom - 4, x - 10 : x + 10] = 30
    height = (bottom - 4 - top - 5) / 50
    assert dark_opening(picture, mesh, 50.0) == pytest.approx(height, abs=0.05)
    picture[:, top + 5 : bottom - 4, x - 10 : x + 10] = 220  # teeth
    assert dark_opening(picture, mesh, 50.0) == 0


def test_dark_is_looked_for_within_the_picture(face: Face) -> None:
    assert dark_opening(torch.zeros(3, 8, 8, dtype=torch.uint8), face.mesh_px, 50.0) == 0


def test_ratios_of_the_portrait(face: Face) -> None:
    eyes, lips = opening_ratios(face)
    assert eyes.shape == (2,)
    assert 0.2 < float(eyes.min()) <= float(eyes.max()) < 0.5
    assert 0.1 < float(lips) < 0.4  # a smile that shows teeth

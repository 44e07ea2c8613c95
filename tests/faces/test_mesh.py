"""The tables of the mesh against its neutral shape: order, sides, symmetry."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sadtalker_core.faces import mesh
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import FaceNets

LINES = [
    mesh.LIPS_OUTER_UPPER,
    mesh.LIPS_OUTER_LOWER,
    mesh.LIPS_INNER_UPPER,
    mesh.LIPS_INNER_LOWER,
    *mesh.EYE_UPPER,
    *mesh.EYE_LOWER,
    *mesh.BROW_UPPER,
    *mesh.BROW_LOWER,
    mesh.NOSE_BASE,
]


@pytest.mark.parametrize("line", LINES)
def test_lines_run_from_left_to_right(line: tuple[int, ...]) -> None:
    assert len(set(line)) == len(line)
    assert (mesh.canonical_points()[list(line), 0].diff() > 0).all()


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        (mesh.LIPS_OUTER_UPPER, mesh.LIPS_OUTER_LOWER),
        (mesh.LIPS_INNER_UPPER, mesh.LIPS_INNER_LOWER),
        *zip(mesh.EYE_UPPER, mesh.EYE_LOWER),
    ],
)
def test_upper_is_above_lower_and_they_share_their_ends(
    upper: tuple[int, ...], lower: tuple[int, ...]
) -> None:
    assert (upper[0], upper[-1]) == (lower[0], lower[-1])
    y = mesh.canonical_points()[:, 1]
    assert (y[list(upper)][1:-1] < y[list(lower)][1:-1]).all()


def test_pairs_are_mirror_images() -> None:
    mirror = mesh.mirror_points()
    assert torch.equal(mirror[mirror], torch.arange(mesh.POINTS))
    assert mirror[list(mesh.EYE_TO_MESH[0])].tolist() == list(mesh.EYE_TO_MESH[1])
    for left, right in (mesh.EYE_OUTER, mesh.EYE_INNER, mesh.MOUTH_CORNERS, mesh.CHEEK_SIDES):
        assert mirror[left] == right
    assert mirror[list(mesh.BROW_UPPER[0])].tolist() == list(reversed(mesh.BROW_UPPER[1]))
    assert set(mirror[list(mesh.RIGID)].tolist()) == set(mesh.RIGID)


def test_the_oval_is_the_clockwise_border_of_the_triangles() -> None:
    edges: dict[tuple[int, int], int] = {}
    for triangle in mesh.triangles().tolist():
        for a, b in zip(triangle, triangle[1:] + triangle[:1]):
            edges[min(a, b), max(a, b)] = edges.get((min(a, b), max(a, b)), 0) + 1
    border = {edge for edge, count in edges.items() if count == 1}
    oval = list(mesh.FACE_OVAL)
    ring = {(min(a, b), max(a, b)) for a, b in zip(oval, oval[1:] + oval[:1])}
    assert ring <= border
    holes = {point for edge in border - ring for point in edge}
    eyes = {point for line in (*mesh.EYE_UPPER, *mesh.EYE_LOWER) for point in line}
    assert holes == eyes | set(mesh.LIPS_INNER_UPPER) | set(mesh.LIPS_INNER_LOWER)
    x, y = mesh.canonical_points()[oval, :2].unbind(-1)
    area = (x * y.roll(-1) - x.roll(-1) * y).sum()
    assert area > 0  # y is down, so clockwise is positive


def test_the_neutral_face_looks_at_the_viewer() -> None:
    points = mesh.canonical_points()
    assert points[mesh.NOSE_TIP, 2] < points[list(mesh.CHEEK_SIDES), 2].min()
    assert points[mesh.FOREHEAD, 1] < points[mesh.NOSE_TIP, 1] < points[mesh.CHIN, 1]
    angles = mesh.head_pose(points * 3 + 5).angles_rad
    torch.testing.assert_close(angles, torch.zeros(3), atol=1e-5, rtol=0)
    points.zero_()
    assert mesh.canonical_points().abs().max() > 1  # a copy each time


def test_pose_of_the_portrait_and_of_its_mirror_image(
    nets: FaceNets, portrait: Tensor, face: Face
) -> None:
    pitch, yaw, roll = (math.degrees(a) for a in mesh.head_pose(face.mesh_px).angles_rad.tolist())
    assert abs(pitch) < 12
    assert abs(yaw) < 8
    assert 0.5 < roll < 7  # her head leans to the viewer's right
    mirrored = mesh.head_pose(find_faces(nets, portrait.flip(-1))[0].mesh_px).angles_rad
    assert math.degrees(float(mirrored[2])) == pytest.approx(-roll, abs=1.0)


def test_mesh_with_eyes_takes_lids_from_the_iris_net(face: Face) -> None:
    merged = mesh.mesh_with_eyes(face)
    for side in (0, 1):
        assert torch.equal(merged[list(mesh.EYE_TO_MESH[side]), :2], face.eyes_px[side])
        upper, lower = (
            face.eyes_px[side][list(mesh.EYE_POINT_UPPER)],
            face.eyes_px[side][list(mesh.EYE_POINT_LOWER)],
        )
        assert (upper[1:-1, 1] < lower[1:-1, 1]).all()
    assert torch.equal(merged[:, 2], face.mesh_px[:, 2])
    assert torch.equal(merged[mesh.NOSE_TIP], face.mesh_px[mesh.NOSE_TIP])

"""Faces made of the neutral mesh, moved by known amounts: what a perfect tracker would see."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import torch
from torch import Tensor

from sadtalker_core.faces.face import Face
from sadtalker_core.faces.measures import canonical_unit
from sadtalker_core.faces.mesh import (
    BROW_LOWER,
    BROW_UPPER,
    CHIN,
    EYE_LOWER,
    EYE_TO_MESH,
    EYE_UPPER,
    LIPS_INNER_LOWER,
    LIPS_INNER_UPPER,
    LIPS_OUTER_LOWER,
    MOUTH_CORNERS,
    canonical_points,
)
from sadtalker_core.geometry.pose import rotation_from_angles
from sadtalker_core.systems.lite.driver_rows import DriverRows, SeenFace, measure_faces

UNIT_PX = 100.0
FPS = Fraction(25)


def drawn_face(
    opening: float = 0.0,
    chin: float = 0.0,
    wider: float = 0.0,
    corners_up: float = 0.0,
    lids: tuple[float, float] = (0.0, 0.0),
    gaze: tuple[float, float] = (0.0, 0.0),
    brows: tuple[float, float] = (0.0, 0.0),
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shift: tuple[float, float] = (0.0, 0.0),
    size: float = 1.0,
    pivot_e: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Face:
    """A face of 100 pixels E around (300, 300); lengths in E, angles in radians, lids 1 closed.

    The head turns about ``pivot_e`` and grows about it as well.
    """
    mesh = canonical_points().double() / canonical_unit()
    # the neutral mesh parts its lips a little
    mesh[list(LIPS_INNER_LOWER)] = mesh[list(LIPS_INNER_UPPER)]
    mesh[list(LIPS_INNER_LOWER[1:-1]), 1] += opening
    mesh[list(LIPS_OUTER_LOWER[1:-1]), 1] += opening
    mesh[CHIN, 1] += chin
    left, right = MOUTH_CORNERS
    mesh[[left, 78], 0] -= wider / 2
    mesh[[right, 308], 0] += wider / 2
    mesh[[left, right, 78, 308], 1] -= corners_up
    irises: list[Tensor] = []
    for side in (0, 1):
        upper, lower = list(EYE_UPPER[side][1:-1]), list(EYE_LOWER[side][1:-1])
        mesh[upper, 1] += lids[side] * (mesh[lower, 1] - mesh[upper, 1])
        mesh[[*BROW_UPPER[side], *BROW_LOWER[side]], 1] -= brows[side]
        middle = mesh[[upper[3], lower[3], EYE_UPPER[side][0], EYE_UPPER[side][-1]]].mean(0)
        middle = middle + middle.new_tensor([*gaze, 0.0])
        rim = middle.new_tensor(
            [[0, 0, 0], [0.06, 0, 0], [0, 0.06, 0], [-0.06, 0, 0], [0, -0.06, 0]]
        )
        irises.append(middle + rim)
    turn = rotation_from_angles(torch.tensor(angles, dtype=torch.float64))
    pivot = torch.tensor(pivot_e, dtype=torch.float64)
    moved = torch.tensor([*shift, 0.0], dtype=torch.float64)

    def placed(points: Tensor) -> Tensor:
        turned = ((points - pivot) @ turn.T * size + pivot + moved) * UNIT_PX
        return (turned + turned.new_tensor([300.0, 300.0, 0.0])).float()

    mesh_px = placed(mesh)
    return Face(
        box_px=torch.cat((mesh_px[:, :2].amin(0), mesh_px[:, :2].amax(0))),
        score=1.0,
        mesh_px=mesh_px,
        eyes_px=torch.stack([mesh_px[list(points), :2] for points in EYE_TO_MESH]),
        iris_px=torch.stack([placed(iris)[:, :2] for iris in irises]),
        presence=1.0,
    )


def rows_of(faces: list[Face], lost: tuple[int, ...] = (), dark: float = 0.0) -> DriverRows:
    """What the tracker would measure of them, some of them lost, the last with a dark mouth."""
    seen = [SeenFace(face, 0.0, index not in lost) for index, face in enumerate(faces)]
    seen[-1] = dataclasses.replace(seen[-1], dark=dark)
    return measure_faces(seen, FPS)

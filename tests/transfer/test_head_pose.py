"""Head pose between the two conventions: signs, exact way back, and real points that move alike."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import StructureError
from sadtalker_core.faces.mesh import CHEEK_SIDES, EYE_INNER, EYE_OUTER, NOSE_TIP, canonical_points
from sadtalker_core.geometry.pose import fit_similarity
from sadtalker_core.structures import Coeff3DMM, LiteMotion
from sadtalker_core.systems.lite.head import HeadField, HeadPose
from sadtalker_core.transfer.head_pose import (
    LEAN_PIVOT,
    MODEL_UNITS_PER_E,
    TURN_PIVOT,
    coeff_from_lite,
    lite_from_coeff,
)

FPS = Fraction(25)
# Standard landmarks of the 3DMM's alignment (left eye, right eye, nose, mouth corners).
STANDARD = torch.tensor(
    [
        [-0.3115, 0.2904, 0.1338],
        [0.3098, 0.2897, 0.1318],
        [0.0033, -0.0462, 0.5524],
        [-0.2522, -0.3813, 0.2241],
        [0.2485, -0.3813, 0.2224],
    ],
    dtype=torch.float64,
)


def coeff(angles: Tensor, translation: Tensor | None = None) -> Coeff3DMM:
    moved = torch.zeros_like(angles) if translation is None else translation
    return Coeff3DMM(torch.zeros(len(angles), 64), angles, moved, FPS)


def model_rotation(angles: Tensor) -> Tensor:
    """``compute_rotation`` of the published model, written out once more: Rz Ry Rx."""
    turns: list[Tensor] = []
    for axis, angle in enumerate(angles.double()):
        turn = torch.eye(3, dtype=torch.float64)
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        turn[i, i] = turn[j, j] = angle.cos()
        turn[i, j], turn[j, i] = -angle.sin(), angle.sin()
        turns.append(turn)
    return turns[2] @ turns[1] @ turns[0]


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        # the nose (+z) sinks (-y): looks down
        ((0.3, 0.0, 0.0), (0.3, 0.0, 0.0)),
        # the nose goes to +x: turns to the viewer's right
        ((0.0, 0.3, 0.0), (0.0, 0.3, 0.0)),
        # the crown (+y) goes to -x: leans to the viewer's left
        ((0.0, 0.0, 0.3), (0.0, 0.0, -0.3)),
        ((0.2, -0.4, 0.1), (0.2, -0.4, -0.1)),
    ],
)
def test_signs(angles: tuple[float, ...], expected: tuple[float, ...]) -> None:
    lite = lite_from_coeff(coeff(torch.tensor([angles])))
    torch.testing.assert_close(lite.rotation_rad, torch.tensor([expected]), atol=1e-6, rtol=0)
    nose, crown = (
        model_rotation(torch.tensor(angles))[:, 2],
        model_rotation(torch.tensor(angles))[:, 1],
    )
    assert float(nose[1]) * expected[0] <= 1e-9  # up in the model is -y of pitch
    assert float(nose[0]) * expected[1] >= -1e-9
    if angles[:2] == (0.0, 0.0):
        assert float(crown[0]) * expected[2] >= -1e-9


def random_coeff(length: int, seed: int, spread: float) -> Coeff3DMM:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(length, 73, generator=generator) * spread
    return Coeff3DMM.from_rows(rows, FPS, torch.ones(1, 80))


@pytest.mark.parametrize("with_source", [True, False])
def test_there_and_back_is_exact(with_source: bool) -> None:
    motion = random_coeff(200, 0, 0.35)
    source = random_coeff(1, 1, 0.3) if with_source else None
    lite = lite_from_coeff(motion, source)
    again = coeff_from_lite(lite, source, motion)
    torch.testing.assert_close(again.rotation_rad, motion.rotation_rad, atol=2e-6, rtol=0)
    torch.testing.assert_close(again.translation, motion.translation, atol=2e-6, rtol=0)
    assert torch.equal(again.expression, motion.expression)
    lite_again = lite_from_coeff(again, source)
    torch.testing.assert_close(lite_again.rotation_rad, lite.rotation_rad, atol=2e-6, rtol=0)
    torch.testing.assert_close(lite_again.translation, lite.translation, atol=3e-6, rtol=0)


def test_the_source_pose_is_rest() -> None:
    source = random_coeff(1, 3, 0.3)
    still = coeff_from_lite(LiteMotion.rest(4, FPS), source)
    torch.testing.assert_close(still.rows(), source.rows().expand(4, -1))
    assert still.identity is source.identity
    rest = lite_from_coeff(still, source)
    assert rest.rotation_rad.abs().max() < 1e-6
    assert rest.translation.abs().max() < 1e-6


def test_constants_are_those_of_the_neutral_mesh() -> None:
    mesh = canonical_points().double()
    eyes = [mesh[[EYE_OUTER[k], EYE_INNER[k]]].mean(0) for k in (0, 1)]
    points = torch.stack((*eyes, mesh[NOSE_TIP], mesh[61], mesh[291]))
    flip = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)
    laid = fit_similarity(points, STANDARD * flip)
    assert (laid.apply(points) - STANDARD * flip).abs().max() < 0.016  # the axes are understood
    unit = float((mesh[EYE_OUTER[1]] - mesh[EYE_OUTER[0]]).norm() * laid.scale)
    assert unit == pytest.approx(MODEL_UNITS_PER_E, abs=5e-4)
    ears = laid.apply(mesh[list(CHEEK_SIDES)]).mean(0) / unit
    down = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    for pivot, drop in ((TURN_PIVOT, 0.25), (LEAN_PIVOT, 1.1)):  # as systems/lite/head.py
        torch.testing.assert_close(
            ears + drop * down, torch.tensor(pivot, dtype=torch.float64), atol=5e-3, rtol=0
        )


def test_points_of_the_head_go_where_the_model_puts_them() -> None:
    """The built-in engine's own solid in the translated pose against the model's formula."""
    unit_px = 100.0
    points = STANDARD / MODEL_UNITS_PER_E * torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)
    pivots = [torch.tensor(pivot).numpy() * unit_px for pivot in (TURN_PIVOT, LEAN_PIVOT)]
    field = HeadField(
        (points * unit_px).float().numpy()[None],
        torch.ones(1, 5, 1).numpy(),
        pivots[0],
        pivots[1],
        unit_px,
        torch.full((3, 2), 9.0).numpy(),
    )
    for seed in range(5):
        motion = random_coeff(1, seed, 0.15)
        lite = lite_from_coeff(motion)
        # depth only enlarges in that engine, by its own law: compare without it
        flat = lite.translation * torch.tensor([1.0, 1.0, 0.0])
        pose = HeadPose(lite.rotation_rad[0].numpy(), flat[0].numpy())
        got = torch.from_numpy(field.rigid(field.points_px, pose))[0]
        model = STANDARD @ model_rotation(motion.rotation_rad[0]).T + motion.translation.double()
        wanted = (model * torch.tensor([1.0, -1.0, -1.0]) / MODEL_UNITS_PER_E * unit_px)[:, :2]
        torch.testing.assert_close(got.double(), wanted, atol=1e-3, rtol=0)


def test_faces_come_along() -> None:
    motion = random_coeff(5, 7, 0.1)
    face = dataclasses.replace(LiteMotion.rest(5, FPS), open=torch.rand(5))
    assert torch.equal(lite_from_coeff(motion, face=face).open, face.open)
    with pytest.raises(StructureError, match="same frames"):
        lite_from_coeff(motion, face=LiteMotion.rest(4, FPS))
    with pytest.raises(StructureError, match="same frames"):
        coeff_from_lite(LiteMotion.rest(5, Fraction(30)), face=motion)
    with pytest.raises(StructureError, match="one frame"):
        lite_from_coeff(motion, motion)


def test_all_of_a_result_is_where_the_motion_was() -> None:
    coeff = Coeff3DMM.from_rows(torch.zeros(3, 70), Fraction(25)).to("meta")
    lite = lite_from_coeff(coeff)
    back = coeff_from_lite(lite)
    for made in (lite, back):
        tensors = [value for value in vars(made).values() if isinstance(value, Tensor)]
        assert {value.device.type for value in tensors} == {"meta"}

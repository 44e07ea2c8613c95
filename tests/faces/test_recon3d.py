"""Alignment to 224 pixels, the reconstruction network at toy size, and its numbers by name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import FaceError, StructureError
from sadtalker_core.faces import recon3d
from sadtalker_core.faces.nets.recon3d import Recon3D, Recon3DConfig
from sadtalker_core.faces.nets.resnet import ResNetConfig
from sadtalker_core.geometry.resize import resize_bicubic, resize_linear

TOY = Recon3DConfig(ResNetConfig(4, (1, 2, 1, 1)))


@pytest.fixture(scope="module")
def net() -> Recon3D:
    torch.manual_seed(0)
    return Recon3D(TOY).eval().requires_grad_(False)


def face_at(x: float, y: float, unit: float) -> Tensor:
    """Five landmarks (5, 2) of the mean face seen from the front, y down."""
    points = torch.tensor(recon3d.STANDARD_POINTS, dtype=torch.float64)[:, :2]
    return points * torch.tensor([unit, -unit]) + torch.tensor([x, y])


def gradient(height: int, width: int) -> Tensor:
    """(3, H, W) uint8: red counts columns and green rows."""
    rgb = torch.zeros(3, height, width, dtype=torch.uint8)
    rgb[0] = torch.arange(width, dtype=torch.uint8)
    rgb[1] = torch.arange(height, dtype=torch.uint8)[:, None]
    return rgb


def test_the_mean_face_is_fitted_exactly() -> None:
    up = torch.tensor([[1.0, -1.0]]) * face_at(100, -80, 60)
    middle, unit = recon3d.fit_standard(up)
    assert unit == pytest.approx(60, rel=1e-9)
    torch.testing.assert_close(middle, torch.tensor([100.0, 80.0], dtype=torch.float64))
    # both axes count alike
    assert recon3d.fit_standard(up * torch.tensor([1.0, 0.5]))[1] == pytest.approx(45)


def test_alignment_puts_the_face_in_the_middle_at_the_trained_size() -> None:
    aligned = recon3d.align_224(gradient(180, 240), face_at(140, 70, 41))
    assert aligned.image.shape == (1, 3, 224, 224)
    width, height, scale, x, y = aligned.trans_params.tolist()
    assert (width, height) == (240, 180)
    assert scale == pytest.approx(102 / 41)
    assert (x, y) == pytest.approx((140, 180 - 1 - 70))
    moved = aligned.landmarks_px.double()
    eyes = float((moved[1] - moved[0]).norm())
    assert eyes == pytest.approx(float((face_at(0, 0, 102)[1] - face_at(0, 0, 102)[0]).norm()))
    # half of what is cut off to whole pixels shifts the middle
    right, up = ((side * scale - int(side * scale)) / 2 for side in (width, height))
    expected = face_at(112 + right, 111 - up, 102).mean(0)
    assert moved.mean(0).tolist() == pytest.approx(expected.tolist(), abs=0.01)


def test_the_picture_moves_with_its_landmarks() -> None:
    rgb, points = gradient(180, 240), face_at(140, 70, 40)
    aligned = recon3d.align_224(rgb, points)
    for (x, y), (ax, ay) in zip(points.tolist(), aligned.landmarks_px.tolist()):
        there = aligned.image[0, :, round(ay), round(ax)] * 255
        # half a pixel for rounding, and one that the original's flip of y leaves
        assert float(there[0]) == pytest.approx(x, abs=1.2)
        assert float(there[1]) == pytest.approx(y, abs=1.2)


def test_outside_of_the_picture_is_black() -> None:
    bright = torch.full((3, 100, 100), 255, dtype=torch.uint8)
    image = recon3d.align_224(bright, face_at(5, 50, 40)).image[0]
    assert float(image[:, :, :60].max()) == 0.0
    assert float(image[:, 100:120, 120:].min()) == 1.0
    # a face beside the picture shows nothing, and does not fail
    assert float(recon3d.align_224(bright, face_at(-900, 50, 40)).image.max()) == 0.0


def test_five_points_of_68_are_eyes_nose_and_mouth() -> None:
    points = torch.arange(68.0)[:, None].repeat(1, 2)
    found = recon3d.five_points(points)[:, 0].tolist()
    assert found == [37.5, 43.5, 30, 48, 54]
    assert recon3d.five_points(points[:5]) is not None


def test_the_average_face_of_a_picture_without_one() -> None:
    points = recon3d.standard_landmarks_px(100, 200)
    assert points[0].tolist() == pytest.approx([68.85134, 34.48196], abs=1e-4)
    assert float(points[3, 1]) == pytest.approx(100 - 1 - (1 - 0.3813391625881195) / 2 * 100)


@pytest.mark.parametrize("unit", [0.0, float("nan"), 1e-7])
def test_points_that_are_no_face_are_refused(unit: float) -> None:
    with pytest.raises(FaceError):
        recon3d.align_224(gradient(100, 100), face_at(50, 50, unit))


def test_shapes_are_checked() -> None:
    with pytest.raises(StructureError, match=r"\(67, 2\)"):
        recon3d.align_224(gradient(100, 100), torch.zeros(67, 2))
    with pytest.raises(StructureError, match="257"):
        recon3d.split_coefficients(torch.zeros(2, 256))


def test_coefficients_by_name_and_as_rows() -> None:
    numbers = torch.arange(257.0).repeat(2, 1)
    parts = recon3d.split_coefficients(numbers)
    assert parts.identity[0, 0] == 0
    assert parts.expression[0, 0] == 80
    assert parts.texture[0, 0] == 144
    assert parts.rotation_rad[0, 0] == 224
    assert parts.light[0, 0] == 227
    assert parts.translation[0].tolist() == [254, 255, 256]
    params = torch.tensor([[256.0, 256, 1.5, 120, 130], [256, 256, 2, 121, 131]])
    rows = recon3d.motion_rows(numbers, params)
    assert rows.shape == (2, 73)
    assert rows[0, :64].tolist() == list(range(80, 144))
    assert rows[1, 64:].tolist() == [224, 225, 226, 254, 255, 256, 2, 121, 131]


def test_a_batch_is_its_members(net: Recon3D) -> None:
    images = torch.rand(3, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    together = recon3d.reconstruct(net, images)
    assert together.shape == (3, 257)
    torch.testing.assert_close(together[1:2], recon3d.reconstruct(net, images[1:2]))
    assert float((together[0] - together[1]).abs().max()) > 0


def test_the_result_is_single_precision_whatever_the_nets() -> None:
    half = Recon3D(TOY).eval().to(torch.bfloat16)
    assert recon3d.reconstruct(half, torch.rand(1, 3, 224, 224)).dtype == torch.float32


def test_builds_without_memory() -> None:
    with torch.device("meta"):
        full = Recon3D()
    assert sum(p.numel() for p in full.parameters()) == 24034625
    assert all(p.is_meta for p in full.parameters())


def test_resizing_keeps_the_edges_in_place() -> None:
    rgb = gradient(40, 60)
    assert torch.equal(resize_linear(rgb, (40, 60)), rgb)
    for resize in (resize_linear, resize_bicubic):
        half = resize(rgb, (20, 30)).float()
        # the middle of the first two columns (0 and 1), and of the rows
        assert half[0, 10, 5] == pytest.approx(10.5, abs=0.5)
        assert half[1, 5, 10] == pytest.approx(10.5, abs=0.5)
        assert half.shape == (3, 20, 30)

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OptionError
from sadtalker_core.faces.crop import (
    crop_square,
    face_in_crop,
    frame_for_mode,
    framed,
    square_around,
)
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.overlay import draw_faces
from sadtalker_core.faces.paste import face_mask, paste_back, square_mask
from sadtalker_core.geometry import affine


def test_an_aligned_square_copies_pixels(portrait: Tensor) -> None:
    image_from_crop = affine.image_from_square((149.5, 99.5), 100.0, 0.0, 100)
    assert torch.equal(crop_square(portrait, image_from_crop, 100), portrait[:, 50:150, 100:200])


@pytest.mark.parametrize("factor", [2, 5])
def test_reducing_averages_areas(portrait: Tensor, factor: int) -> None:
    image_from_crop = affine.image_from_square((249.5, 249.5), 60.0 * factor, 0.0, 60)
    low = 250 - 30 * factor
    part = portrait[:, low : low + 60 * factor, low : low + 60 * factor].float()
    mean = torch.nn.functional.avg_pool2d(part, factor)
    cropped = crop_square(portrait, image_from_crop, 60).float()
    # a crop in step with the cells is their mean
    assert (cropped - mean).abs().max() <= 1.0


@pytest.mark.parametrize("side", [251.0, 420.5])
def test_reducing_neither_shifts_nor_aliases(side: float) -> None:
    x = torch.linspace(0, 40, 512)
    waves = (127 + 100 * torch.sin(x)).expand(3, 512, 512)
    picture = (waves + 20 * (-1) ** torch.arange(512)).to(torch.uint8)  # fine lines on slow waves
    image_from_crop = affine.image_from_square((256.3, 250.0), side, 0.0, 60)
    cropped = crop_square(picture, image_from_crop, 60)[0, 30].float()
    places = affine.apply(
        image_from_crop, torch.stack((torch.arange(60.0), torch.full((60,), 30.0)), -1)
    )
    expected = 127 + 100 * torch.sin(places[:, 0] * 40 / 511)
    assert (cropped - expected).abs().mean() < 6
    assert (cropped - expected).mean().abs() < 1.5


def test_reducing_at_the_pictures_edge_repeats_it() -> None:
    ramp = torch.arange(50, dtype=torch.uint8).expand(3, 50, 50).contiguous()
    cropped = crop_square(ramp, affine.image_from_square((0.0, 25.0), 40.0, 0.0, 10), 10)
    assert cropped[0, 5, 0] <= 2
    assert abs(float(cropped[0, 5, 9]) - 18) <= 1


def test_an_upright_square_levels_the_eyes(face: Face) -> None:
    crop_from_image = affine.inverse(square_around(face, 256, upright=True))
    corners = affine.apply(crop_from_image, face.mesh_px[[33, 263], :2].double())
    assert abs(float(corners[0, 1] - corners[1, 1])) < 0.01
    lower = affine.inverse(square_around(face, 256, shift_y=0.25))
    middle = affine.inverse(square_around(face, 256))
    nose = face.mesh_px[None, 1, :2].double()
    away = affine.apply(middle, nose) - affine.apply(lower, nose)
    torch.testing.assert_close(away, torch.tensor([[0.0, 64.0]], dtype=torch.float64))


def test_pasting_an_unchanged_crop_changes_nothing(portrait: Tensor, face: Face) -> None:
    aligned = affine.image_from_square((199.5, 149.5), 100.0, 0.0, 100)
    assert torch.equal(paste_back(portrait, crop_square(portrait, aligned, 100), aligned), portrait)
    turned = square_around(face, 320, margin=2.0, upright=True)
    pasted = paste_back(portrait, crop_square(portrait, turned, 320), turned)
    assert (pasted.int() - portrait.int()).abs().float().mean() < 0.5


def test_pasting_fades_out_and_leaves_the_rest_alone(face: Face) -> None:
    image_from_crop = square_around(face, 200, margin=1.5, upright=True)
    grey = torch.full((3, 512, 512), 60, dtype=torch.uint8)
    pasted = paste_back(grey, torch.ones(3, 200, 200), image_from_crop)
    assert grey.eq(60).all()  # the argument is not changed
    x, y = (round(value) for value in face.center_px)
    assert pasted[:, y, x].tolist() == [255, 255, 255]
    rows, columns = (pasted[0] != 60).nonzero().unbind(-1)
    side = float(affine.scale_of(image_from_crop)) * 200
    for places in (rows, columns):
        assert 0.8 * side < float(places.max() - places.min()) < 1.2 * side
    assert pasted[0].int().diff(dim=1).abs().max() < 30  # no seam


def test_pasting_over_the_edge_and_outside(portrait: Tensor) -> None:
    white = torch.ones(3, 40, 40)
    at_corner = affine.image_from_square((0.0, 0.0), 40.0, 0.0, 40)
    assert paste_back(portrait, white, at_corner)[0, 0, 0] == 255
    outside = affine.image_from_square((-100.0, 900.0), 40.0, 0.0, 40)
    assert torch.equal(paste_back(portrait, white, outside), portrait)


def test_masks_are_soft_and_end_at_zero(face: Face) -> None:
    square = square_mask(64, 0.25)
    assert square[32, 32] == 1
    assert square[0].max() < 0.02
    assert square.diff(dim=0).abs().max() < 0.15
    image_from_crop = square_around(face, 128)
    oval = face_mask(face, image_from_crop, 128)
    center = affine.apply(affine.inverse(image_from_crop), face.mesh_px[None, 1, :2].double())[0]
    x, y = center.round().long().tolist()
    assert oval[y, x] == pytest.approx(1.0, abs=1e-4)
    assert max(oval[0].max(), oval[-1].max(), oval[:, 0].max(), oval[:, -1].max()) < 0.02
    assert 0.2 < float(oval.mean()) < 0.6


def test_frames_of_crop_and_resize(face: Face) -> None:
    matrix, size = frame_for_mode("resize", face, (512, 256), 300)
    assert size == (300, 150)
    corner = affine.apply(matrix, torch.tensor([[149.5, 299.5]]))
    torch.testing.assert_close(corner, torch.tensor([[255.5, 511.5]]))
    matrix, size = frame_for_mode("crop", face, (512, 512), 257)
    assert size == (256, 256)
    corners = affine.apply(matrix, torch.tensor([[-0.5, -0.5], [255.5, 255.5]]))
    assert corners.min() >= -0.51
    assert corners.max() <= 511.51
    assert (corners[0] < face.box_px[:2]).all()
    assert (corners[1] > face.box_px[2:]).all()
    with pytest.raises(OptionError, match="resize, crop"):
        frame_for_mode("whole", face, (512, 512), 256)


def test_moved_keeps_pixel_edges(face: Face) -> None:
    moved = face.moved(2.0, x=10.0)
    torch.testing.assert_close(moved.mesh_px[:, 0], face.mesh_px[:, 0] * 2 + 0.5 + 10)
    torch.testing.assert_close(moved.mesh_px[:, 1], face.mesh_px[:, 1] * 2 + 0.5)
    torch.testing.assert_close(moved.iris_px[..., 1], face.iris_px[..., 1] * 2 + 0.5)
    assert moved.size_px == pytest.approx(2 * face.size_px)


def test_overlay_draws_on_the_face_only(portrait: Tensor, face: Face) -> None:
    drawn = draw_faces(portrait, [face])
    factor = drawn.shape[1] // 512
    assert drawn.dtype == torch.uint8
    assert drawn.shape == (3, 512 * factor, 512 * factor)
    assert factor == 3  # the face is about 100 pixels
    plain = draw_faces(portrait, [])
    assert torch.equal(plain, portrait)
    x, y = (round(value * factor + (factor - 1) / 2) for value in face.mesh_px[13, :2].tolist())
    assert not torch.equal(drawn[:, y, x], portrait[:, y // factor, x // factor])


def test_framed_moves_the_face_with_its_picture(face: Face) -> None:
    """A mark in the picture is found where the moved face says it is, even when axes differ."""
    rgb = torch.zeros(3, 300, 1001, dtype=torch.uint8)
    x, y = 700, 150
    rgb[:, y - 3 : y + 4, x - 3 : x + 4] = 255
    marked = replace(face, mesh_px=torch.tensor([[float(x), float(y), 0.0]]).repeat(468, 1))
    shown, moved = framed(rgb, marked, "resize", 101)
    height, width = shown.shape[1:]
    columns, rows = torch.meshgrid(
        torch.arange(float(width)), torch.arange(float(height)), indexing="xy"
    )
    light = shown[0].float() / shown[0].float().sum()
    assert float((light * columns).sum()) == pytest.approx(float(moved.mesh_px[0, 0]), abs=0.1)
    assert float((light * rows).sum()) == pytest.approx(float(moved.mesh_px[0, 1]), abs=0.1)


def test_a_face_is_where_its_turned_crop_shows_it(face: Face) -> None:
    image_from_crop = affine.image_from_square((230.0, 130.0), 180.0, 0.4, 90)
    inside = face_in_crop(face, image_from_crop)
    back = affine.apply(image_from_crop, inside.iris_px.double())
    assert torch.allclose(back.float(), face.iris_px, atol=1e-3)
    back = affine.apply(image_from_crop, inside.mesh_px[:, :2].double())
    assert torch.allclose(back.float(), face.mesh_px[:, :2], atol=1e-3)
    assert torch.allclose(inside.mesh_px[:, 2] * 2, face.mesh_px[:, 2], atol=1e-3)
    assert torch.equal(inside.box_px[:2], inside.mesh_px[:, :2].amin(0))

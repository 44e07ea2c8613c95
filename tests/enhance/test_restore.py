"""GFPGAN's own steps on one picture, beside the goldens: edges, borders, what stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.enhance.align import ffhq_points
from sadtalker_core.enhance.gpen_process import GpenFace, gpen_process
from sadtalker_core.enhance.options import EnhanceOptions
from sadtalker_core.enhance.original import restore_frames
from sadtalker_core.enhance.original_nets import OriginalNets
from sadtalker_core.enhance.restore import (
    align_face,
    is_wide_enough,
    nearest_to_middle,
    restore_picture,
    soft_face_mask,
)
from sadtalker_core.errors import FaceError
from sadtalker_core.geometry import opencv
from sadtalker_core.runtime import Runtime

from .toys import enhancer, portrait, stream_of

_POINTS = ffhq_points(96).float() + 40  # of an upright face in a picture of 192 pixels


def skin(faces: Tensor) -> Tensor:
    """Stands in for ParseNet: skin in the middle."""
    scores = torch.zeros(1, 19, *faces.shape[2:])
    scores[:, 0] = 0.5
    scores[:, 1, 16:48, 16:48] = 1
    return scores


def test_an_upright_face_is_cut_as_the_template_says() -> None:
    face = align_face(portrait(), _POINTS, 96)
    assert torch.allclose(face.crop_from_image[:, :2], torch.eye(2).double(), atol=1e-3)
    assert torch.equal(face.crop, portrait()[:, 40:136, 40:136])


def test_beyond_the_border_is_the_originals_grey() -> None:
    face = align_face(portrait(), _POINTS - 140, 96)
    assert face.crop[:, 0, 0].tolist() == [132, 133, 135]


@pytest.mark.parametrize("parser", [None, skin])
@pytest.mark.parametrize("shift", [0.0, -60.0, 90.0])
def test_pasting_changes_the_face_alone(parser: object, shift: float) -> None:
    before = portrait()
    after = restore_picture(
        before,
        [_POINTS + torch.tensor([shift, 0.0])],
        lambda faces: faces + 0.5,
        parser=parser,  # type: ignore[arg-type]
        size=64,
    )
    where = (before != after).any(0)
    assert where.any()
    assert not where[:38].any()
    assert not where[138:].any()
    left, right = 40 + shift, 136 + shift
    assert not where[:, : max(0, int(left) - 2)].any()
    assert not where[:, int(right) + 3 :].any()


def test_a_face_outside_of_the_picture_changes_nothing() -> None:
    before = portrait()
    for parser in (None, skin):
        after = restore_picture(
            before, [_POINTS + 400], lambda faces: faces + 1, parser=parser, size=64
        )
        assert torch.equal(before, after)


def test_the_mask_of_a_small_crop_is_soft_and_keeps_off_the_border() -> None:
    mask = soft_face_mask(torch.ones(1, 19, 64, 64) - torch.eye(19)[0][None, :, None, None])[0]
    assert float(mask[32, 32]) == pytest.approx(1, abs=1e-3)
    assert not mask[0].any()
    assert not mask[:, -1].any()


@pytest.mark.skipif(not opencv.IS_REAL, reason="needs OpenCV to compare with")
@pytest.mark.parametrize("upscale", [1, 2])
def test_a_parsed_face_is_pasted_with_opencvs_own_levels(upscale: int) -> None:
    """facexlib's calls of OpenCV: masks are doubles, whose warp counts in 1/32 pixel and whose last
    bits decide about levels, as decimals are cut off."""
    cv2, picture = opencv.cv2, portrait()
    points = _POINTS @ torch.tensor([[1.0, 0.1], [-0.1, 1.0]])
    face = align_face(picture, points)
    classes = torch.zeros(512, 512, dtype=torch.long)
    classes[100:420, 4:508] = 1

    def parser(faces: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(classes, 19).permute(2, 0, 1)[None].float()

    found = restore_picture(picture, [points], lambda x: -x, parser=parser, upscale=upscale)
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
    size = (192 * upscale, 192 * upscale)
    behind = cv2.resize(pixels, size, interpolation=cv2.INTER_LANCZOS4)
    matrix = cv2.invertAffineTransform(face.crop_from_image.numpy()) * upscale
    if upscale > 1:
        matrix[:, 2] += 0.5 * upscale
    restored = 255 - face.crop.permute(1, 2, 0).numpy()
    mask = (classes == 1).double().numpy() * 255
    for _ in range(2):
        mask = cv2.GaussianBlur(mask, (101, 101), 11)
    inner = np.zeros_like(mask)
    inner[10:-10, 10:-10] = mask[10:-10, 10:-10] / 255
    reach = cv2.warpAffine(inner, matrix, size, flags=3)[..., None]
    wanted = reach * cv2.warpAffine(restored, matrix, size) + (1 - reach) * behind
    away = (found.permute(1, 2, 0).int() - torch.from_numpy(wanted.astype(np.uint8)).int()).abs()
    assert int(away.max()) <= 1
    assert float((away > 0).float().mean()) < 2e-4


def test_which_faces() -> None:
    assert is_wide_enough(_POINTS)
    assert not is_wide_enough(_POINTS * 0.1)
    boxes = torch.tensor([[0.0, 0, 50, 50], [80, 80, 120, 120], [0, 150, 20, 190]])
    assert nearest_to_middle(boxes, (192, 192)) == 1


def test_gpen_refuses_a_frame_without_faces_and_smooths_small_ones() -> None:
    with pytest.raises(FaceError, match="Pass such frames"):
        gpen_process(portrait(), portrait(), [], lambda face: face[0].float())
    noise = torch.randint(0, 256, (3, 64, 64), generator=torch.Generator().manual_seed(0))

    def with_box(side: float) -> Tensor:
        face = GpenFace(_POINTS, (60.0, 60.0, 60 + side, 60 + side))
        return gpen_process(
            portrait(),
            portrait(),
            [face],
            lambda face: torch.ones(face.shape[1:]),
            lambda face: noise.to(torch.uint8),
            size=64,
        ).picture

    assert float(with_box(99).float().std()) < float(with_box(101).float().std())


class _Finder(torch.nn.Module):
    """Finds one face, always in the same place."""


def test_the_originals_way_restores_what_its_finder_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    from sadtalker_core.enhance import original
    from sadtalker_core.faces.retina import RetinaFaces

    boxes = torch.tensor([[50.0, 50, 70, 70], [60, 60, 130, 130]])
    points = torch.stack((_POINTS - 30, _POINTS))

    def found(net: object, rgb: Tensor, threshold: float) -> RetinaFaces:
        assert threshold == 0.97
        return RetinaFaces(boxes, torch.tensor([0.99, 0.98]), points)

    monkeypatch.setattr(original, "detect", found)
    nets = OriginalNets(_Finder(), skin)  # type: ignore[arg-type]

    def run(**options: object) -> Tensor:
        done = restore_frames(
            stream_of(portrait()[None]),
            nets,
            enhancer(lambda faces: faces + 0.5),
            EnhanceOptions(enhance_way="original", **options),  # type: ignore[arg-type]
            Runtime(),
        )
        return torch.cat(list(done.frames))[0]

    wanted = restore_picture(portrait(), list(points), lambda f: f + 0.5, parser=skin, size=64)
    assert torch.equal(run(), wanted)
    alone = restore_picture(portrait(), [points[1]], lambda f: f + 0.5, parser=skin, size=64)
    assert torch.equal(run(enhance_faces="largest"), alone)
    assert run(upscale=2.0).shape == (3, 384, 384)

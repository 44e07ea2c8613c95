"""Where the networks want a face, and the maps to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.enhance.align import (
    ffhq_points,
    gpen_points,
    inverted,
    robust_similarity,
    similarity,
)
from sadtalker_core.errors import FaceError
from sadtalker_core.geometry import opencv


def moved(points: Tensor, scale: float = 0.5, turn: float = 0.3) -> Tensor:
    angle = torch.tensor(turn, dtype=torch.float64)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    matrix = torch.stack((torch.stack((cos, -sin)), torch.stack((sin, cos))))
    return points @ matrix.T + torch.tensor([40.0, 12.0], dtype=torch.float64)


@pytest.mark.skipif(not opencv.IS_REAL, reason="needs OpenCV to compare with")
def test_the_robust_map_is_opencv_s() -> None:
    generator = torch.Generator().manual_seed(3)
    cv2 = opencv.cv2
    for noise in (0.0, 1.0, 5.0, 12.0) * 40:
        template = ffhq_points()
        points = moved(template) + noise * torch.randn(5, 2, generator=generator).double()
        wanted = cv2.estimateAffinePartial2D(points.numpy(), template.numpy(), method=cv2.LMEDS)[0]
        found = robust_similarity(points, template).numpy()
        corners = np.array([[0, 0, 1], [300, 200, 1]], np.float64).T
        assert np.abs(wanted @ corners - found @ corners).max() < 1e-2


def test_a_point_that_is_off_does_not_count() -> None:
    points = moved(ffhq_points())
    points[2] += 60
    found = robust_similarity(points, ffhq_points())
    back = points @ found[:, :2].mT + found[:, 2]
    assert torch.allclose(back[[0, 1, 3, 4]], ffhq_points()[[0, 1, 3, 4]], atol=1e-2)
    plain, _ = similarity(points, ffhq_points())
    assert not torch.allclose(plain, found, atol=1e-2)


def test_points_in_one_place_are_refused() -> None:
    with pytest.raises(FaceError, match="one place"):
        robust_similarity(torch.zeros(5, 2), ffhq_points())


def test_a_similarity_is_found_and_undone() -> None:
    points = moved(gpen_points(256))
    matrix, scale = similarity(points, gpen_points(256))
    assert scale == pytest.approx(2)
    assert torch.allclose(points @ matrix[:, :2].mT + matrix[:, 2], gpen_points(256))
    back = inverted(matrix)
    assert torch.allclose(gpen_points(256) @ back[:, :2].mT + back[:, 2], points)
    given, same = similarity(points, gpen_points(256), 3.0)
    assert same == 3
    assert torch.allclose(given[:, :2], matrix[:, :2] * 1.5)


def test_templates_scale_with_the_crop() -> None:
    assert torch.allclose(ffhq_points(64) * 8, ffhq_points(512))
    assert torch.allclose(gpen_points(64) * 8, gpen_points(512))

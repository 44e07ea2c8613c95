"""Without OpenCV pictures are the same but for roundings: each function against the real one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sadtalker_core.geometry import opencv_stand_in as own

real: Any = pytest.importorskip("cv2", reason="OpenCV is what the stand-in is compared with")


def smooth(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray[Any, Any]:
    """(H, W, C) uint8 with soft shapes: steps of a few levels from pixel to pixel."""
    coarse = np.random.default_rng(seed).random((5, 6, channels)).astype(np.float32)
    large = real.resize(coarse, (width, height), interpolation=real.INTER_CUBIC)
    return (large.clip(0, 1).reshape(height, width, channels) * 255).astype(np.uint8)


def check(given: Any, expected: Any, most: float, mean: float) -> None:
    assert given.shape == expected.shape
    assert given.dtype == expected.dtype
    away = np.abs(given.astype(np.float64) - expected.astype(np.float64))
    assert away.max() <= most
    assert away.mean() <= mean


@pytest.mark.parametrize("border", ["CONSTANT", "REPLICATE", "REFLECT_101"])
@pytest.mark.parametrize("way", ["LINEAR", "CUBIC"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_remap(border: str, way: str, kind: Any) -> None:
    picture = smooth(40, 60).astype(kind)
    places = np.random.default_rng(1).uniform(-8, 66, (30, 50, 2)).astype(np.float32)
    names = {"interpolation": f"INTER_{way}", "borderMode": f"BORDER_{border}"}
    given, expected = (
        library.remap(picture, places, None, **{k: getattr(library, v) for k, v in names.items()})
        for library in (own, real)
    )
    # At a black border OpenCV's 1/32 pixel are several levels.
    check(given, expected, 8 if border == "CONSTANT" else 2, 0.4)


def test_remap_of_a_field_and_of_one_row() -> None:
    field = np.random.default_rng(0).normal(size=(7, 9, 2)).astype(np.float32)
    places = np.random.default_rng(1).uniform(0, 8, (1, 20, 2)).astype(np.float32)
    given, expected = (
        library.remap(field, places, None, library.INTER_LINEAR, borderMode=1)
        for library in (own, real)
    )
    check(given, expected, 0.1, 0.02)
    alone = np.full((1, 1, 2), 3.0, np.float32)
    assert (own.remap(alone, places, None, own.INTER_LINEAR, borderMode=1) == 3).all()


@pytest.mark.parametrize("inverse", [False, True])
def test_warp_affine(inverse: bool) -> None:
    picture = smooth(64, 48)
    matrix = np.array([[0.9, -0.3, 12.25], [0.25, 1.1, -3.5]])
    for shown in (picture, picture[..., 0].astype(np.float32)):
        given, expected = (
            library.warpAffine(
                shown,
                matrix,
                (50, 70),
                flags=library.INTER_LINEAR | (library.WARP_INVERSE_MAP if inverse else 0),
                borderMode=library.BORDER_REPLICATE,
            )
            for library in (own, real)
        )
        check(given, expected, 2, 0.4)


@pytest.mark.parametrize("size", [(60, 40), (30, 20), (31, 17), (90, 61), (120, 80), (100, 20)])
@pytest.mark.parametrize("way", ["LINEAR", "CUBIC", "AREA"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_resize(size: tuple[int, int], way: str, kind: Any) -> None:
    for picture in (smooth(40, 60).astype(kind), smooth(40, 60, 1)[..., 0].astype(kind)):
        given, expected = (
            library.resize(picture, size, interpolation=getattr(library, f"INTER_{way}"))
            for library in (own, real)
        )
        check(given, expected, 1 if kind == np.uint8 else 0.05, 0.51 if kind == np.uint8 else 0.02)
    assert own.resize(smooth(40, 60), None, fx=2, fy=2).shape == (80, 120, 3)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 4.7, 20.0])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_blur(sigma: float, kind: Any) -> None:
    for picture in (smooth(30, 50, 1)[..., 0].astype(kind), smooth(30, 50, 2).astype(kind)):
        given, expected = (lib.GaussianBlur(picture, (0, 0), sigma) for lib in (own, real))
        check(given, expected, 1 if kind == np.uint8 else 0.02, 0.5)


@pytest.mark.parametrize("size", [2, 3, 4, 9, 16, 31])
def test_dilate(size: int) -> None:
    elements = [lib.getStructuringElement(lib.MORPH_ELLIPSE, (size, size)) for lib in (own, real)]
    assert np.array_equal(*elements)
    mask = (np.random.default_rng(2).random((40, 50)) > 0.99).astype(np.float32)
    given, expected = own.dilate(mask, elements[0]), real.dilate(mask, elements[1])
    assert np.array_equal(given, expected)


@pytest.mark.parametrize("smooth_edge", [False, True])
def test_fill(smooth_edge: bool) -> None:
    around = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    points = np.stack([40 + 25 * np.cos(around), 30 + 20 * np.sin(around)], 1)
    fixed = np.round(points * 16).astype(np.int32)
    results: list[Any] = []
    for lib in (own, real):
        mask = np.zeros((64, 80), np.float32 if smooth_edge else np.uint8)
        full = 1.0 if smooth_edge else 255
        lib.fillPoly(mask, [fixed], full, lib.LINE_AA if smooth_edge else lib.LINE_8, 4)
        results.append(mask.astype(np.float64) / full)
    area = np.pi * 25 * 20
    assert abs(results[0].sum() - area) < 0.06 * area
    # They differ along the edge alone, by less than a pixel.
    differ = np.abs(results[0] - results[1]) > 0.05
    edge = real.dilate(results[1].astype(np.float32), np.ones((3, 3), np.uint8)) - real.erode(
        results[1].astype(np.float32), np.ones((3, 3), np.uint8)
    )
    assert not (differ & (edge == 0)).any()


def test_turns_and_borders() -> None:
    picture = smooth(20, 30)
    for name in ("ROTATE_90_CLOCKWISE", "ROTATE_180", "ROTATE_90_COUNTERCLOCKWISE"):
        turned = own.rotate(picture, getattr(own, name))
        assert np.array_equal(turned, real.rotate(picture, getattr(real, name)))
    wide = [lib.copyMakeBorder(picture, 1, 2, 3, 4, lib.BORDER_REPLICATE) for lib in (own, real)]
    assert np.array_equal(*wide)
    mixed = [
        lib.addWeighted(picture, 0.3, picture[::-1], 0.7, 0, dst=picture.copy())
        for lib in (own, real)
    ]
    check(mixed[0], mixed[1], 1, 0.1)


@pytest.mark.parametrize("at", [(60, 50), (40, 36)])
def test_seamless_clone(at: tuple[int, int]) -> None:
    picture, face = smooth(100, 120, seed=3), smooth(60, 70, seed=4)
    mask = np.full(face.shape, 255, np.uint8)
    given = own.seamlessClone(face, picture, mask, at, own.NORMAL_CLONE)
    expected = real.seamlessClone(face, picture, mask, at, real.NORMAL_CLONE)
    check(given, expected, 1, 0.3)


def test_drawings_are_near_the_real_ones() -> None:
    results: list[Any] = []
    for lib in (own, real):
        image = np.zeros((120, 160, 3), np.uint8)
        lines = [np.array([[160, 160], [800, 320], [480, 1120]], np.int32)]
        lib.polylines(image, lines, True, (255, 0, 0), 2, lib.LINE_AA, 4)
        lib.circle(image, (1600, 800), 320, (0, 255, 0), 2, lib.LINE_AA, 4)
        lib.rectangle(image, (90, 60), (150, 110), (0, 0, 255), 2)
        lib.putText(image, "0: 0.98", (20, 100), lib.FONT_HERSHEY_SIMPLEX, 0.6, (255,) * 3, 1, 16)
        results.append(real.blur(image.astype(np.float32), (9, 9)))
    away = np.abs(results[0] - results[1])
    assert away.mean() < 6
    same = np.corrcoef(results[0].ravel(), results[1].ravel())[0, 1]
    assert same > 0.9

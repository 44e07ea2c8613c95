"""Closed lips show no teeth, wherever the cut between lip and teeth was found."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from sadtalker_core.faces.mesh import canonical_points
from sadtalker_core.geometry.warp import Array, polygon_mask
from sadtalker_core.systems.lite.basis import LOWER_LIP, UPPER_LIP, mouth_profile
from sadtalker_core.systems.lite.relip_controls import LipChange
from sadtalker_core.systems.lite.relip_face import LowerFace
from sadtalker_core.systems.lite.relip_lines import LipLines
from sadtalker_core.systems.lite.relip_render import relip_frame
from sadtalker_core.systems.lite.relip_seam import closedness, draw_seam, lips_alone

CLOSE = LipChange(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
RED, WHITE = np.array([170, 60, 70], np.float32), 235


@pytest.fixture(scope="module")
def face() -> LowerFace:
    mesh = canonical_points().numpy().astype(np.float32)
    mesh = (mesh - mesh[168]) * np.float32(120 / np.ptp(mesh[:, 0])) * np.float32(2) + 160
    for rows, outward in ((UPPER_LIP, -1), (LOWER_LIP, 1)):
        mesh[rows, 1] += outward * 8 * mouth_profile()
    return LowerFace.of(mesh, 0.2)


def curves(face: LowerFace) -> Array:
    return np.stack([face.mesh_px[rows[3], :2] for rows in (UPPER_LIP, LOWER_LIP)])


def filmed(face: LowerFace) -> Array:
    """Red lips, and teeth that reach a pixel beyond where the lips are cut."""
    picture = np.empty((320, 320, 3), np.float32)
    picture[:] = RED
    upper, lower = curves(face)
    teeth = np.concatenate([upper - [0, 1], (lower + [0, 1])[::-1]])
    mask = polygon_mask(teeth, 320, 320)[..., None]
    return np.round(picture + (WHITE - picture) * mask).astype(np.uint8)


def test_no_teeth_are_left_on_lips_that_close(face: LowerFace) -> None:
    picture = filmed(face)
    low = np.zeros(2, np.float32)
    closed = lips_alone(picture, face, curves(face), low, 1.0)
    assert int((picture[..., 1] > 150).sum()) > 300
    for lip, curve, outward in zip(closed, curves(face), (-1, 1), strict=True):
        x, y = curve[1:-1].round().astype(int).T
        assert int(picture[y, x, 1].min()) > 150
        assert float(lip[y, x, 1].max()) < 110
        assert float(lip[y + outward, x, 1].max()) < 110
    for lip in lips_alone(picture, face, curves(face), low, 0.0):
        assert np.array_equal(lip, picture.astype(np.float32))


def test_dark_and_teeth_beyond_the_cut_corner_are_no_lip(face: LowerFace) -> None:
    picture = filmed(face)
    x, y = curves(face)[0, -2].round().astype(int)
    picture[y - 6 : y + 7, x : x + 9] = 10
    picture[y + 2 : y + 5, x - 6 : x] = WHITE
    closed = lips_alone(picture, face, curves(face), np.zeros(2, np.float32), 1.0)
    corner = slice(y - 8, y + 9), slice(x - 8, x + 12)
    assert int((picture[corner][..., 0] < 20).sum()) == 117
    for lip in closed:
        assert float(lip[corner][..., 0].min()) > 100
        assert float(lip[corner][..., 1].max()) < 150
    grey = np.repeat(picture[..., :1], 3, axis=2)
    for lip in lips_alone(grey, face, curves(face), np.zeros(2, np.float32), 1.0):
        assert np.isfinite(lip).all()


def test_only_lips_that_were_apart_and_close_are_mended(face: LowerFace) -> None:
    assert closedness(face, CLOSE) == 1.0
    assert closedness(face, dataclasses.replace(CLOSE, opening=0.05)) == 0.0
    assert closedness(dataclasses.replace(face, is_open=0.0), CLOSE) == 0.0


def test_the_line_between_closed_lips_ends_before_their_corners(face: LowerFace) -> None:
    mouth = np.full((320, 320, 3), 200, np.float32)
    line = curves(face).mean(0)
    draw_seam(mouth, line, face, 1.0)
    dark = 200 - mouth[..., 0]
    middle, corner = line[5].round().astype(int), line[0].round().astype(int)
    assert float(dark[middle[1], middle[0]]) > 30
    assert float(dark[:, : corner[0]].max()) < 8


def test_a_frame_whose_lips_close_shows_no_teeth(face: LowerFace) -> None:
    picture = filmed(face)
    none = np.zeros(11, np.float32)
    lines = LipLines(none, none, none, np.zeros(2, np.float32))
    inside: Any = None  # closed lips have none
    shown = relip_frame(picture, face, CLOSE, lines, inside)
    assert int((shown[..., 1] > 110).sum()) == 0

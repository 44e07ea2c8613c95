"""Lips end where the picture shows it: landmarks of a mouth that just closed still say open."""

from __future__ import annotations

import numpy as np
import pytest

from sadtalker_core.faces.mesh import canonical_points
from sadtalker_core.geometry.warp import Array, Image, polygon_mask
from sadtalker_core.systems.lite.basis import LOWER_LIP, UPPER_LIP, mouth_profile
from sadtalker_core.systems.lite.relip_controls import LipChange
from sadtalker_core.systems.lite.relip_face import LowerFace
from sadtalker_core.systems.lite.relip_inside import MouthInside
from sadtalker_core.systems.lite.relip_lines import find_lines
from sadtalker_core.systems.lite.relip_render import relip_frame
from sadtalker_core.systems.lite.teeth import MouthColours, paint_layers

SIZE = 480
CLOSE = LipChange(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SKIN, UPPER, LOWER = (200, 160, 140), (120, 40, 45), (180, 85, 90)
WHITE, SEAM = (225, 225, 215), (60, 20, 20)


@pytest.fixture(scope="module")
def face() -> LowerFace:
    """Tracked lips that are 0.08 E apart."""
    mesh = canonical_points().numpy().astype(np.float32)
    mesh = (mesh - mesh[13]) * np.float32(360 / np.ptp(mesh[:, 0])) + SIZE / 2
    unit = LowerFace.of(mesh, 0.08).frame.unit_px
    for rows, outward in ((UPPER_LIP, -1), (LOWER_LIP, 1)):
        mesh[rows, 1] += np.float32(outward * 0.01 * unit) * mouth_profile()
    return LowerFace.of(mesh, 0.08)


def rows_of(face: LowerFace) -> tuple[Array, Array, Array, Array]:
    """The outer and the inner row of the upper lip, the inner and the outer one of the lower."""
    mesh = face.mesh_px[..., :2]
    return mesh[UPPER_LIP[0]], mesh[UPPER_LIP[3]], mesh[LOWER_LIP[3]], mesh[LOWER_LIP[0]]


def drawn(*parts: tuple[Array, Array, tuple[int, int, int]]) -> Image:
    """A picture of skin with what lies between two lines in a colour, one after the other."""
    picture = np.empty((SIZE, SIZE, 3), np.float32)
    picture[:] = SKIN
    for above, below, colour in parts:
        mask = polygon_mask(np.concatenate([above, below[::-1]]), SIZE, SIZE)[..., None]
        picture += (np.array(colour, np.float32) - picture) * mask
    return np.round(picture).astype(np.uint8)


def open_mouth(
    face: LowerFace, upper: tuple[int, int, int] = UPPER, teeth: tuple[int, int, int] = WHITE
) -> Image:
    """Lips as they are tracked, with teeth between them."""
    top, above, below, bottom = rows_of(face)
    return drawn((top, above, upper), (above, below, teeth), (below, bottom, LOWER))


def closed_mouth(face: LowerFace) -> tuple[Image, Array]:
    """Lips that meet lower than either is tracked, and the line where they do."""
    top, above, below, bottom = rows_of(face)
    meet = above + np.float32(0.8) * (below - above)
    dark = np.array([0, 0.7], np.float32)
    return drawn((top, meet, UPPER), (meet, bottom, LOWER), (meet - dark, meet + dark, SEAM)), meet


@pytest.mark.parametrize(
    ("upper", "teeth"),
    [(UPPER, WHITE), ((150, 110, 100), (185, 170, 160))],
    ids=["red", "pale"],
)
def test_an_open_mouth_ends_where_its_teeth_begin(
    face: LowerFace, upper: tuple[int, int, int], teeth: tuple[int, int, int]
) -> None:
    lines = find_lines(open_mouth(face, upper, teeth), face, None)
    assert lines.as_seen(face).is_open == 1.0
    _, above, below, _ = rows_of(face)
    gap = lines.gap_e(face) * face.frame.unit_px
    # the cut lies a little within the lips
    assert np.abs(gap - (below - above)[:, 1])[2:-2].max() < 0.03 * face.frame.unit_px


def test_lips_that_are_closed_are_cut_where_they_meet(face: LowerFace) -> None:
    picture, meet = closed_mouth(face)
    lines = find_lines(picture, face, None)
    seen = lines.as_seen(face)
    assert seen.is_open < 0.3
    for curve in lines.curves(seen):
        assert np.abs(curve - meet)[2:-2, 1].max() < 0.02 * face.frame.unit_px


@pytest.mark.parametrize("light", [0.5, 0.25])
def test_lips_are_as_open_in_the_dark(face: LowerFace, light: float) -> None:
    for picture in (open_mouth(face), closed_mouth(face)[0]):
        dim = np.round(picture * light).astype(np.uint8)
        bright_lines, dim_lines = (find_lines(each, face, None) for each in (picture, dim))
        assert np.abs(bright_lines.upper - dim_lines.upper).max() < 0.012
        assert np.abs(bright_lines.lower - dim_lines.lower).max() < 0.012


def test_lips_that_close_at_once_are_followed_at_once(face: LowerFace) -> None:
    before = find_lines(open_mouth(face), face, None)
    picture, meet = closed_mouth(face)
    after = find_lines(picture, face, before)
    assert before.as_seen(face).is_open == 1.0
    assert after.as_seen(face).is_open < 0.5
    _, above, below, _ = rows_of(face)
    touching = (above + below)[:, 1] / 2 + after.touching * face.frame.unit_px
    assert np.abs(touching - meet[:, 1])[3:-3].max() < 0.02 * face.frame.unit_px


def test_a_mouth_that_is_closed_keeps_its_upper_lip(face: LowerFace) -> None:
    picture, _ = closed_mouth(face)
    lines = find_lines(picture, face, None)
    seen = lines.as_seen(face)
    colours = MouthColours(*(np.full(3, 0.5, np.float32) for _ in range(3)))
    inside = MouthInside(paint_layers(colours, face.frame.unit_px, 1.0), np.zeros(3, np.float32))
    made = relip_frame(picture, seen, CLOSE, lines, inside)
    middle = slice(SIZE // 2 - 20, SIZE // 2 + 20)

    def thickness(frame: Image) -> float:
        far = np.abs(frame[:, middle].astype(int) - UPPER).sum(2)
        return float((far < 60).sum(0).mean())

    assert thickness(picture) > 0.1 * face.frame.unit_px
    assert thickness(made) > 0.8 * thickness(picture)

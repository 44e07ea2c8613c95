"""What driven faces ask of the renderer: gaze, narrow eyes, closed lids, bared and hidden teeth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.structures import LiteMotion
from sadtalker_core.systems.lite.config import LiteRenderOptions
from sadtalker_core.systems.lite.eyes import smoothed
from sadtalker_core.systems.lite.pipeline import prepare
from sadtalker_core.systems.lite.render import PreparedPortrait, render_frame

LOWER, UPPER = slice(2, 7), slice(10, 15)  # of the iris net's contour, without the corners


@dataclass(frozen=True)
class Sitter:
    face: Face
    portrait: PreparedPortrait

    def draw(self, **controls: float | tuple[float, ...]) -> Tensor:
        """(3, H, W) float."""
        motion = LiteMotion.rest(1, Fraction(25))
        for name, value in controls.items():
            getattr(motion, name)[0] = torch.tensor(value)
        return torch.from_numpy(render_frame(self.portrait, motion, 0)).permute(2, 0, 1).float()

    def at(self, picture: Tensor, contour: slice, down_e: float) -> Tensor:
        """Colours along the lids of both eyes, so many E below them."""
        spots = self.face.eyes_px[:, contour] + torch.tensor([0.0, down_e * self.unit])
        x, y = spots.round().long().unbind(-1)
        return picture[:, y, x]

    @property
    def unit(self) -> float:
        return self.portrait.frame.unit_px

    def teeth(self, picture: Tensor) -> float:
        """Brightness right below the middle of the upper lip."""
        x, y = self.face.mesh_px[[13, 14], :2].mean(0).tolist()
        rows = slice(int(y - 0.02 * self.unit), int(y + 0.03 * self.unit))
        return float(picture[:, rows, int(x - 0.1 * self.unit) : int(x + 0.1 * self.unit)].mean())


@pytest.fixture(scope="module")
def sitter(demo_portrait: Path) -> Sitter:
    rgb = read_picture(demo_portrait).flattened()
    face = find_faces(load_face_nets(), rgb)[0]
    return Sitter(face, prepare(rgb, face, LiteRenderOptions()))


@pytest.fixture(scope="module")
def painted(sitter: Sitter) -> Sitter:
    """The same, whose own teeth are not used."""
    mouth = replace(sitter.portrait.mouth, own_teeth=0.0)
    return Sitter(sitter.face, replace(sitter.portrait, mouth=mouth))


def test_gaze_moves_what_lies_between_the_lids(sitter: Sitter) -> None:
    rest = sitter.draw()
    for gaze in ((0.05, 0.0), (-0.05, 0.0), (0.0, 0.03)):
        moved = sitter.draw(gaze=gaze)
        # the iris net's contour lies a hair inside the lid
        above = (sitter.at(moved, UPPER, -0.05) - sitter.at(rest, UPPER, -0.05)).abs()
        inside = (sitter.at(moved, UPPER, 0.03) - sitter.at(rest, UPPER, 0.03)).abs()
        assert float(above.max()) <= 6
        assert float(inside.mean()) > 10


def test_a_smile_narrows_the_eyes_from_below(sitter: Sitter) -> None:
    def change(corners: float) -> float:
        open_eyes = sitter.draw(corners=corners)
        narrow = sitter.draw(corners=corners, lids=(0.5, 0.5))
        return float(
            (sitter.at(narrow, LOWER, 0.0) - sitter.at(open_eyes, LOWER, 0.0)).abs().mean()
        )

    assert change(0.04) > 1.3 * change(0.0)


def test_a_closed_lid_has_the_grain_of_skin(sitter: Sitter) -> None:
    shut = sitter.draw(lids=(1.0, 1.0))
    x, y = sitter.face.eyes_px[0, :16].mean(0).round().long().tolist()
    reach = int(0.05 * sitter.unit)
    lid = shut[:, y - 2 * reach : y, x - reach : x + reach]
    detail = lid - torch.nn.functional.avg_pool2d(lid[None], 5, 1, 2)[0]
    assert float(detail.abs().mean()) > 1.0


def test_the_tone_near_an_eye_is_without_the_eye(sitter: Sitter) -> None:
    contours = sitter.face.eyes_px[:, :16].numpy()
    picture = np.full((512, 512, 3), 190, np.uint8)
    low, high = contours.min(1).astype(int), contours.max(1).astype(int)
    for (x0, y0), (x1, y1) in zip(low, high):
        picture[y0 : y1 + 1, x0 : x1 + 1] = 20
    tone = smoothed(picture, contours, sitter.unit)
    for x, y in contours.mean(1).astype(int):
        assert int(tone[y, x].min()) > 120
    assert np.array_equal(tone[:20], picture[:20])


def test_a_grin_bares_teeth_and_pursed_lips_hide_them(painted: Sitter) -> None:
    spoken = painted.draw(open=0.14, jaw=0.09)
    grin = painted.draw(open=0.14, jaw=-0.05)
    pursed = painted.draw(open=0.14, jaw=0.09, pucker=1.0)

    assert painted.teeth(grin) > painted.teeth(spoken) + 10
    assert painted.teeth(pursed) < painted.teeth(spoken) - 10


def test_a_head_may_come_nearer_than_it_may_move_aside(sitter: Sitter) -> None:
    near, nearer = (sitter.draw(translation=(0.0, 0.0, z)) for z in (0.3, 0.55))
    assert not torch.equal(near, nearer)
    aside, farther = (sitter.draw(translation=(x, 0.0, 0.0)) for x in (0.3, 0.55))
    assert torch.equal(aside, farther)

from __future__ import annotations

import pytest
import torch

from sadtalker_core.errors import FaceIndexError, NoFaceError, OptionError
from sadtalker_core.faces.choose import choose_face
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.options import FaceOptions


def face(x: float, y: float, side: float, score: float = 0.9) -> Face:
    box = torch.tensor([x - side / 2, y - side / 2, x + side / 2, y + side / 2])
    nothing = torch.zeros(2, 71, 2)
    return Face(box, score, torch.zeros(468, 3), nothing, torch.zeros(2, 5, 2), 1.0)


LARGE, MIDDLE, SMALL = face(300, 100, 90), face(210, 100, 60, 0.99), face(20, 150, 30)
FACES = [LARGE, MIDDLE, SMALL]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (FaceOptions(), LARGE),
        (FaceOptions(face_select="left"), SMALL),
        (FaceOptions(face_select="right"), LARGE),
        (FaceOptions(face_select="center"), MIDDLE),
        (FaceOptions(face_select="best"), MIDDLE),
        (FaceOptions(face_index=2), SMALL),
        (FaceOptions(face_index=0, face_select="left"), LARGE),
        (FaceOptions(face_point="30, 140"), SMALL),
        (FaceOptions(face_point="200,90", face_select="left"), MIDDLE),
    ],
)
def test_choice(options: FaceOptions, expected: Face) -> None:
    assert choose_face(FACES, options, (200, 400)) is expected


def test_center_without_the_pictures_size() -> None:
    assert choose_face([LARGE, MIDDLE, SMALL], FaceOptions(face_select="center")) is MIDDLE


def test_index_too_large_says_how_many_there_are() -> None:
    with pytest.raises(FaceIndexError, match="Face 5 .* only 2 faces; face_index can be 0 to 1"):
        choose_face(FACES[:2], FaceOptions(face_index=5))
    with pytest.raises(FaceIndexError, match="only 1 face; face_index can be 0"):
        choose_face(FACES[:1], FaceOptions(face_index=1))


def test_no_face_says_size_and_what_to_do() -> None:
    with pytest.raises(NoFaceError, match="640x480.*detection_threshold .now 0.30"):
        choose_face([], FaceOptions(face_index=3, detection_threshold=0.3), (480, 640))


@pytest.mark.parametrize("text", ["5", "a,b", "1,2,3", "nan,1", ","])
def test_a_wrong_point_is_an_option_error(text: str) -> None:
    with pytest.raises(OptionError, match="face_point"):
        FaceOptions(face_point=text)


@pytest.mark.parametrize("text", ["400,20", "20,200", "-1,20"])
def test_a_point_outside_of_the_picture_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=f"{text}, outside of the picture .400x200 pixels"):
        choose_face(FACES, FaceOptions(face_point=text), (200, 400))

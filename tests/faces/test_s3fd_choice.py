"""Who is meant among the boxes of Wav2Lip's detector: boxes alone tell."""

from __future__ import annotations

import pytest
import torch

from sadtalker_core.errors import FaceIndexError
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.s3fd import S3fdFaces
from sadtalker_core.faces.s3fd_choice import S3fdChooser

LEFT = (10.0, 10, 50, 50)
RIGHT = (200.0, 10, 230, 40)


def seen(*boxes: tuple[float, ...]) -> S3fdFaces:
    return S3fdFaces(torch.tensor(boxes).reshape(-1, 4), torch.ones(len(boxes)))


def moved(box: tuple[float, ...], x: float) -> tuple[float, ...]:
    return box[0] + x, box[1], box[2] + x, box[3]


def test_whoever_is_left_does_not_take_over() -> None:
    chooser = S3fdChooser(FaceOptions(face_select="left"), None)
    assert chooser.next(seen(RIGHT, LEFT)) == LEFT
    for _ in range(100):
        assert chooser.next(seen(RIGHT)) is None
    assert chooser.next(seen(RIGHT, moved(LEFT, 55))) == moved(LEFT, 55)


def test_reach_grows_a_little_while_the_face_is_lost() -> None:
    for lost, far, wanted in ((0, 39, True), (0, 45, False), (5, 59, True), (900, 65, False)):
        chooser = S3fdChooser(FaceOptions(), 0)
        chooser.next(seen(LEFT, RIGHT))
        for _ in range(lost):
            assert chooser.next(seen()) is None
        assert (chooser.next(seen(moved(LEFT, far), RIGHT)) is not None) == wanted


def test_one_who_was_always_alone_is_found_anywhere() -> None:
    chooser = S3fdChooser(FaceOptions(), 0)
    for box in (LEFT, moved(LEFT, 400), LEFT):
        assert chooser.next(seen(box)) == box


def test_a_video_that_begins_again_has_its_first_place_back() -> None:
    chooser = S3fdChooser(FaceOptions(), 0)
    for x in (0, 30, 60, 90, 0):
        assert chooser.next(seen(RIGHT, moved(LEFT, x))) == moved(LEFT, x)


def test_a_face_by_number_is_waited_for() -> None:
    chooser = S3fdChooser(FaceOptions(), 1, waits=True)
    assert chooser.too_few() is None
    assert chooser.next(seen()) is None
    assert chooser.next(seen(LEFT)) is None
    few = chooser.too_few()
    assert isinstance(few, FaceIndexError)
    assert "Face 1 was asked for, but the frames show only 1 face at once" in str(few)
    assert chooser.next(seen(RIGHT, LEFT)) == RIGHT
    assert chooser.too_few() is None
    with pytest.raises(FaceIndexError):
        S3fdChooser(FaceOptions(), 1).next(seen(LEFT))

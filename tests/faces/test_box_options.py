"""A face's box in a user's words."""

from __future__ import annotations

import dataclasses

import pytest

from sadtalker_core.errors import OptionError
from sadtalker_core.faces.box_options import read_box
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.wav2lip.config import Wav2LipOptions


def test_box_is_read_as_corners() -> None:
    assert read_box("box", " 80, 400,120,380 ") == (120, 80, 380, 400)
    assert read_box("box", "  ") is None
    assert read_box("crop", "0,-1,7,-1", open_end=True) == (7, 0, -1, -1)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4"])
def test_other_words_are_told_apart(text: str) -> None:
    with pytest.raises(OptionError, match=r"crop must be four whole numbers.*such as 80,400"):
        read_box("crop", text)


@pytest.mark.parametrize("text", ["-1,5,0,5", "0,5,-1,5", "5,5,0,9", "0,9,5,5", "0,-2,0,9"])
@pytest.mark.parametrize("open_end", [False, True])
def test_boxes_without_extent_are_refused(text: str, open_end: bool) -> None:
    with pytest.raises(OptionError, match="box has no extent or begins outside"):
        read_box("box", text, open_end=open_end)


def test_only_an_open_end_may_be_left_to_the_picture() -> None:
    with pytest.raises(OptionError, match="no extent"):
        read_box("box", "0,-1,0,640")


@pytest.mark.parametrize("cls", [VideoReTalkingOptions, Wav2LipOptions])
def test_engines_read_it_when_they_are_told(cls: type[Wav2LipOptions]) -> None:
    options = cls(pad_top=1, pad_bottom=2, pad_left=3, pad_right=4, box="5,9,6,8")
    assert options.pads == (1, 2, 3, 4)
    assert options.fixed_box() == (6, 5, 8, 9)
    assert cls().fixed_box() is None
    with pytest.raises(OptionError, match="box has no extent"):
        cls(box="9,5,6,8")
    with pytest.raises(OptionError, match="pad_left"):
        cls(pad_left=501)
    names = [field.name for field in dataclasses.fields(cls)]
    at = names.index("pad_top")
    assert names[at - 1] == "finder"
    assert names[at : at + 5] == ["pad_top", "pad_bottom", "pad_left", "pad_right", "box"]


def test_part_that_is_looked_in_may_end_with_the_picture() -> None:
    assert VideoReTalkingOptions(crop="0,-1,0,640").look_in() == (0, 0, 640, -1)
    with pytest.raises(OptionError, match="crop has no extent"):
        VideoReTalkingOptions(crop="3,2,0,640")

"""Numbers over time, written as text."""

from __future__ import annotations

import pytest
import torch

from sadtalker_core.errors import OptionError
from sadtalker_core.geometry.keyframes import parse_keyframes


def test_keyframes_pass_through_their_values_without_overshoot() -> None:
    track = parse_keyframes("yaw", "0s:0, 1.5s:10, 3:10, 4:-2", -45, 45)
    assert track is not None
    values = track.at(torch.tensor([-1.0, 0.0, 1.5, 2.2, 3.0, 4.0, 99.0]))
    torch.testing.assert_close(
        values, torch.tensor([0.0, 0.0, 10.0, 10.0, 10.0, -2.0, -2.0], dtype=torch.float64)
    )
    fine = track.at(torch.linspace(0, 4, 400))
    assert float(fine.min()) > -2.0001
    assert float(fine.max()) < 10.0001


def test_a_number_is_a_constant_and_nothing_is_nothing() -> None:
    assert parse_keyframes("yaw", "  ", -45, 45) is None
    constant = parse_keyframes("yaw", " -7.5 ", -45, 45)
    assert constant is not None
    assert constant.at(torch.tensor([0.0, 5.0])).tolist() == [-7.5, -7.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1:2, 5", "without a colon"),
        ("-1:2", "begin at 0"),
        ("0:1, 0:2", "must rise"),
        ("0:inf", "finite"),
        ("0:50", "-45 to 45"),
        (":", "not a number"),
        ("abc", "not a number"),
    ],
)
def test_bad_keyframes_say_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_keyframes("yaw", text, -45, 45)


@pytest.mark.parametrize("text", ["x" * 500, "0:" + "x" * 500, "0:1, " + "y" * 500])
def test_long_wrong_texts_are_cut_in_messages(text: str) -> None:
    with pytest.raises(OptionError, match=r"\.\.\.'") as caught:
        parse_keyframes("yaw", text, -25, 25)
    assert len(str(caught.value)) < 220

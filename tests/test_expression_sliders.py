"""The list of sliders: numbers or keyframes, checked ranges, curves over time."""

from __future__ import annotations

import pytest
import torch

from sadtalker_core.errors import OptionError
from sadtalker_core.expression_sliders import ExpressionSliders
from sadtalker_core.geometry.keyframes import slider_curves
from sadtalker_core.options import option_specs


def test_numbers_and_texts_are_sliders() -> None:
    sliders = ExpressionSliders.of(smile=0.5, aaa="0:0, 2:30")
    assert (sliders.smile, sliders.aaa, sliders.blink) == ("0.5", "0:0, 2:30", "")
    assert not sliders.is_untouched
    assert ExpressionSliders().is_untouched


def test_curves_of_the_sliders_that_were_moved() -> None:
    times = torch.tensor([0.0, 1.0, 2.0, 9.0])
    curves = slider_curves(ExpressionSliders.of(smile=0.5, aaa="0:0, 2:30"), times)
    assert set(curves) == {"smile", "aaa"}
    assert curves["smile"].tolist() == [0.5] * 4
    assert curves["aaa"].tolist() == pytest.approx([0.0, 15.0, 30.0, 30.0])
    assert slider_curves(ExpressionSliders(), times) == {}


@pytest.mark.parametrize("spec", option_specs(ExpressionSliders), ids=lambda spec: spec.name)
def test_ranges_are_kept(spec) -> None:
    times = torch.zeros(1)
    for end in (spec.low, spec.high):
        slider_curves(ExpressionSliders.of(**{spec.name: end}), times)
        beyond = end + (0.01 if end == spec.high else -0.01)
        with pytest.raises(OptionError, match=spec.name):
            slider_curves(ExpressionSliders.of(**{spec.name: beyond}), times)

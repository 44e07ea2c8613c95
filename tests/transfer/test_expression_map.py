"""The expression map as a value: kept in a file, applied both ways, refused if unfit."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sadtalker_core.errors import MediaError, StructureError
from sadtalker_core.structures import Coeff3DMM, LiteMotion
from sadtalker_core.transfer.expression_map import (
    COEFF_NAMES,
    FILE_NAME,
    LITE_NAMES,
    ExpressionMap,
    coeff_expression,
    expression_map_or_none,
    lite_controls,
    lite_face,
    load_expression_map,
    missing_map_sentence,
    save_expression_map,
)

FPS = Fraction(25)


def example(scale: float = 0.01) -> ExpressionMap:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(64, 9, generator=generator) * scale
    return ExpressionMap(
        "coeff3dmm", "lite", COEFF_NAMES, LITE_NAMES,
        weight, torch.linalg.pinv(weight), torch.linspace(0, 1, 9),
    )  # fmt: skip


def coeff(length: int = 5) -> Coeff3DMM:
    rows = torch.randn(length, 70, generator=torch.Generator().manual_seed(1))
    return Coeff3DMM.from_rows(rows, FPS)


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    found = example()
    again = load_expression_map(save_expression_map(found, tmp_path / FILE_NAME))
    assert again.target_names == LITE_NAMES
    assert again.source_names == COEFF_NAMES
    for name in ("weight", "back", "held_out"):
        assert torch.equal(getattr(again, name), getattr(found, name))
    beside = expression_map_or_none([tmp_path / "absent", tmp_path])
    assert beside is not None
    assert expression_map_or_none([tmp_path / "absent"]) is None
    assert expression_map_or_none([]) is None


def test_the_sentence_says_what_is_missing_and_what_to_do() -> None:
    sentence = missing_map_sentence("SadTalker")
    assert FILE_NAME in sentence
    assert "SadTalker" in sentence
    assert "fit_expression_map" in sentence


def test_controls_follow_the_map_within_what_can_be_shown() -> None:
    found, motion = example(), coeff()
    face = lite_face(found, motion, motion.expression[:1])
    assert lite_controls(face)[0].abs().max() == 0  # at rest
    wanted = (motion.expression - motion.expression[:1]) @ found.weight
    got = lite_controls(face)
    inside = wanted.abs() < 0.03
    inside[:, [0, 3, 4]] &= wanted[:, [0, 3, 4]] >= 0
    assert int(inside.sum()) > 10
    torch.testing.assert_close(got[inside], wanted[inside])
    assert not face.rotation_rad.any()
    wild = lite_face(example(10.0), motion)
    assert float(wild.open.max()) <= 0.2001
    assert float(wild.open.min()) >= 0
    assert float(wild.lids.max()) <= 1


def test_the_way_back() -> None:
    found = example()
    controls = torch.rand(4, 9, generator=torch.Generator().manual_seed(2)) * 0.02
    motion = dataclasses.replace(
        LiteMotion.rest(4, FPS),
        open=controls[:, 0], width=controls[:, 1], corners=controls[:, 2],
        pucker=controls[:, 3], jaw=controls[:, 4], lids=controls[:, 5:7], brows=controls[:, 7:],
    )  # fmt: skip
    expression = coeff_expression(found, motion)
    assert expression.shape == (4, 64)
    back = lite_controls(
        lite_face(found, Coeff3DMM(expression, torch.zeros(4, 3), torch.zeros(4, 3), FPS))
    )
    torch.testing.assert_close(back, controls, atol=1e-5, rtol=0)
    rest = torch.ones(1, 64)
    torch.testing.assert_close(coeff_expression(found, motion, rest), expression + 1)


def test_maps_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match=r"weight must be finite and have shape \(64, 9\)"):
        dataclasses.replace(example(), weight=torch.zeros(9, 64))
    with pytest.raises(StructureError, match="finite"):
        dataclasses.replace(example(), back=torch.full((9, 64), float("nan")))
    other = dataclasses.replace(example(), target="implicit")
    with pytest.raises(StructureError, match="goes from coeff3dmm .64. to implicit"):
        lite_face(other, coeff())
    path = tmp_path / FILE_NAME
    path.write_bytes(b"no map")
    with pytest.raises(MediaError, match="damaged"):
        expression_map_or_none([tmp_path])  # there, but useless: not silently left out
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(MediaError, match="not an expression map"):
        load_expression_map(path)
    with pytest.raises(MediaError, match="does not exist"):
        load_expression_map(tmp_path / "absent")
    broken = dataclasses.replace(example(), source_names=COEFF_NAMES)
    save_expression_map(broken, path)
    data = path.read_bytes().replace(b"exp62,exp63", b"exp62;exp63")
    path.write_bytes(data)
    with pytest.raises(MediaError, match="cannot be used"):
        load_expression_map(path)

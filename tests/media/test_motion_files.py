"""Motions in files: what is written comes back; what is damaged is refused in a sentence."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sadtalker_core.errors import MediaError, OutputError, StructureError
from sadtalker_core.media.motion_files import Motion, load_motion, save_motion
from sadtalker_core.structures import Coeff3DMM, ImplicitMotion, KeypointTrack, LiteMotion

HEADER = {"format": "talking-portraits motion", "version": "1", "type": "LiteMotion", "fps": "25"}


def examples() -> list[Motion]:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(5, 73, generator=generator)
    lite = dataclasses.replace(
        LiteMotion.rest(4, Fraction(30000, 1001)), lids=torch.rand(4, 2, generator=generator)
    )
    implicit = ImplicitMotion(
        torch.rand(3, 21, 3), torch.rand(3, 3, 3), torch.rand(3, 3), torch.rand(3, 1), Fraction(20)
    )
    return [
        Coeff3DMM.from_rows(rows, Fraction(25), torch.randn(1, 80, generator=generator)),
        Coeff3DMM.from_rows(rows[:, :70], Fraction(25)),
        lite,
        KeypointTrack(torch.rand(1, 15, 3), torch.rand(6, 15, 3), Fraction(25)),
        LiteMotion.rest(0, Fraction(24)),
        implicit,
    ]


@pytest.mark.parametrize("motion", examples(), ids=lambda m: type(m).__name__)
def test_round_trip_to_the_bit(motion: Motion, tmp_path: Path) -> None:
    path = save_motion(motion, tmp_path / "a b é.safetensors")
    again = load_motion(path)
    assert type(again) is type(motion)
    assert again.fps == motion.fps
    for field in dataclasses.fields(motion):
        before, after = getattr(motion, field.name), getattr(again, field.name)
        if isinstance(before, torch.Tensor):
            assert torch.equal(before, after)
        else:
            assert before == after
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert type(load_motion(path, type(motion))) is type(motion)


def test_other_types_of_numbers_become_float32(tmp_path: Path) -> None:
    motion = LiteMotion.rest(3, Fraction(25)).to("cpu", torch.float64)
    again = load_motion(save_motion(motion, tmp_path / "m.safetensors"))
    assert isinstance(again, LiteMotion)
    assert again.open.dtype == torch.float32


def test_saving_refuses_numbers_that_are_not_finite(tmp_path: Path) -> None:
    target = tmp_path / "m.safetensors"
    good = LiteMotion.rest(6, Fraction(25))
    save_motion(good, target)
    kept = target.read_bytes()
    gaze = good.gaze.clone()
    gaze[4, 1] = float("nan")
    with pytest.raises(StructureError, match=r"gaze .*frame 4 \(1 of 12"):
        save_motion(dataclasses.replace(good, gaze=gaze), target)
    with pytest.raises(StructureError, match="Tensor"):
        save_motion(torch.zeros(3), target)  # type: ignore[arg-type]
    assert target.read_bytes() == kept


def test_saving_where_one_cannot(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        save_motion(LiteMotion.rest(1, Fraction(25)), tmp_path / "no" / "folder" / "m")
    with pytest.raises(OutputError, match="folder"):
        save_motion(LiteMotion.rest(1, Fraction(25)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def lite_tensors() -> dict[str, torch.Tensor]:
    rest = LiteMotion.rest(3, Fraction(25))
    return {f.name: getattr(rest, f.name) for f in dataclasses.fields(rest) if f.name != "fps"}


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({}, "not a motion"),
        ({**HEADER, "format": "x"}, "not a motion"),
        ({**HEADER, "version": "2"}, "version '2'"),
        ({**HEADER, "type": "AudioClip"}, "'AudioClip', known motions are"),
        ({**HEADER, "fps": "fast"}, "'fast'"),
        ({**HEADER, "fps": "1/0"}, "'1/0'"),
        ({**HEADER, "fps": "-25"}, "fps must be a positive"),
        ({**HEADER, "type": "Coeff3DMM"}, "lacks expression, rotation_rad|lacks expression"),
    ],
)
def test_wrong_headers(tmp_path: Path, header: dict[str, str], sentence: str) -> None:
    path = tmp_path / "m.safetensors"
    save_file(lite_tensors(), path, header or None)
    with pytest.raises(MediaError, match=sentence):
        load_motion(path)


def test_wrong_contents(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    good = lite_tensors()

    def refusal(tensors: dict[str, torch.Tensor]) -> str:
        save_file(tensors, path, HEADER)
        with pytest.raises(MediaError) as caught:
            load_motion(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    assert "lacks jaw" in refusal({k: v for k, v in good.items() if k != "jaw"})
    assert "has extra that no LiteMotion" in refusal({**good, "extra": torch.zeros(3)})
    assert "jaw must have shape" in refusal({**good, "jaw": torch.zeros(2)})
    assert "float32" in refusal({**good, "jaw": torch.zeros(3, dtype=torch.int32)})
    assert "frame 2" in refusal({**good, "jaw": torch.tensor([0.0, 1.0, float("inf")])})
    assert "open of" in refusal({**good, "open": torch.zeros(())})


def test_damaged_files(tmp_path: Path) -> None:
    path = save_motion(examples()[0], tmp_path / "m.safetensors")
    data = path.read_bytes()
    for broken in (data[: len(data) // 2], data[:4], b"\x80\x04." * 50, b"\xff" * 64):
        path.write_bytes(broken)
        with pytest.raises(MediaError, match="damaged or is not a motion"):
            load_motion(path)
    path.write_bytes(b"")
    with pytest.raises(MediaError, match="empty"):
        load_motion(path)
    with pytest.raises(MediaError, match="does not exist"):
        load_motion(tmp_path / "absent")


def test_the_type_that_is_needed(tmp_path: Path) -> None:
    path = save_motion(LiteMotion.rest(2, Fraction(25)), tmp_path / "m.safetensors")
    with pytest.raises(MediaError, match="holds LiteMotion, Coeff3DMM is needed"):
        load_motion(path, Coeff3DMM)


def test_nothing_but_numbers_is_stored(tmp_path: Path) -> None:
    path = save_motion(examples()[0], tmp_path / "m.safetensors")
    assert set(load_file(path)) == {
        "expression", "rotation_rad", "translation", "crop", "identity",
    }  # fmt: skip

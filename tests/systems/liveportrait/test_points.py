"""What is read from the motion extractor's answer."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import StructureError
from sadtalker_core.geometry.pose import rotation_liveportrait
from sadtalker_core.systems.liveportrait.keypoints import degrees_from_bins, posed
from sadtalker_core.systems.liveportrait.nets.motion_extractor import MotionLogits
from sadtalker_core.systems.liveportrait.points import SourcePoints, extract, extract_stream

from .toy_points import faces, ratios


def answer(crops: Tensor) -> MotionLogits:
    """Every number depends on the picture's mean, and on how many pictures came together."""
    count = len(crops)
    mean = crops.mean((1, 2, 3))[:, None] + 1e-3 * count

    def head(size: int, offset: float) -> Tensor:
        return torch.sin(mean * torch.arange(1, size + 1) + offset)

    return MotionLogits(
        head(66, 0), head(66, 1), head(66, 2), head(3, 3), head(63, 4), head(1, 5), head(63, 6)
    )


def pictures(count: int) -> Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_degrees_are_expected_bins() -> None:
    sure = torch.full((2, 66), -1e4)
    sure[0, 0] = sure[1, 40] = 1e4
    assert degrees_from_bins(sure).tolist() == [-97.5, 22.5]
    even = torch.zeros(1, 66)
    assert degrees_from_bins(even).tolist() == [0.0]
    degrees = torch.tensor([[12.0], [3.0]])
    assert degrees_from_bins(degrees) is degrees


def test_posed_keypoints() -> None:
    kp = torch.tensor([[[1.0, 2.0, 3.0]]])
    turn = rotation_liveportrait(torch.tensor([[0.0, 0.0, 90.0]]))
    found = posed(kp, turn, torch.full((1, 1, 3), 0.5), torch.tensor([[2.0]]), torch.ones(1, 3))
    torch.testing.assert_close(found, torch.tensor([[[-2.0, 4.0, 8.0]]]))


def test_extracted_numbers() -> None:
    crops = pictures(3)
    found, raw = extract(answer, crops), answer(crops)
    assert torch.equal(found.kp, raw.keypoints.reshape(3, 21, 3))
    assert torch.equal(found.exp, raw.expression.reshape(3, 21, 3))
    angles = [degrees_from_bins(bins) for bins in (raw.pitch, raw.yaw, raw.roll)]
    assert torch.equal(found.pitch_yaw_roll_deg, torch.stack(angles, 1))
    assert torch.equal(found.rotation, rotation_liveportrait(found.pitch_yaw_roll_deg))
    x = found.scale[:, None] * (found.kp @ found.rotation + found.exp)
    x[..., :2] += found.t[:, None, :2]
    torch.testing.assert_close(found.x, x)


def test_half_precision_becomes_single() -> None:
    found = extract(lambda crops: MotionLogits(*(p.half() for p in answer(crops))), pictures(2))
    assert {part.dtype for part in found.parts()} == {torch.float32}


@pytest.mark.parametrize("sizes", [[11], [1] * 11, [3, 0, 8], [4, 4, 3]])
def test_stream_does_not_depend_on_the_chunks(sizes: list[int]) -> None:
    crops = pictures(11)
    parts = list(extract_stream(answer, crops.split(sizes), group=4))
    assert [len(part) for part in parts] == [4, 4, 3]
    want = [extract(answer, crops[start : start + 4]) for start in (0, 4)]
    want.append(extract(answer, torch.cat([crops[8:], crops[-1:]]))[:3])
    for got, wanted in zip(SourcePoints.joined(parts).parts(), SourcePoints.joined(want).parts()):
        assert torch.equal(got, wanted)


def test_stream_reads_no_further_than_it_must() -> None:
    read: list[int] = []

    def chunks():
        for number, crop in enumerate(pictures(6).split(1)):
            read.append(number)
            yield crop

    stream = extract_stream(answer, chunks(), group=2)
    next(stream)
    assert read == [0, 1]


def test_points_become_motion() -> None:
    points, opening = faces(3, 1), ratios(3, 1)
    motion = points.motion(Fraction(30), opening)
    assert motion.fps == 30
    assert torch.equal(motion.expression, points.exp)
    assert torch.equal(motion.rotation, points.rotation)
    assert motion.canonical is points.kp
    assert motion.keypoints is points.x
    assert motion.eye_ratios is opening.eyes
    assert motion.lip_ratio is opening.lip
    assert points.motion(Fraction(30)).eye_ratios is None


def test_points_check_their_shapes() -> None:
    good = faces(3, 1)
    assert len(good[1:]) == 2
    names = ("kp", "exp", "rotation", "pitch_yaw_roll_deg", "t", "scale", "x")
    parts = good.parts()
    for place, name in enumerate(names):
        wrong = [part[:2] if k == place else part for k, part in enumerate(parts)]
        with pytest.raises(StructureError, match="exp" if name == "kp" else name):
            SourcePoints(*wrong)
    with pytest.raises(StructureError, match="no frames"):
        SourcePoints.joined([])

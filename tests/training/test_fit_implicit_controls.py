"""The fit between built-in controls and implicit expression, on data whose answer is known."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from sadtalker_core.errors import MediaError
from sadtalker_core.faces.measures import canonical_unit
from sadtalker_core.faces.mesh import CHEEK_SIDES, canonical_points
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.geometry.pose import rotation_from_angles
from sadtalker_core.structures import ImplicitMotion
from sadtalker_core.systems.lite.driver_rows import DriverRows
from sadtalker_core.training.fit_implicit_controls import (
    NUMBERS,
    USUAL,
    Pair,
    clips_left_out,
    explained,
    fit_pushes,
    fit_reads,
    leaning,
    leaning_ridge,
    quarters_left_out,
    read_pair,
    support,
    table_text,
)
from sadtalker_core.training.implicit_head import head_place
from sadtalker_core.transfer.implicit_tables import CONTROLS, E_PER_SCALE

MEDIA = os.environ.get("TALKING_PORTRAITS_MEDIA")


def made_up(seed: int, frames: int = 80, noise: float = 0.0) -> Pair:
    """A clip whose expression follows the slider tables at half their amount, around a person."""
    generator = torch.Generator().manual_seed(seed)
    usual = torch.tensor(USUAL, dtype=torch.float64)
    controls = torch.randn(frames, len(CONTROLS), generator=generator).double() * usual
    person = torch.randn(NUMBERS, generator=generator).double() * 0.05
    shaken = torch.randn(frames, NUMBERS, generator=generator).double() * noise
    expression = person + controls @ (0.5 * leaning()) + shaken
    return Pair(f"clip{seed}", controls + 0.3, expression, torch.ones(frames, dtype=torch.bool))


EXACT = [1e-6] * len(CONTROLS)


def test_the_answer_is_found_whoever_it_is() -> None:
    pairs = [made_up(seed) for seed in range(3)]
    pushes = fit_pushes(pairs, EXACT)
    torch.testing.assert_close(pushes, 0.5 * leaning(), rtol=0, atol=1e-6)
    reads = fit_reads(pairs, pushes, EXACT)
    controls, expression = made_up(9).centred()
    # the tables open the mouth and drop the jaw by one slider: these two cannot be told apart;
    # looking up and down is not read at all, and both brows as the right one
    mixed = ("open", "jaw", "gaze_y", "brow_left")
    known = [k for k, name in enumerate(CONTROLS) if name not in mixed]
    assert float(explained(expression @ reads.mT, controls)[known].min()) > 0.9
    assert not reads[CONTROLS.index("gaze_y")].any()
    assert torch.equal(reads[CONTROLS.index("brow_left")], reads[CONTROLS.index("brow_right")])


def test_what_was_left_out_is_judged_by_what_was_not() -> None:
    pairs = [made_up(seed, 300) for seed in range(3)]
    good = clips_left_out(pairs)
    assert min(good.expression) > 0.8
    assert float(good.reads_correlation[:4].min()) > 0.8
    # a clip of nothing but noise is not explained, however many are
    torch.manual_seed(0)
    noise = Pair("x", pairs[0].controls, torch.randn(300, NUMBERS).double(), pairs[0].valid)
    assert max(clips_left_out([*pairs, noise]).expression) < 0.2
    assert min(quarters_left_out(pairs, pairs[1]).expression) > 0.8
    assert max(quarters_left_out(pairs[:1] + [noise], noise).expression) < 0.2


def _against(pair: Pair, frames: slice) -> Pair:
    """The clip with frames in which everything goes the other way."""
    expression = pair.expression.clone()
    calm = expression.mean(0)
    expression[frames] = 2 * calm - expression[frames]
    return Pair("against", pair.controls, expression, pair.valid)


def test_nothing_of_what_is_left_out_leaks_into_the_fit() -> None:
    one = made_up(0, 600)
    other = _against(made_up(1, 600), slice(None))
    # each is told by the other only: worse than nothing, where knowing itself would give about 0
    assert max(clips_left_out([one, other]).expression) < -0.8
    # the last quarter is unlike the three others, which it alone spoils
    torn = _against(made_up(2, 600), slice(450, None))
    assert max(quarters_left_out([torn], torn).expression) < -0.15


def test_without_evidence_it_leans_to_the_slider_tables() -> None:
    pairs = [made_up(0)]
    torch.testing.assert_close(
        fit_pushes(pairs, [1e9] * len(CONTROLS)), leaning(), rtol=1e-3, atol=1e-6
    )
    between = fit_pushes(pairs, [float(len(pairs[0].valid))] * len(CONTROLS))
    place = (CONTROLS.index("jaw"), 3 * 19 + 1)
    assert 0.5 * leaning()[place] < between[place] < leaning()[place]


def test_only_the_own_part_of_the_face_is_used() -> None:
    pushes = fit_pushes([made_up(0, noise=0.01)])
    assert not pushes[~support()].any()
    assert not leaning()[~support()].any()
    reads = fit_reads([made_up(0, noise=0.01)], pushes)
    mouth = [3 * k + a for k in (14, 17, 19, 20) for a in range(3)]
    for name in ("gaze_x", "brow_left"):
        assert not reads[CONTROLS.index(name), mouth].any()


def test_invalid_frames_do_not_count() -> None:
    good = made_up(0)
    spoilt = good.expression.clone()
    spoilt[:10] += 5
    valid = good.valid.clone()
    valid[:10] = False
    pair = Pair("spoilt", good.controls, spoilt, valid)
    torch.testing.assert_close(fit_pushes([pair], EXACT), 0.5 * leaning(), rtol=0, atol=1e-6)


def test_leaning_ridge_is_the_textbook_formula() -> None:
    x = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    y = torch.tensor([[2.0], [4.0]], dtype=torch.float64)
    allowed = torch.ones(1, 1, dtype=torch.bool)
    prior = torch.tensor([[1.0]], dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    found = leaning_ridge(x, y, allowed, prior, one, 5 * one[:, None])
    # minimises (2 - w)^2 + (4 - 2 w)^2 + 5 (w - 1)^2
    assert float(found) == pytest.approx(1.5)


def test_where_the_keypoints_are() -> None:
    """Size and origin come back from clips in which the head turns."""
    ears = canonical_points()[list(CHEEK_SIDES)].double().mean(0) / canonical_unit()
    origin = torch.tensor([0.05, 0.4, -0.3], dtype=torch.float64)
    pairs: list[tuple[DriverRows, ImplicitMotion]] = []
    for seed, side in ((0, 256), (1, 512)):
        generator = torch.Generator().manual_seed(seed)
        angles = (torch.rand(40, 3, generator=generator).double() - 0.5) * 0.8
        turn = rotation_from_angles(angles)
        unit = torch.full((40,), 0.2 * side).double()
        place = torch.rand(40, 3, generator=generator).double() * side / 4 + side / 3
        at = place + (turn @ (ears + origin)) * unit[:, None]
        scale = torch.full((40, 1), 0.4 / 0.31)
        translation = torch.nn.functional.pad(at[:, :2] / (side / 2) - 1, (0, 1)).float()
        rows = DriverRows(
            torch.zeros(40, 9),
            torch.zeros(40, 2),
            torch.zeros(40),
            torch.zeros(40, 2, 2),
            turn.float(),
            place.float(),
            unit.float(),
            torch.ones(40, dtype=torch.bool),
            Fraction(25),
        )
        motion = ImplicitMotion(
            torch.zeros(40, 21, 3), torch.eye(3).expand(40, 3, 3), translation, scale, Fraction(25)
        )
        pairs.append((rows, motion))
    found = head_place(pairs, [256, 512])
    assert found.e_per_scale == pytest.approx(0.31, rel=1e-4)
    assert found.spread < 1e-3
    # the depth leans to 0 a little
    assert found.origin_e[:2] == pytest.approx((0.05, 0.4), abs=0.01)
    assert found.origin_e[2] == pytest.approx(-0.3, abs=0.1)


def test_tables_are_python() -> None:
    weights = torch.zeros(len(CONTROLS), NUMBERS)
    weights[0, 3 * 19 + 1], weights[0, 5], weights[1, 2] = 0.5, 0.001, -0.25
    text = table_text("PUSHES", weights, 0.03)
    scope: dict[str, object] = {}
    exec(text.replace(": Table", ""), scope)
    table = scope["PUSHES"]
    assert isinstance(table, dict)
    assert table["open"] == ((19, 1, 0.5),)
    assert table["width"] == ((0, 2, -0.25),)
    assert set(table) == set(CONTROLS)


@pytest.mark.skipif(MEDIA is None, reason="TALKING_PORTRAITS_MEDIA is not set")
def test_a_real_clip_beside_its_template() -> None:
    video, templates = Path(str(MEDIA), "video"), Path(str(MEDIA), "templates")
    nets = load_face_nets()
    clip = video / "liveportrait_d2.mp4"
    pair, rows, motion = read_pair(clip, templates / "d2.pkl", nets)
    assert pair.controls.shape == (16, len(CONTROLS))
    assert bool(pair.valid.all())
    # a blink: lids of the controls and upper lids of the expression go together
    lids = torch.stack((pair.controls[:, CONTROLS.index("lid_left")], pair.expression[:, 34]))
    assert float(torch.corrcoef(lids)[0, 1]) > 0.9
    place = head_place([(rows, motion)], [512])
    assert place.e_per_scale == pytest.approx(E_PER_SCALE, rel=0.05)
    with pytest.raises(MediaError, match=r"d2\.mp4 has 16 frames, .*laugh\.pkl has 54"):
        read_pair(clip, templates / "laugh.pkl", nets)

"""Preprocess modes: the original's rectangle, and where a crop belongs in the picture."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import FaceError, OptionError, StructureError
from sadtalker_core.faces.ffhq import ffhq_rectangle
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.landmarks98 import mesh_to_68
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.systems.sadtalker.config import PREPROCESS_MODES
from sadtalker_core.systems.sadtalker.crop import (
    CropPlan,
    cut,
    cut_box,
    plan_crop,
)
from tests.parity.seeded_weights import load_golden

GOLDEN = Path(__file__).parents[2] / "parity" / "data" / "sadtalker" / "face_crop.safetensors"


def landmarks(x: float, y: float, eyes: float) -> Tensor:
    """(68, 2): eyes ``eyes`` pixels apart around (x, y), mouth as far below."""
    points = torch.full((68, 2), float("nan"))
    points[36:42] = torch.tensor([x - eyes / 2, y])
    points[42:48] = torch.tensor([x + eyes / 2, y])
    points[48], points[54] = torch.tensor([x - 1, y + eyes]), torch.tensor([x + 1, y + eyes])
    return points.nan_to_num(0.0)


def test_the_originals_rectangles() -> None:
    given, wanted, _ = load_golden(GOLDEN)
    for (width, height), points, numbers in zip(
        given["image_wh"].tolist(), given["lm68"], wanted["rsize2_crop4_quad4"]
    ):
        found = ffhq_rectangle((height, width), points)
        ours = [found.resized[1], found.resized[0], *found.crop, *found.inner]
        assert ours == pytest.approx(numbers.tolist(), abs=1e-3)


def test_the_chin_of_a_tall_close_up() -> None:
    # a quad of 440 around (200, 410) in a picture of 400x700: from 190 down to 630, border 44
    points = landmarks(200, 400, 110)
    found = ffhq_rectangle((700, 400), points)
    assert found.crop == (0, 147, 400, 675)
    assert found.inner[1] == pytest.approx(44.5)
    assert found.inner[3] == 400  # the original's: its width
    assert plan_crop((700, 400), points, "crop").box_px == (0, 191, 400, 631)


@pytest.mark.parametrize("degrees", [120, 180, -150])
def test_upside_down_faces_are_named(degrees: float) -> None:
    turn = math.radians(degrees)
    rotation = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    points = landmarks(0, 0, 100) @ rotation.T + torch.tensor([500.0, 450.0])
    with pytest.raises(FaceError, match="upside down"):
        plan_crop((900, 1000), points, "crop")
    assert plan_crop((900, 1000), points, "resize").cut_size == (900, 1000)


def test_a_face_in_the_open() -> None:
    # v = (100, 0), m = (0, 100): x = (200, 0), so the quad spans 400 around (500, 310)
    plan = plan_crop((900, 1000), landmarks(500, 300, 100), "crop")
    outer = plan_crop((900, 1000), landmarks(500, 300, 100), "extcrop")
    assert outer.cut_box == (260, 70, 740, 550)  # 40 of border: a tenth of 400
    assert plan.cut_box == (300, 110, 700, 510)
    assert plan.box_px == (300, 110, 700, 510)
    assert plan.inner_size == outer.inner_size == (400, 400)
    assert outer.cut_size == (480, 480)


@pytest.mark.parametrize("mode", PREPROCESS_MODES)
def test_what_each_mode_cuts(mode: str) -> None:
    points = landmarks(500, 300, 100)
    plan = plan_crop((900, 1000), points, mode, 512)
    alike = {"full": "crop", "extfull": "extcrop"}.get(mode, mode)
    assert plan.cut_box == plan_crop((900, 1000), points, alike).cut_box
    assert plan.is_pasted == (mode in ("full", "extfull"))
    assert plan.size == 512
    if mode == "resize":
        assert plan.box_px == (0, 0, 1000, 900)
        assert plan == plan_crop((900, 1000), None, mode, 512)


@pytest.mark.parametrize("mode", PREPROCESS_MODES)
@pytest.mark.parametrize("place", [(20, 20), (980, 880), (500, 10), (500, 899), (3, 450)])
def test_boxes_stay_inside_the_picture(mode: str, place: tuple[int, int]) -> None:
    plan = plan_crop((900, 1000), landmarks(*place, 150), mode)
    x0, y0, x1, y1 = plan.box_px
    assert 0 <= x0 < x1 <= 1000
    assert 0 <= y0 < y1 <= 900
    picture = cut(torch.zeros(3, 900, 1000, dtype=torch.uint8), plan)
    assert picture.shape == (3, 256, 256)


PERIOD = 64.0


def waves(height: int, width: int) -> Tensor:
    """(3, H, W) uint8 whose red and green tell the column: cosine and sine of its phase."""
    phase = torch.arange(width) * (2 * math.pi / PERIOD)
    rgb = torch.zeros(3, height, width)
    rgb[0], rgb[1] = phase.cos(), phase.sin()
    return (127.5 + 127 * rgb).round().to(torch.uint8)


def misplaced(line: Tensor, start: float, stop: float) -> Tensor:
    """By how many pixels of the picture each pixel of a cut line (3, S) is off its place."""
    size = line.shape[1]
    place = start + (torch.arange(size) + 0.5) * (stop - start) / size - 0.5
    phase = torch.atan2(line[1].float() - 127.5, line[0].float() - 127.5)
    turn = phase - place * (2 * math.pi / PERIOD)
    off = torch.atan2(turn.sin(), turn.cos()) * PERIOD / (2 * math.pi)
    return off[8:-8]  # the outermost pixels average with the border


def assert_belongs(plan: CropPlan, height: int, width: int) -> None:
    """Each pixel of the cut shows the place that ``box_px`` says, to half a pixel."""
    x0, y0, x1, y1 = plan.box_px
    across = cut(waves(height, width), plan)[:, plan.size // 2]
    down = cut(waves(width, height).transpose(1, 2), plan)[:, :, plan.size // 2]
    for errors in (misplaced(across, x0, x1), misplaced(down, y0, y1)):
        assert float(errors.abs().max()) < 0.5
        assert abs(float(errors.mean())) < 0.1


@pytest.mark.parametrize("mode", PREPROCESS_MODES)
@pytest.mark.parametrize("size", [256, 512])
def test_a_crop_belongs_where_its_plan_says(mode: str, size: int) -> None:
    plan = plan_crop((333, 471), landmarks(240, 150, 50.3), mode, size)
    assert_belongs(plan, 333, 471)


@pytest.mark.parametrize("mode", ["full", "extfull"])
def test_also_in_large_pictures_that_the_original_shrinks(mode: str) -> None:
    height, width = 2501, 2203
    points = landmarks(1100.5, 1000, 523.0)
    found = ffhq_rectangle((height, width), points)
    assert found.shrink == 2
    assert found.resized == (1250, 1102)  # halves to even: 1250.5, 1101.5
    plan = plan_crop((height, width), points, mode)
    assert_belongs(plan, height, width)
    x0, y0, x1, y1 = plan.box_px
    assert x1 - x0 > 2000  # in the picture's own pixels, not in the shrunk one's
    # the face's middle is the box's middle
    if mode == "full":
        assert (x0 + x1) / 2 == pytest.approx(1100.5, abs=3)
        assert (y0 + y1) / 2 == pytest.approx(1000 + 52.3, abs=3)


def test_each_axis_has_its_own_scale() -> None:
    """Rounding the shrunk picture's size changes its aspect: 10 pixels at the end of this one."""
    plan = plan_crop((5003, 1101), landmarks(550, 4300, 523.0), "full")
    assert plan.resized == (2502, 550)
    x0, y0, x1, y1 = plan.cut_box
    expected = (x0 * 1101 / 550, y0 * 5003 / 2502, x1 * 1101 / 550, y1 * 5003 / 2502)
    assert plan.box_px == pytest.approx(expected)
    assert_belongs(plan, 5003, 1101)


def test_points_follow_the_cut() -> None:
    plan = plan_crop((2501, 2203), landmarks(1100.5, 1000, 523.0), "extcrop", 512)
    x0, y0, x1, y1 = plan.box_px
    corners = torch.tensor([[x0 - 0.5, y0 - 0.5], [x1 - 0.5, y1 - 0.5]])
    expected = torch.tensor([[-0.5, -0.5], [511.5, 511.5]])
    torch.testing.assert_close(plan.to_crop(corners), expected, rtol=0, atol=1e-3)
    whole = plan_crop((100, 300), None, "resize", 100)
    assert whole.to_crop(torch.tensor([[1.0, 7.0]]))[0].tolist() == pytest.approx([0, 7])


def test_same_size_copies_pixels() -> None:
    rgb = torch.randint(0, 256, (3, 900, 1000), dtype=torch.uint8)
    plan = plan_crop((900, 1000), landmarks(500, 300, 64), "crop")
    assert plan.cut_size == (256, 256)
    x0, y0, x1, y1 = plan.cut_box
    assert torch.equal(cut(rgb, plan), rgb[:, y0:y1, x0:x1])
    assert torch.equal(cut_box(rgb, plan), rgb[:, y0:y1, x0:x1])


@pytest.mark.parametrize("height", [1, 17, 64, 4000])
def test_any_picture_can_be_squeezed(height: int) -> None:
    plan = plan_crop((height, 40), None, "resize", 256)
    assert cut(torch.zeros(3, height, 40, dtype=torch.uint8), plan).shape == (3, 256, 256)


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(OptionError, match="known values are: crop, extcrop, resize"):
        plan_crop((100, 100), landmarks(50, 50, 20), "half")
    with pytest.raises(StructureError, match="landmarks"):
        plan_crop((100, 100), None, "full")
    with pytest.raises(FaceError, match="outside"):
        plan_crop((100, 100), landmarks(500, 50, 20), "full")
    with pytest.raises(FaceError, match="one place"):
        plan_crop((100, 100), torch.ones(68, 2), "full")
    with pytest.raises(FaceError, match="finite"):
        plan_crop((100, 100), torch.full((68, 2), float("nan")), "full")
    plan = plan_crop((100, 100), landmarks(50, 50, 20), "full")
    with pytest.raises(StructureError, match="100x100"):
        cut(torch.zeros(3, 100, 101, dtype=torch.uint8), plan)


@pytest.mark.slow
def test_crops_of_real_portraits_belong_where_they_say(sample_media: Path) -> None:
    nets = load_face_nets()
    seen = 0
    for path in sorted((sample_media / "portraits").iterdir()):
        if path.suffix not in (".png", ".jpg", ".jpeg"):
            continue
        rgb = read_picture(path).rgb
        faces = find_faces(nets, rgb)
        if not faces:
            continue
        seen += 1
        height, width = int(rgb.shape[1]), int(rgb.shape[2])
        points = mesh_to_68(faces[0].mesh_px)
        for mode in PREPROCESS_MODES:
            plan = plan_crop((height, width), points, mode)
            assert_belongs(plan, height, width)
            moved = plan.to_crop(points)[36:48]
            assert bool(((moved > 0) & (moved < 256)).all()), path
    assert seen >= 20

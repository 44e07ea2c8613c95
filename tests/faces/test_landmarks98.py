"""98 and 68 landmarks: reading heatmaps, the toy-size net, our own mesh in the 68-point scheme."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.errors import StructureError
from sadtalker_core.faces import landmarks98
from sadtalker_core.faces.face import Face
from sadtalker_core.faces.mesh import mirror_points
from sadtalker_core.faces.nets.fan98 import CoordConv, Fan98, Fan98Config
from sadtalker_core.faces.retina import RetinaFaces, anchors


@pytest.fixture(scope="module")
def net() -> Fan98:
    torch.manual_seed(0)
    return Fan98(Fan98Config(stacks=2, channels=16, depth=3)).eval().requires_grad_(False)


def test_the_68_points_of_98() -> None:
    points = torch.arange(98.0)[:, None].repeat(1, 2)
    found = landmarks98.to_68(points)[:, 0].tolist()
    assert found[:17] == list(range(0, 33, 2))
    assert found[17:27] == [33, 37.5, 37.5, 37.5, 37.5, 46, 46, 46, 46, 46]
    assert found[27:36] == list(range(51, 60))
    assert found[36:48] == [60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75]
    assert found[48:] == list(range(76, 96))
    brows = torch.zeros(98, 2)
    brows[34], brows[41] = torch.tensor([2.0, 4.0]), torch.tensor([4.0, 8.0])
    assert landmarks98.to_68(brows)[18].tolist() == [3, 6]
    with pytest.raises(StructureError):
        landmarks98.to_68(points[:68])


def heatmaps(*peaks: tuple[int, int]) -> Tensor:
    """(1, K, 8, 8) with one peak (row, column) each, on a slope up to the right and down."""
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    maps = (0.01 * columns + 0.02 * rows).repeat(1, len(peaks), 1, 1)
    for i, (row, column) in enumerate(peaks):
        maps[0, i, row, column] = 5
    return maps


def test_peaks_lean_to_the_higher_neighbour() -> None:
    assert landmarks98.points_of_heatmaps(heatmaps((3, 4)))[0, 0].tolist() == [4.75, 3.75]
    flipped = heatmaps((3, 4)).flip(-1)
    assert landmarks98.points_of_heatmaps(flipped)[0, 0].tolist() == [3.25, 3.75]


def test_a_point_in_the_last_row_changes_all_points_of_its_face_only() -> None:
    peaks = heatmaps((3, 4), (2, 2))
    # the upper neighbour of (3, 4) is now higher than its lower one
    peaks[0, 0, 2, 4] = 0.15
    alone = landmarks98.points_of_heatmaps(peaks)
    assert alone[0, 0].tolist() == [4.75, 3.25]
    bottom = peaks.clone()
    bottom[0, 1, 7, 2] = 9  # the second point moves to the last row
    bottom[0, 0, 7, 7] = 2.0  # and the last cell is now the first point's lower neighbour
    both = landmarks98.points_of_heatmaps(torch.cat((bottom, peaks)))
    assert both[0, 0].tolist() == [4.75, 3.75]
    assert torch.equal(both[1], alone[0])


def test_corners_are_read_without_failing() -> None:
    found = landmarks98.points_of_heatmaps(heatmaps((0, 0), (7, 7)))
    assert found.shape == (1, 2, 2)
    assert bool(((found >= 0) & (found <= 8)).all())


def test_points_are_in_pixels_of_each_face(net: Fan98) -> None:
    generator = torch.Generator().manual_seed(0)
    small = torch.randint(0, 256, (3, 64, 48), generator=generator, dtype=torch.uint8)
    large = small.repeat_interleave(2, 1).repeat_interleave(2, 2)
    found = landmarks98.landmarks_98(net, [small, small, large])
    assert found.shape == (3, 98, 2)
    assert torch.equal(found[0], found[1])
    assert float(found[..., 0].max()) > 64  # the large face's points use its own size
    assert bool((found[:2] <= torch.tensor([48, 64])).all())
    assert landmarks98.landmarks_98(net, []).shape == (0, 98, 2)


def test_blue_comes_first() -> None:
    class Shown(nn.Module):
        config = Fan98Config()

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)
            self.seen = torch.zeros(0)

        def forward(self, image: Tensor) -> list[Tensor]:
            self.seen = image
            maps = torch.zeros(1, 99, 64, 64)
            maps[0, 98] = 7.0  # the boundary is no point
            maps[0, :98, 16, 32] = 3.0
            return [torch.ones(1, 99, 64, 64), maps]

    rgb = torch.tensor([255, 51, 0], dtype=torch.uint8)[:, None, None].expand(3, 128, 64)
    net = Shown()
    found = landmarks98.landmarks_98(net, [rgb])  # type: ignore[list-item]
    assert net.seen[0, :, 9, 9].tolist() == pytest.approx([0, 0.2, 1.0])
    assert net.seen.shape == (1, 3, 256, 256)
    assert found[0, 0].tolist() == [32.5, 33]


def test_coordinates_and_boundary() -> None:
    maps = torch.zeros(1, 4, 3, 5)
    maps[0, -1, 1, 4], maps[0, -1, 2, 0], maps[0, 0] = 0.06, 0.05, 1.0
    given = CoordConv.with_coordinates(torch.zeros(1, 2, 3, 5), maps)[0]
    assert given.shape == (7, 3, 5)
    assert given[2, :, 0].tolist() == [-1, 0, 1]
    assert given[3, 0].tolist() == [-1, -0.5, 0, 0.5, 1]
    assert float(given[4].max()) == 1.0
    assert given[6, 1].tolist() == [0, 0, 0, 0, 1]
    assert float(given[5].abs().sum()) == 0.0  # the only boundary pixel is in the middle row


def test_both_stacks_count(net: Fan98) -> None:
    one, two = net(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert one.shape == two.shape == (1, 99, 16, 16)
    assert not torch.allclose(one, two)


class OneFace(nn.Module):
    """A detector that always reports the anchor ``number``."""

    def __init__(self, number: int | None) -> None:
        super().__init__()
        self.number = number
        self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        count = len(anchors(*image.shape[2:]))
        logits = torch.zeros(1, count, 2)
        logits[..., 0] = 9
        if self.number is not None:
            logits[0, self.number, 1] = 20
        return torch.zeros(1, count, 4), logits, torch.zeros(1, count, 10)


def test_the_originals_finder_works_in_the_box(net: Fan98) -> None:
    rgb = torch.randint(0, 256, (3, 64, 80), dtype=torch.uint8)
    # anchor at column 5, row 3 with side 16: x 44 - 8, y 28 - 8
    found = landmarks98.find_68(OneFace((3 * 10 + 5) * 2), net, rgb)  # type: ignore[arg-type]
    assert found is not None
    inside = landmarks98.landmarks_98(net, [rgb[:, 20:36, 36:52]])[0]
    assert torch.equal(found, landmarks98.to_68(inside) + torch.tensor([36, 20]))
    # a box over the corner is clipped: x 4 - 8, y 4 - 8
    corner = landmarks98.find_68(OneFace(0), net, rgb)  # type: ignore[arg-type]
    assert corner is not None
    assert bool(((corner >= 0) & (corner <= 12)).all())
    assert landmarks98.find_68(OneFace(None), net, rgb) is None  # type: ignore[arg-type]


def test_of_several_faces_the_one_that_is_meant(
    net: Fan98, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = torch.tensor([[4.0, 4, 30, 30], [40, 20, 70, 60], [42, 22, 78, 62]])
    seen = RetinaFaces(boxes, torch.tensor([0.99, 0.98, 0.97]), torch.zeros(3, 5, 2))
    monkeypatch.setattr(landmarks98, "detect", lambda *given, **options: seen)
    rgb = torch.randint(0, 256, (3, 64, 80), dtype=torch.uint8)

    def found(near: tuple[float, float] | None) -> torch.Tensor:
        points = landmarks98.find_68(OneFace(0), net, rgb, near=near)  # type: ignore[arg-type]
        assert points is not None
        return points

    first = landmarks98.landmarks_98(net, [rgb[:, 4:30, 4:30]])[0]
    second = landmarks98.landmarks_98(net, [rgb[:, 20:60, 40:70]])[0]
    for near in (None, (10.0, 10.0), (35.0, 10.0)):  # nobody is at the last place
        assert torch.equal(found(near), landmarks98.to_68(first) + torch.tensor([4, 4]))
    assert torch.equal(found((50.0, 40.0)), landmarks98.to_68(second) + torch.tensor([40, 20]))


def test_our_mesh_in_the_68_point_scheme(face: Face) -> None:
    points = landmarks98.mesh_to_68(face.mesh_px)
    assert points.shape == (68, 2)
    left, right = points[36:42].mean(0), points[42:48].mean(0)
    eyes = float((right - left).norm())
    # the iris net found the eyes by itself
    for middle, iris in zip((left, right), face.iris_px[:, 0]):
        assert float((middle - iris).norm()) < 0.12 * eyes
    x, y = points.unbind(1)
    assert bool((x[1:9] >= x[:8] - 0.05 * eyes).all())  # the jaw goes down and to the right ...
    assert bool((y[1:9] > y[:8]).all())
    assert bool((y[9:17] < y[8:16]).all())  # ... and up again
    assert int(y.argmax()) == 8  # the chin is the lowest
    assert bool((x[18:27] > x[17:26]).all())  # brows and the nose's base, left to right
    assert bool((x[32:36] > x[31:35]).all())
    assert bool((y[28:31] > y[27:30]).all())  # the nose, from the top
    assert bool((y[17:27] < y[36:42].min()).all())
    for ring in (points[36:42], points[42:48], points[48:60], points[60:68]):
        a, b = ring, ring.roll(-1, 0)
        area = (a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1]).sum() / 2
        assert float(area) > 0  # clockwise as seen, y down
    assert bool((x[49:55] > x[48:54]).all())
    assert bool((x[55:60] < x[54:59]).all())


def test_a_mirrored_mesh_gives_mirrored_points(face: Face) -> None:
    points = landmarks98.mesh_to_68(face.mesh_px)
    mirrored = face.mesh_px[mirror_points()] * torch.tensor([-1.0, 1.0, 1.0])
    found = landmarks98.mesh_to_68(mirrored) * torch.tensor([-1.0, 1.0])
    order = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    order += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    order += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
    torch.testing.assert_close(found[order], points, rtol=0, atol=1e-3)


def test_the_jaws_points_are_equally_far_apart(face: Face) -> None:
    points = landmarks98.mesh_to_68(face.mesh_px)
    for side in (points[:9], points[8:17]):
        steps = (side[1:] - side[:-1]).norm(dim=1)
        assert float(steps.max() / steps.min()) < 1.1  # chords of equal arcs
    assert torch.equal(landmarks98.mesh_to_68(face.mesh_px[:, :2]), points)
    with pytest.raises(StructureError):
        landmarks98.mesh_to_68(face.mesh_px[:400])

"""RetinaFace at toy size; anchors, decoding and suppression."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.faces import retina
from sadtalker_core.faces.nets.resnet import ResNetConfig
from sadtalker_core.faces.nets.retinaface import RetinaFace, RetinaFaceConfig
from tests.parity.sadtalker_faces import retinaface_functions
from tests.parity.seeded_weights import load_golden, worst_error

TOY = RetinaFaceConfig(ResNetConfig(4, (1, 1, 1, 1)), channels=16)

GOLDEN = Path(__file__).parents[1] / "parity" / "data" / "enhance" / "functions.safetensors"


def test_anchors_decoding_and_suppression_are_the_originals() -> None:
    given, wanted, meta = load_golden(GOLDEN)
    ours = retinaface_functions(given)
    assert len(ours) == 5
    worst = worst_error(ours, {name: wanted[name] for name in ours}, meta)
    assert max(worst.values()) < 1e-6
    assert torch.equal(ours["nms_keep"], wanted["nms_keep"])


@pytest.mark.parametrize("size", [(64, 64), (75, 130), (33, 40)])
def test_one_anchor_for_each_number_of_the_net(size: tuple[int, int]) -> None:
    net = RetinaFace(TOY).eval()
    boxes, logits, points = net(torch.rand(2, 3, *size))
    count = len(retina.anchors(*size))
    assert boxes.shape == (2, count, 4)
    assert logits.shape == (2, count, 2)
    assert points.shape == (2, count, 10)


def test_anchors_go_by_row_column_side() -> None:
    found = retina.anchors(40, 64)
    assert len(found) == (5 * 8 + 3 * 4 + 2 * 2) * 2
    assert found[0].tolist() == pytest.approx([4 / 64, 4 / 40, 16 / 64, 16 / 40])
    assert found[1].tolist() == pytest.approx([4 / 64, 4 / 40, 32 / 64, 32 / 40])
    assert found[2].tolist() == pytest.approx([12 / 64, 4 / 40, 16 / 64, 16 / 40])
    assert found[80].tolist() == pytest.approx([8 / 64, 8 / 40, 64 / 64, 64 / 40])
    assert found[-1].tolist() == pytest.approx([48 / 64, 48 / 40, 512 / 64, 512 / 40])


def test_decoding() -> None:
    anchors = torch.tensor([[0.5, 0.25, 0.2, 0.1]])
    still = retina.decode_boxes(torch.zeros(1, 4), anchors)
    assert still[0].tolist() == pytest.approx([0.4, 0.2, 0.6, 0.3])
    grown = retina.decode_boxes(torch.tensor([[1.0, -1.0, 5.0, 0.0]]), anchors)
    half = 0.2 * 2.718281828 / 2
    assert grown[0].tolist() == pytest.approx([0.52 - half, 0.19, 0.52 + half, 0.29])
    points = retina.decode_points(torch.arange(10.0)[None], anchors)
    assert points.shape == (1, 5, 2)
    assert points[0, 2].tolist() == pytest.approx([0.5 + 4 * 0.02, 0.25 + 5 * 0.01])


def test_of_overlapping_boxes_the_surest_stays() -> None:
    boxes = torch.tensor([[0.0, 0, 9, 9], [1, 1, 10, 10], [100, 0, 109, 9], [0, 0, 9, 4]])
    assert retina.suppress(boxes, torch.tensor([0.5, 0.9, 0.7, 0.1])).tolist() == [1, 2, 3]
    assert retina.suppress(boxes, torch.tensor([0.9, 0.5, 0.7, 0.1])).tolist() == [0, 2]
    # 50 of 100 pixels shared, both ends counted: exactly at the limit a box stays
    assert retina.suppress(boxes[[0, 3]], torch.tensor([0.9, 0.5]), 0.5).tolist() == [0, 1]
    assert retina.suppress(boxes[[0, 3]], torch.tensor([0.9, 0.5]), 0.49).tolist() == [0]
    assert retina.suppress(torch.zeros(0, 4), torch.zeros(0)).tolist() == []


def test_blue_comes_first_and_the_mean_is_taken_off() -> None:
    rgb = torch.tensor([10, 20, 30], dtype=torch.uint8)[:, None, None].expand(3, 2, 2)
    picture = retina.picture_for_net(rgb)
    assert picture[0, :, 0, 0].tolist() == [30 - 104, 20 - 117, 10 - 123]
    mistaken = retina.picture_for_net(rgb, reads_rgb_as_bgr=True)
    assert mistaken[0, :, 0, 0].tolist() == [10 - 104, 20 - 117, 30 - 123]


class Staged(nn.Module):
    """Says that one anchor (by number) holds a face; keeps what it was shown."""

    def __init__(self, anchors: list[int]) -> None:
        super().__init__()
        self.anchors = anchors
        self.weight = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.seen = torch.zeros(0)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.seen = image
        count = len(retina.anchors(*image.shape[2:]))
        logits = torch.zeros(1, count, 2)
        logits[..., 0] = 9.0
        for rank, i in enumerate(self.anchors):
            logits[0, i, 1] = 20.0 - rank
        return torch.zeros(1, count, 4), logits, torch.zeros(1, count, 10)


def detect(net: Staged, rgb: Tensor, **options: object) -> retina.RetinaFaces:
    return retina.detect(net, rgb, **options)  # type: ignore[arg-type]


def test_a_sure_anchor_becomes_a_face_in_picture_pixels() -> None:
    net = Staged([3])
    faces = detect(net, torch.zeros(3, 40, 64, dtype=torch.uint8))
    assert len(faces) == 1
    assert faces.boxes_px[0].tolist() == pytest.approx([12 - 16, 4 - 16, 12 + 16, 4 + 16])
    assert faces.points_px[0, 4].tolist() == pytest.approx([12, 4])
    assert float(faces.scores[0]) > 0.99
    assert len(detect(Staged([]), torch.zeros(3, 40, 64, dtype=torch.uint8))) == 0


def test_a_large_picture_may_be_looked_at_smaller() -> None:
    rgb = torch.zeros(3, 80, 128, dtype=torch.uint8)
    net = Staged([2])
    faces = detect(net, rgb, longest=(100, 64))
    assert net.seen.shape == (1, 3, 40, 64)
    assert faces.boxes_px[0].tolist() == pytest.approx([24 - 16, 8 - 16, 24 + 16, 8 + 16])
    detect(net, rgb, longest=(128, 64))
    assert net.seen.shape == (1, 3, 80, 128)


def test_the_number_of_faces_can_be_limited() -> None:
    rgb = torch.zeros(3, 40, 64, dtype=torch.uint8)
    far_apart = [14, 0, 64]
    assert len(detect(Staged(far_apart), rgb)) == 3
    kept = detect(Staged(far_apart), rgb, most=(3, 1))
    assert kept.points_px[:, 0].tolist() == [[60, 4]]
    assert len(detect(Staged(far_apart), rgb, most=(2, 9))) == 2


def test_suppression_takes_an_order_of_its_own() -> None:
    boxes = torch.tensor([[0.0, 0, 9, 9], [1, 1, 10, 10]])
    scores = torch.tensor([0.9, 0.9])
    assert retina.suppress(boxes, scores).tolist() == [0]
    assert retina.suppress(boxes, scores, order=torch.tensor([1, 0])).tolist() == [1]

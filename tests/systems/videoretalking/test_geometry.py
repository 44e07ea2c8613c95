"""Networks that change nothing, through the real pipeline: every cut comes back to its place."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.enhance.gpen_process import GpenFace
from sadtalker_core.errors import FaceIndexError
from sadtalker_core.faces import s3fd_choice
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.retina import RetinaFaces
from sadtalker_core.faces.s3fd import S3fdFaces
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.relip_request import RelipVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.videoretalking import finders, pipeline
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.finders import OriginalFinder
from sadtalker_core.systems.videoretalking.nets.dnet import Edited

from . import toys

SIZE = (203, 251)
AT = (128.0, 96.0, 90.0)


class Net(nn.Module):
    config = SimpleNamespace(size=256)

    def __init__(self) -> None:
        super().__init__()
        self.like = nn.Parameter(torch.zeros(1), requires_grad=False)


class SameFace(Net):
    def forward(self, image: Tensor) -> Tensor:
        return image


class SameExpression(Net):
    def forward(self, image: Tensor, window: Tensor) -> Edited:
        return Edited(image, image, image[:, :2])


class ShowsReference(Net):
    def noise_sizes(self) -> list[int]:
        return []

    def forward(self, mel: Tensor, faces: Tensor, reference: Tensor, noise: Any) -> Any:
        assert mel.shape == (len(faces), 1, 80, 16)
        assert bool((faces[:, :3, 192:] == 0).all())
        return reference, reference


class SeesAFace(Net):
    def forward(self, image: Tensor) -> Tensor:
        side = image.shape[-1]
        step = (torch.arange(side) + 0.5) / side
        face = ((step - 0.5) / 0.27) ** 2 + ((step[:, None] - 0.56) / 0.36) ** 2 <= 1
        lips = ((step - 0.5) / 0.12) ** 2 + ((step[:, None] - 0.72) / 0.06) ** 2 <= 1
        scores = torch.zeros(len(image), 19, side, side)
        scores[:, 0], scores[:, 1], scores[:, 11] = 0.5, face.float(), 2 * lips.float()
        return scores


def frames(count: int) -> Tensor:
    """Smooth pictures: what is resized and resized back stays nearly the same."""
    small = torch.rand(count, 3, 12, 14, generator=torch.Generator().manual_seed(1)) * 255
    shown = torch.nn.functional.interpolate(small, SIZE, mode="bicubic", align_corners=False)
    return shown.clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("blend", ["region", "original"])
def test_what_changes_nothing_shows_nothing(monkeypatch: pytest.MonkeyPatch, blend: str) -> None:
    options = VideoReTalkingOptions(blend=blend)
    nets = replace(
        toys.toy_nets(options),
        dnet=SameExpression(),
        gpen=SameFace(),
        gfpgan=SameFace(),
        enet=ShowsReference(),
        parsenet=SeesAFace(),
    )
    finder = toys.Scripted([AT, (AT[0] + 5, AT[1] - 4, AT[2])])
    monkeypatch.setattr(pipeline, "_finder", lambda nets, faces, who: finder)
    given = frames(2)
    video = RelipVideo(lambda: iter([given]), Fraction(25), 2, SIZE)
    sound = torch.zeros(1280)
    speech = MotionRequest(options, Fraction(2, 25), Fraction(25), lambda: iter([sound]), 1280)
    result = pipeline.relip(
        nets,
        video,
        FaceOptions(),
        None,
        speech,
        options,
        Runtime(),  # type: ignore[arg-type]
    )
    shown = torch.cat(list(result.frames))
    error = (shown.double() - given.double()).square().mean()
    assert not torch.equal(shown, given)
    # a shift by one pixel of any cut costs ten decibels
    assert 10 * math.log10(255**2 / float(error)) > 46


def original_finder(
    monkeypatch: pytest.MonkeyPatch, boxes: list[list[float]], **options: Any
) -> tuple[OriginalFinder, list[Any]]:
    calls: list[Any] = []

    def s3fd(net: Any, rgb: Tensor, **kind: Any) -> list[S3fdFaces]:
        calls.append(kind)
        found = torch.tensor(boxes).reshape(-1, 4)
        return [S3fdFaces(found, torch.linspace(0.9, 0.6, len(boxes)))]

    monkeypatch.setattr(s3fd_choice, "detect_s3fd", s3fd)
    monkeypatch.setattr(
        finders, "landmarks_68", lambda net, pictures, found: torch.tensor(found)[:, None, :2]
    )
    nets: Any = SimpleNamespace(s3fd=None, fan=None, retina=None)
    return OriginalFinder(nets, FaceOptions(**options), None), calls


def test_the_original_takes_the_surest_face(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [[10.7, 12.2, 40.9, 50.0], [60.0, 5.0, 120.0, 90.0]]
    finder, calls = original_finder(monkeypatch, boxes)
    seen = finder.look(torch.zeros(3, 100, 150, dtype=torch.uint8))
    assert seen is not None
    assert (seen.box, seen.faces) == ((10, 12, 40, 50), 2)
    # Wav2Lip's copy of the detector looks at the frames
    assert calls == [{"reads_rgb_as_bgr": True, "in_double": False}]
    nobody, _ = original_finder(monkeypatch, [])
    assert nobody.look(torch.zeros(3, 100, 150, dtype=torch.uint8)) is None


def test_the_original_keeps_to_who_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [[10.0, 12.0, 40.0, 50.0], [60.0, 5.0, 120.0, 90.0]]
    rgb = torch.zeros(3, 100, 150, dtype=torch.uint8)
    finder, _ = original_finder(monkeypatch, boxes, face_index=0)  # the largest
    first = finder.look(rgb)
    assert first is not None
    assert first.box == (60, 5, 120, 90)
    boxes.reverse()
    boxes.append([61.0, 6.0, 119.0, 91.0])
    again = finder.look(rgb)
    assert again is not None
    assert again.box == (60, 5, 120, 90)
    right, _ = original_finder(monkeypatch, boxes, face_select="right")
    seen = right.look(rgb)
    assert seen is not None
    assert seen.box == (60, 5, 120, 90)
    beyond, _ = original_finder(monkeypatch, boxes, face_index=3)
    assert beyond.look(rgb) is None
    few = beyond.too_few()
    assert isinstance(few, FaceIndexError)
    assert "Face 3 was asked for, but the frames show only 3 faces at once" in str(few)
    pointed, _ = original_finder(monkeypatch, boxes, face_point="20,30")
    seen = pointed.look(rgb)
    assert seen is not None
    assert seen.box == (10, 12, 40, 50)


def test_the_originals_points(monkeypatch: pytest.MonkeyPatch) -> None:
    points = torch.arange(20.0).reshape(2, 5, 2)
    found = RetinaFaces(
        torch.tensor([[0.0, 0, 10, 10], [40.0, 40, 60, 60]]), torch.tensor([0.99, 0.98]), points
    )
    asked: list[tuple[Any, ...]] = []

    def detect(net: Any, rgb: Tensor, threshold: float, **limits: Any) -> RetinaFaces:
        asked.append((threshold, limits))
        return found

    monkeypatch.setattr(finders, "detect", detect)
    finder, _ = original_finder(monkeypatch, [])
    picture, unused = torch.zeros(3, 100, 100, dtype=torch.uint8), torch.zeros(68, 2)
    faces = finder.points(picture, unused, unused[:5])
    assert [type(face) for face in faces] == [GpenFace, GpenFace]
    assert faces[1].box_px == (40.0, 40.0, 60.0, 60.0)
    middle = finder.middle_points(picture, unused[:5])
    assert middle is not None
    assert torch.equal(middle, points[1])  # nearest to the middle
    assert asked == [(0.9, {"longest": (1500, 1000), "most": (5000, 750)}), (0.97, {})]

"""``finder original`` with ``blend original``: toy networks through the whole pipeline, with S3FD,
FAN and RetinaFace that find a known face."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.enhance.gpen_process import GpenFace, gpen_crop
from sadtalker_core.enhance.restore import align_face, to_network
from sadtalker_core.faces.ffhq import ffhq_rectangle
from sadtalker_core.faces.landmarks68 import INPUT_SIZE, place_of_box
from sadtalker_core.faces.nets.resnet import ResNetConfig
from sadtalker_core.faces.nets.retinaface import RetinaFace, RetinaFaceConfig
from sadtalker_core.faces.nets.s3fd import S3fd, S3fdConfig
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.faces.recon3d import five_points
from sadtalker_core.motion_request import MotionRequest
from sadtalker_core.relip_request import RelipReport, RelipVideo
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.videoretalking import blends_original, pipeline
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.moments import CUT, frame_box, in_cut
from sadtalker_core.systems.videoretalking.stabilise import to_picture
from sadtalker_core.systems.videoretalking.weights import OriginalFaceNets
from tests.known_faces import Box, KnownFace, KnownRetinaFace, KnownS3fd

from . import toys

_SIZE = (240, 288)
_FRAMES = 2
_OPTIONS = VideoReTalkingOptions(finder="original", smoothing="original", blend="original")
_CELL = 1.5  # of FAN's maps: how far a point that it finds may be off


def _box(points: Tensor) -> Box:
    (x0, y0), (x1, y1) = points.amin(0).tolist(), points.amax(0).tolist()
    return x0, y0, x1, y1


class _KnownFan(nn.Module):
    """FAN that sees every face's points where they are in the box that it was cut out by."""

    def __init__(self, points: Tensor) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)
        place = place_of_box(_box(points))
        cells = (points - torch.tensor(place.center)) / (200 * place.scale) * 64 + 32
        heat = torch.zeros(1, 68, 64, 64)
        for row, (x, y) in enumerate(cells.long().clamp(0, 63).tolist()):
            heat[0, row, y, x] = 1
        self.heat = heat

    def forward(self, image: Tensor) -> list[Tensor]:
        assert image.shape[1:] == (3, INPUT_SIZE, INPUT_SIZE)
        return [self.heat.expand(len(image), -1, -1, -1)]


@dataclass
class _Job:
    """A run with a face in a place, and what networks were shown.

    Attributes:
        at: centre and width of the face in the frames.
        shown: sizes of the pictures that each finder saw, in order.
        seen: what each network was given, in order.
        pasted: the faces by which the last blend cut, of each frame.
    """

    at: tuple[float, float, float] = (150.0, 110.0, 56.0)
    turn: float = 0.0  # of the five points that RetinaFace finds in references, pixels to the right
    shown: dict[str, list[tuple[int, int]]] = field(default_factory=dict[str, Any])
    seen: dict[str, list[Any]] = field(default_factory=dict[str, Any])
    pasted: list[list[GpenFace]] = field(default_factory=list[Any])
    report: RelipReport | None = None

    def __post_init__(self) -> None:
        self.points = toys.face_landmarks(*self.at)
        self.cut_box = frame_box(ffhq_rectangle(_SIZE, self.points), _SIZE, like_original=True)

    def in_picture(self, image: Tensor) -> Tensor:
        """(68, 2) of the face in what a finder is shown: a frame, or a square cut from it."""
        return in_cut(self.points, self.cut_box) if image.shape[2:] == (CUT, CUT) else self.points

    def five_in(self, image: Tensor) -> Tensor:
        """(5, 2) of what RetinaFace finds there."""
        five = five_points(self.in_picture(image)).float()
        return five + torch.tensor([self.turn if image.shape[2:] == (CUT, CUT) else 0.0, 0.0])

    def faces(self, image: Tensor) -> list[list[KnownFace]]:
        """The face and one in the corner, which GPEN believes in references alone."""
        five = self.five_in(image)
        small = five * 0.15
        score = 0.93 if image.shape[2:] == (CUT, CUT) else 0.88
        found = [
            KnownFace(_box(self.in_picture(image)), 0.99, five),
            KnownFace(_box(torch.cat((small - 4, small + 4))), score, small),
        ]
        return [found] * len(image)

    def run(self, monkeypatch: pytest.MonkeyPatch, frames: Tensor) -> Tensor:
        """The finished frames."""
        nets = toys.toy_nets(_OPTIONS)
        config = RetinaFaceConfig(ResNetConfig(4, (1, 1, 1, 1)), 8)
        finders: dict[str, Any] = {
            "s3fd": KnownS3fd(toys.toy(lambda: S3fd(S3fdConfig(2))), self.faces),
            "fan": _KnownFan(self.points),
            "retina": KnownRetinaFace(toys.toy(lambda: RetinaFace(config)), self.faces),
        }
        for name, net in finders.items():
            net.register_forward_pre_hook(lambda _, given, name=name: self._saw(name, given[0]))
        for name in ("dnet", "gpen", "gfpgan"):
            net = getattr(nets, name)
            net.register_forward_hook(
                lambda _, given, made, name=name: self.seen.setdefault(name, []).append(
                    (given[0], made)
                )
            )
        process = blends_original.gpen_process

        def spied(*given: Any, **words: Any) -> Any:
            self.pasted.append(list(given[2]))
            return process(*given, **words)

        monkeypatch.setattr(blends_original, "gpen_process", spied)
        whole = replace(nets, face_nets=None, original=OriginalFaceNets(**finders))
        video = RelipVideo(lambda: iter(frames.split(2)), Fraction(25), len(frames), _SIZE)
        sound = torch.sin(torch.arange(640 * len(frames)) / 9) * 0.2
        speech = MotionRequest(
            _OPTIONS, Fraction(1), Fraction(25), lambda: iter([sound]), len(sound)
        )
        made = pipeline.relip(whole, video, FaceOptions(), None, speech, _OPTIONS, Runtime())
        self.report = made.report
        return torch.cat(list(made.frames))

    def _saw(self, name: str, image: Tensor) -> None:
        self.shown.setdefault(name, []).append((image.shape[2], image.shape[3]))


def _frames() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    small = torch.randint(0, 255, (_FRAMES, 3, 9, 12), generator=generator).float()
    shown = torch.nn.functional.interpolate(small, _SIZE, mode="bilinear", align_corners=False)
    return shown.to(torch.uint8)


def test_the_face_that_the_finders_find_gets_new_lips(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = _frames()
    for at in ((150.0, 110.0, 56.0), (110.0, 125.0, 48.0)):
        job = _Job(at)
        made = job.run(monkeypatch, frames)
        assert made.shape == frames.shape
        assert job.report is not None
        assert (job.report.frames, job.report.frames_without_face) == (_FRAMES, 0)
        assert job.report.faces_seen == 2
        away = (made.float() - frames.float()).abs().mean((0, 1))
        x0, y0, x1, y1 = (int(value) for value in _box(job.points))
        face = torch.zeros_like(away, dtype=torch.bool)
        face[y0:y1, x0:x1] = True
        beside = torch.ones_like(face)
        beside[y0 - 10 : y1 + 30, x0 - 10 : x1 + 10] = False
        assert float(away[face].mean()) > 10
        assert float(away[beside].mean()) < 2


@pytest.mark.parametrize("turn", [0.0, 9.0])
def test_enhancers_cut_by_the_points_of_retinaface(
    monkeypatch: pytest.MonkeyPatch, turn: float
) -> None:
    job = _Job(turn=turn)
    job.run(monkeypatch, _frames())
    drawn = [to_picture(made.image)[0] for _, made in job.seen["dnet"]]
    assert len(drawn) == _FRAMES
    # S3FD: the frame, what is cut out of it, the reference; each time FAN after it
    small = (CUT, CUT)
    assert sorted(job.shown["s3fd"]) == [_SIZE] * _FRAMES + [small] * 2 * _FRAMES
    assert job.shown["fan"] == [(INPUT_SIZE, INPUT_SIZE)] * 3 * _FRAMES
    # RetinaFace: GPEN's part on the reference; GFPGAN's and GPEN's on the frame
    assert sorted(job.shown["retina"]) == [_SIZE] * 2 * _FRAMES + [small] * _FRAMES
    # both faces that are surer than 0.9, the surest first
    cuts = [image for given, _ in job.seen["gpen"] for image in given]
    assert len(cuts) == 2 * _FRAMES
    five = job.five_in(torch.zeros(1, 3, CUT, CUT))
    for picture, first, second in zip(drawn, cuts[::2], cuts[1::2]):
        for cut, points in ((first, five), (second, five * 0.15)):
            wanted = to_network(gpen_crop(picture, points, cut.shape[-1])[0])
            assert float((cut - wanted).abs().mean()) < 0.01
    # GFPGAN cuts the face of the frame; the face itself is drawn anew, what is around it is filmed
    (given, _) = job.seen["gfpgan"][0]
    assert [len(image) for image, _ in job.seen["gfpgan"]] == [1] * _FRAMES
    filmed = align_face(_frames()[0], five_points(job.points), given.shape[-1])
    edge = torch.ones(given.shape[2:], dtype=torch.bool)
    edge[8:, 12:-12] = False
    assert float((given[0] - to_network(filmed.crop)).abs()[:, edge].mean()) < 0.02
    # the last blend lays over what RetinaFace finds in the frame
    assert len(job.pasted) == _FRAMES
    for faces in job.pasted:
        assert len(faces) == 1
        assert torch.allclose(faces[0].points_px, five_points(job.points).float(), atol=0.01)
        assert faces[0].box_px == pytest.approx(_box(job.points), abs=0.01)


def test_the_known_fan_is_within_a_cell() -> None:
    from sadtalker_core.faces.landmarks68 import landmarks_68

    job = _Job()
    fan: Any = _KnownFan(job.points)
    fan.config = None
    picture = torch.zeros((3, *_SIZE), dtype=torch.uint8)
    found = landmarks_68(fan, [picture], [_box(job.points)])[0]
    cell = 200 * place_of_box(_box(job.points)).scale / 64
    assert float((found - job.points).abs().amax()) < _CELL * cell

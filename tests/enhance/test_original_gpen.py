"""``--enhance-way original`` with GPEN's network: GPEN's own steps, not GFPGAN's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.enhance import original
from sadtalker_core.enhance.align import gpen_points
from sadtalker_core.enhance.gpen_process import gpen_crop
from sadtalker_core.enhance.load import GPEN_ID, Enhancer
from sadtalker_core.enhance.options import EnhanceOptions
from sadtalker_core.enhance.original_nets import OriginalNets
from sadtalker_core.enhance.restore import from_network_cut, to_network
from sadtalker_core.faces.retina import RetinaFaces
from sadtalker_core.geometry import opencv
from sadtalker_core.runtime import Runtime

from .toys import enhancer, portrait, stream_of

_SIDE = 64
# Two upright faces: a small one, and one that is cut at exactly two thirds of its size.
_POINTS = torch.stack((gpen_points(32).float() + 10, gpen_points(96).float() + 64))
_BOXES = torch.tensor([[14.0, 14, 38, 40], [70, 70, 175, 178]])
_SKIN, _EAR, _HAT = 1, 8, 14


class _Nets:
    """A finder of faces in known places, and a parser that sees skin, an ear and a hat."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, faces: int = 2, scale: float = 1) -> None:
        self.looked: list[tuple[Any, ...]] = []
        self.parsed: list[Tensor] = []

        def found(net: object, rgb: Tensor, threshold: float, **limits: Any) -> RetinaFaces:
            self.looked.append((tuple(rgb.shape), threshold, limits))
            scores = torch.tensor([0.99, 0.95])[:faces]
            return RetinaFaces(_BOXES[:faces] * scale, scores, _POINTS[:faces] * scale)

        monkeypatch.setattr(original, "detect", found)

    def __call__(self, faces: Tensor) -> Tensor:
        self.parsed.append(faces)
        scores = torch.zeros(1, 19, _SIDE, _SIDE)
        scores[:, 0] = 0.5
        scores[:, _SKIN, 12:52, 12:52] = 1
        scores[:, _EAR, 12:52, 4:12] = 2
        scores[:, _HAT, 4:12, 4:52] = 3
        return scores


def gpen(restore: Any) -> Enhancer:
    return replace(enhancer(restore, _SIDE), id=GPEN_ID, points=gpen_points(_SIDE))


def run(nets: _Nets, worker: Enhancer, frame: Tensor, **options: Any) -> tuple[Tensor, Any]:
    given = EnhanceOptions(enhancer=GPEN_ID, enhance_way="original", **options)
    both = OriginalNets(torch.nn.Identity(), nets)  # type: ignore[arg-type]
    done = original.restore_frames(stream_of(frame[None]), both, worker, given, Runtime())
    return torch.cat(list(done.frames))[0], done.report


def test_the_network_sees_gpens_crops_and_the_parser_what_it_makes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nets, seen = _Nets(monkeypatch), list[Tensor]()
    frame = portrait()

    def darker(faces: Tensor) -> Tensor:
        seen.append(faces)
        return faces * 0.5 - 0.2

    _, report = run(nets, gpen(darker), frame)
    # GPEN's rules: how sure, how large it looks, how many
    assert nets.looked == [((3, 192, 192), 0.9, {"longest": (1500, 1000), "most": (5000, 750)})]
    assert report.faces_seen == 2
    assert len(seen) == 2
    for given, points in zip(seen, _POINTS):
        assert torch.equal(given[0], to_network(gpen_crop(frame, points, _SIDE)[0]))
    # GPEN's template and not GFPGAN's: the larger face fills its crop exactly
    inside = torch.nn.functional.interpolate(
        frame[None, :, 64:160, 64:160].float(), (_SIDE, _SIDE), mode="bilinear"
    )
    assert float((seen[1] - to_network(inside)).abs()[..., 2:-2, 2:-2].mean()) < 0.04
    levels = [(((face[0] * 0.5 - 0.2) * 0.5 + 0.5) * 255).to(torch.uint8) for face in seen]
    for given, made in zip(nets.parsed, levels):
        assert torch.equal(given[0], to_network(made))


@pytest.mark.skipif(not opencv.IS_REAL, reason="needs OpenCV to compare with")
def test_both_faces_are_laid_over_as_gpens_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """GPEN's calls of OpenCV, at its own size of faces."""
    cv2, frame = opencv.cv2, portrait()
    classes = torch.zeros(512, 512, dtype=torch.long)
    for number, rows in enumerate(range(0, 494, 26)):  # every class has its rows
        classes[rows : rows + 26, 40:500] = number
    scores = torch.nn.functional.one_hot(classes, 19).permute(2, 0, 1)[None].float()

    def negative(faces: Tensor) -> Tensor:
        return -faces

    worker = replace(enhancer(negative, 512), id=GPEN_ID, points=gpen_points())
    nets = _Nets(monkeypatch)
    monkeypatch.setattr(_Nets, "__call__", lambda _, faces: scores)
    shown, _ = run(nets, worker, frame)
    pixels = np.ascontiguousarray(frame.permute(1, 2, 0).numpy())
    full, reach = np.zeros_like(pixels), np.zeros((192, 192), np.float32)
    for points, box in zip(_POINTS, _BOXES):
        crop, back = gpen_crop(frame, points)
        made = from_network_cut(negative(to_network(crop))).permute(1, 2, 0).numpy()
        mask = np.isin(classes.numpy(), (0, 14, 18), invert=True) * 1.0
        mask[:26] = mask[-26:] = mask[:, :26] = mask[:, -26:] = 0
        for _ in range(2):
            mask = cv2.GaussianBlur(mask, (101, 101), 4)
        mask = cv2.warpAffine(mask.astype(np.float32), back.numpy(), (192, 192), flags=3)
        if float((box[2:] - box[:2]).min()) < 100:
            made = cv2.filter2D(made, -1, np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16)
        laid = cv2.warpAffine(np.ascontiguousarray(made), back.numpy(), (192, 192), flags=3)
        wins = mask > reach
        reach[wins], full[wins] = mask[wins], laid[wins]
    part = reach[..., None]
    wanted = torch.from_numpy(cv2.convertScaleAbs(pixels * (1 - part) + full * part))
    away = (shown.permute(1, 2, 0).int() - wanted.int()).abs()
    assert int(away.max()) <= 1
    assert float((away > 0).float().mean()) < 1e-3
    changed = (shown != frame).any(0)
    assert bool(changed[20:32, 20:32].all())
    assert bool(changed[90:134, 90:134].all())


def test_what_gpen_draws_is_cut_off_and_laid_over_the_head_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = portrait()

    def grey(faces: Tensor) -> Tensor:
        return torch.full_like(faces, 100.9 / 255 * 2 - 1)

    shown, _ = run(_Nets(monkeypatch), gpen(grey), frame)
    assert set(shown[:, 110:114, 110:114].flatten().tolist()) == {100}
    changed = (shown != frame).any(0)
    # crop pixels 12 to 52 of 64 are 82 to 142 of the frame; the ear beside them is laid over, and
    # the hat above is not
    assert bool(changed[90:134, 78:134].all())
    beside = torch.ones_like(changed)
    beside[76:148, 64:148] = False
    beside[:48, :48] = False
    assert not bool((changed & beside).any())


def test_the_largest_face_alone_and_no_face(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = portrait()

    def negative(faces: Tensor) -> Tensor:
        return -faces

    one, report = run(_Nets(monkeypatch), gpen(negative), frame, enhance_faces="largest")
    assert report.faces_seen == 1
    assert torch.equal(one[:, :48, :48], frame[:, :48, :48])
    assert not torch.equal(one, frame)
    same, report = run(_Nets(monkeypatch, faces=0), gpen(negative), frame)
    assert torch.equal(same, frame)
    assert report.frames_without_face == 1


def test_faces_are_found_and_cut_in_the_enlarged_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    nets, seen = _Nets(monkeypatch, scale=2.0), list[Tensor]()

    def watched(faces: Tensor) -> Tensor:
        seen.append(faces)
        return faces

    shown, _ = run(nets, gpen(watched), portrait(), upscale=2.0)
    assert nets.looked[0][0] == (3, 384, 384)
    assert shown.shape == (3, 384, 384)
    small = gpen_crop(portrait(), _POINTS[1], _SIDE)[0]
    assert float((seen[1][0] - to_network(small)).abs().mean()) < 0.05

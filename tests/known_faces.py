"""Detectors that find what they are told to: numbers of a known face written over a network's own.

Seeded weights find no faces. What comes after the network (scores, decoding, choice among
overlaps, whole pixels) then works on faces in known places, in the originals' code as in ours, and
the network costs what it costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sadtalker_core.faces.nets.s3fd import STRIDES
from sadtalker_core.faces.retina import anchors

Box = tuple[float, float, float, float]

_BACKGROUND = 12.0  # logit: a score of 6e-6
_CENTER, _SIDE = 0.1, 0.2  # what both networks' numbers count in
_NEAR = ((0, -1), (0, 1), (1, 0), (-1, 0))
_LESS = 1.5  # how much less sure the cells beside a face are
_SHIFT = 0.03  # of a side, by which their boxes lie elsewhere
_S3FD_ANCHOR = 4.0  # sides, in strides


@dataclass(frozen=True)
class KnownFace:
    """A face that a detector shall find.

    Attributes:
        box: x0, y0, x1, y1 in pixels of what the network is shown; may reach outside of it.
        score: 0 to 1.
        points: (5, 2) viewer's left eye, right eye, nose tip, left and right mouth corner; for
            RetinaFace.
    """

    box: Box
    score: float = 0.99
    points: Tensor | None = None


FacesIn = Callable[[Tensor], Sequence[Sequence[KnownFace]]]


class KnownS3fd(nn.Module):
    """S3FD whose maps show known faces, each in one cell and less surely in the four beside it.

    Args:
        net: ours, or the original's where ``is_flat``.
        faces_in: the faces of each picture of what the network is given, (B, 3, H, W).
        is_flat: give one list of twelve maps, as the original does.
    """

    def __init__(self, net: nn.Module, faces_in: FacesIn, *, is_flat: bool = False) -> None:
        super().__init__()
        self.net, self.faces_in, self.is_flat = net, faces_in, is_flat

    def forward(self, image: Tensor) -> Any:
        """As the network's own."""
        found: Any = self.net(image)
        pairs = list(zip(found[::2], found[1::2])) if self.is_flat else found
        for logits, _ in pairs:
            logits[:, 0], logits[:, 1] = _BACKGROUND, 0.0
        for row, faces in enumerate(self.faces_in(image)):
            for face in faces:
                _write_s3fd(pairs, row, face)
        return found


def _write_s3fd(pairs: Any, row: int, face: KnownFace) -> None:
    x0, y0, x1, y1 = face.box
    side = max(x1 - x0, y1 - y0)
    level = min(range(6), key=lambda at: abs(math.log(side / (_S3FD_ANCHOR * STRIDES[at]))))
    stride = STRIDES[level]
    logits, raw = pairs[level]
    rows, columns = logits.shape[2:]
    down = min(max(int((y0 + y1) / 2 // stride), 0), rows - 1)
    across = min(max(int((x0 + x1) / 2 // stride), 0), columns - 1)
    sure = math.log(face.score / (1 - face.score))
    for index, (dy, dx) in enumerate(((0, 0), *_NEAR)):
        at = down + dy, across + dx
        if not (0 <= at[0] < rows and 0 <= at[1] < columns):
            continue
        shift = _SHIFT * side * index
        anchor = (at[1] + 0.5) * stride, (at[0] + 0.5) * stride, *(_S3FD_ANCHOR * stride,) * 2
        logits[row, 0, at[0], at[1]] = 0.0
        logits[row, 1, at[0], at[1]] = sure - _LESS * index
        box = (x0 + shift, y0 + shift, x1 + shift, y1 + shift)
        raw[row, :, at[0], at[1]] = raw.new_tensor(_encoded(box, anchor))


class KnownRetinaFace(nn.Module):
    """RetinaFace whose numbers show known faces, each in the anchor that fits it best and, less
    surely, in the next one.

    Args:
        net: ours, or one with the original's output.
        faces_in: the faces of each picture of what the network is given, (B, 3, H, W).
        gives_scores: its second output are scores, as in facexlib, and not logits.
    """

    def __init__(self, net: nn.Module, faces_in: FacesIn, *, gives_scores: bool = False) -> None:
        super().__init__()
        self.net, self.faces_in, self.gives_scores = net, faces_in, gives_scores

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As the network's own."""
        boxes, logits, points = self.net(image)
        height, width = image.shape[2:]
        size = torch.tensor([width, height, width, height])
        priors = anchors(height, width) * size
        logits[..., 0], logits[..., 1] = _BACKGROUND, 0.0
        for row, faces in enumerate(self.faces_in(image)):
            for face in faces:
                assert face.points is not None
                x0, y0, x1, y1 = face.box
                wanted = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])
                near = (priors - wanted).abs().sum(1).argsort()[:2]
                sure = math.log(face.score / (1 - face.score))
                for index, at in enumerate(int(number) for number in near):
                    x, y, w, h = priors[at].tolist()
                    shift = _SHIFT * w * index
                    box = (x0 + shift, y0 + shift, x1 + shift, y1 + shift)
                    boxes[row, at] = boxes.new_tensor(_encoded(box, (x, y, w, h)))
                    logits[row, at, 0], logits[row, at, 1] = 0.0, sure - _LESS * index
                    away = (face.points + shift - torch.tensor([x, y])) / torch.tensor([w, h])
                    points[row, at] = (away / _CENTER).flatten().to(points)
        return boxes, logits.softmax(-1) if self.gives_scores else logits, points


def _encoded(box: Box, anchor: tuple[float, ...]) -> tuple[float, float, float, float]:
    """What the network says for a box of an anchor (centre x, y, width, height)."""
    x0, y0, x1, y1 = box
    x, y, width, height = anchor
    return (
        ((x0 + x1) / 2 - x) / (_CENTER * width),
        ((y0 + y1) / 2 - y) / (_CENTER * height),
        math.log((x1 - x0) / width) / _SIDE,
        math.log((y1 - y0) / height) / _SIDE,
    )

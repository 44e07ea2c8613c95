"""Face boxes with five points by RetinaFace: anchors, decoding and the choice among overlaps.

After facexlib (``detection/retinaface``), which GFPGAN and SadTalker use; GPEN's copy decodes in
the same way. Pixels are counted as these do: the net's numbers times the picture's size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..geometry.resize import resize_linear
from .nets.retinaface import RetinaFace

_STRIDES = (8, 16, 32)
_ANCHOR_SIDES = ((16, 32), (64, 128), (256, 512))
_VARIANCES = (0.1, 0.2)
_MEAN_BGR = (104.0, 117.0, 123.0)
NMS_OVERLAP = 0.4


@dataclass(frozen=True)
class RetinaFaces:
    """N faces, the surest first.

    Attributes:
        boxes_px: (N, 4) x0, y0, x1, y1; may reach outside of the picture.
        scores: (N,) 0 to 1.
        points_px: (N, 5, 2) viewer's left eye, right eye, nose tip, left and right mouth corner.
    """

    boxes_px: Tensor
    scores: Tensor
    points_px: Tensor

    def __len__(self) -> int:
        return self.boxes_px.shape[0]


def anchors(height: int, width: int) -> Tensor:
    """(P, 4) centre x, y, width, height of each anchor over the picture's width and height.

    In the net's order: stride 8, 16, 32; then row, column, side.
    """
    found: list[Tensor] = []
    for stride, sides in zip(_STRIDES, _ANCHOR_SIDES):
        rows, columns = math.ceil(height / stride), math.ceil(width / stride)
        y = ((torch.arange(rows, dtype=torch.float64) + 0.5) * stride / height)[:, None, None]
        x = ((torch.arange(columns, dtype=torch.float64) + 0.5) * stride / width)[None, :, None]
        side = torch.tensor(sides, dtype=torch.float64)[None, None]
        parts = torch.broadcast_tensors(x, y, side / width, side / height)
        found.append(torch.stack(parts, -1).reshape(-1, 4))
    return torch.cat(found).float()


def decode_boxes(raw: Tensor, anchors: Tensor) -> Tensor:
    """Boxes (P, 4) x0, y0, x1, y1 of the net's numbers (P, 4), in the anchors' unit."""
    centers = anchors[:, :2] + raw[:, :2] * _VARIANCES[0] * anchors[:, 2:]
    sizes = anchors[:, 2:] * torch.exp(raw[:, 2:] * _VARIANCES[1])
    first = centers - sizes / 2
    return torch.cat((first, first + sizes), 1)


def decode_points(raw: Tensor, anchors: Tensor) -> Tensor:
    """Points (P, 5, 2) of the net's numbers (P, 10), in the anchors' unit."""
    shifts = raw.reshape(-1, 5, 2) * _VARIANCES[0]
    return anchors[:, None, :2] + shifts * anchors[:, None, 2:]


def suppress(
    boxes: Tensor, scores: Tensor, overlap: float = NMS_OVERLAP, order: Tensor | None = None
) -> Tensor:
    """Indices of the boxes (N, 4) in pixels that are kept, the surest first.

    A box is dropped when it shares more than ``overlap`` of the union with a surer one that is
    kept. Sides count both end pixels, as the original does. ``order`` (N,) has the indices, the
    surest first, where equal scores must not keep their order.
    """
    if order is None:
        order = scores.argsort(descending=True, stable=True)
    areas = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    kept: list[Tensor] = []
    while order.numel():
        best, rest = order[0], order[1:]
        kept.append(best)
        low = torch.maximum(boxes[rest, :2], boxes[best, :2])
        high = torch.minimum(boxes[rest, 2:], boxes[best, 2:])
        shared = (high - low + 1).clamp(min=0).prod(1)
        order = rest[shared / (areas[best] + areas[rest] - shared) <= overlap]
    return torch.stack(kept) if kept else order


def picture_for_net(rgb: Tensor, reads_rgb_as_bgr: bool = False) -> Tensor:
    """(1, 3, H, W) float of ``rgb`` (3, H, W) uint8: blue first, the mean subtracted.

    ``reads_rgb_as_bgr`` leaves red first, as SadTalker does by mistake when it looks for the face
    to crop.
    """
    pixels = rgb.float() if reads_rgb_as_bgr else rgb.flip(0).float()
    return (pixels - pixels.new_tensor(_MEAN_BGR)[:, None, None])[None]


def detect(
    net: RetinaFace,
    rgb: Tensor,
    threshold: float = 0.97,
    *,
    reads_rgb_as_bgr: bool = False,
    longest: tuple[int, int] | None = None,
    most: tuple[int, int] | None = None,
) -> RetinaFaces:
    """Faces of ``rgb`` (3, H, W) uint8 whose score exceeds ``threshold``.

    Args:
        net: works on its own device; the result stays there.
        rgb: any size. It takes about 0.3 GB for a million pixels in float32.
        threshold: SadTalker and GFPGAN take 0.97, GPEN 0.9.
        reads_rgb_as_bgr: see ``picture_for_net``.
        longest: (limit, side): a picture whose longer side exceeds the limit is looked at with
            that side instead; GPEN takes (1500, 1000). Pixels are always those of ``rgb``.
        most: how many candidates and how many faces are kept; GPEN takes (5000, 750).
    """
    like = next(net.parameters())
    seen = rgb
    if longest is not None and max(rgb.shape[1:]) > longest[0]:
        scale = longest[1] / max(rgb.shape[1:])
        seen = resize_linear(rgb, (round(rgb.shape[1] * scale), round(rgb.shape[2] * scale)))
    image = picture_for_net(seen.to(like.device), reads_rgb_as_bgr).to(like.dtype)
    raw_boxes, logits, raw_points = (found[0].float() for found in net(image))
    scores = logits.softmax(-1)[:, 1]
    sure = torch.nonzero(scores > threshold).flatten()
    if most is not None:
        sure = sure[scores[sure].argsort(descending=True, stable=True)[: most[0]]]
    priors = anchors(*image.shape[2:]).to(like.device)[sure]
    size = priors.new_tensor([rgb.shape[2], rgb.shape[1]])
    boxes = decode_boxes(raw_boxes[sure], priors) * size.repeat(2)
    kept = suppress(boxes, scores[sure])[: None if most is None else most[1]]
    points = decode_points(raw_points[sure[kept]], priors[kept]) * size
    return RetinaFaces(boxes[kept], scores[sure[kept]], points)

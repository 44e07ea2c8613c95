"""Faces in a picture as boxes with six key points: letterbox, anchors, weighted suppression.

The net sees 256x256 pixels and misses faces below about a twentieth of the picture, and faces
turned by more than about 50 degrees. ``detect_faces`` therefore can look again, at overlapping
tiles and at turned copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry.opencv import cv2
from .crop import Image
from .nets.detector import INPUT_SIZE
from .networks import FaceNets

_OVERLAP = 0.3  # boxes that share more than this part of their union are one face
_LARGEST = 2048  # pictures are looked at no larger than this


@dataclass(frozen=True)
class Detection:
    """Boxes of a picture, most certain first.

    Attributes:
        points_px: (N, 8, 2) top left, bottom right, then viewer's left eye, right eye, nose,
            mouth, left ear, right ear; picture pixels.
        scores: (N,) 0 to 1.
    """

    points_px: Tensor
    scores: Tensor

    def __len__(self) -> int:
        return self.points_px.shape[0]


def detect_whole(nets: FaceNets, image: Image, threshold: float) -> Detection:
    """One look at the whole picture (H, W, 3) uint8."""
    height, width = image.shape[:2]
    return merge(_look(nets, image, [(0, 0, width, height)], threshold))


def detect_tiles(nets: FaceNets, image: Image, threshold: float, parts: int) -> Detection:
    """Looks at half-overlapping square tiles, ``parts`` of them along the picture's long side.

    Faces cut by a tile's edge are left to the neighbour that has them whole.
    """
    image, scale = _limited(image)
    height, width = image.shape[:2]
    side = max(32, -(-max(height, width) // parts))
    columns, rows = _starts(width, side), _starts(height, side)
    boxes = [(x, y, min(side, width), min(side, height)) for y in rows for x in columns]
    merged = merge(_look(nets, image, boxes, threshold, whole_only=True))
    return Detection((merged.points_px + 0.5) / scale - 0.5, merged.scores)


def detect_turned(nets: FaceNets, image: Image, threshold: float) -> Detection:
    """Looks at the picture turned by 90, 180 and 270 degrees."""
    height, width = image.shape[:2]
    found: list[Detection] = []
    for quarter, turn in enumerate(
        (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE), start=1
    ):
        turned = np.asarray(cv2.rotate(image, turn), dtype=np.uint8)
        seen = detect_whole(nets, turned, threshold)
        points = seen.points_px
        for i in range(quarter):  # undo the clockwise turns one at a time
            side = height if (quarter - i) % 2 else width
            points = torch.stack((points[..., 1], side - 1 - points[..., 0]), -1)
        corners = points[:, :2]
        points = torch.cat((corners.amin(1, True), corners.amax(1, True), points[:, 2:]), 1)
        found.append(Detection(points, seen.scores))
    return beside(found)


def _starts(length: int, side: int) -> list[int]:
    """Tile positions that cover ``length`` with half overlap."""
    if side >= length:
        return [0]
    count = -(-(length - side) // (side // 2)) + 1
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _limited(image: Image) -> tuple[Image, float]:
    """The picture reduced to at most ``_LARGEST`` pixels, and new size over old."""
    longest = max(image.shape[:2])
    if longest <= _LARGEST:
        return image, 1.0
    scale = _LARGEST / longest
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def _letterbox(part: Image) -> tuple[Image, float, float, float]:
    """``part`` centred on black 256x256; scale (new over old), left and top margin in pixels."""
    height, width = part.shape[:2]
    scale = INPUT_SIZE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(part, size, interpolation=way)
    left, top = (INPUT_SIZE - size[0]) // 2, (INPUT_SIZE - size[1]) // 2
    canvas = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas, scale, left, top


def _look(
    nets: FaceNets,
    image: Image,
    boxes: list[tuple[int, int, int, int]],
    threshold: float,
    whole_only: bool = False,
) -> Detection:
    """All anchors above ``threshold`` in the boxes (x, y, width, height), unmerged."""
    found: list[Tensor] = []
    scores: list[Tensor] = []
    for start in range(0, len(boxes), 8):
        batch = boxes[start : start + 8]
        letters = [_letterbox(image[y : y + h, x : x + w]) for x, y, w, h in batch]
        pixels = torch.from_numpy(np.stack([letter[0] for letter in letters])).to(nets.device)
        pictures = pixels.permute(0, 3, 1, 2).to(nets.dtype) / 127.5 - 1
        logits, raw = nets.detector(pictures)
        sure = torch.sigmoid(logits.float().cpu().clamp(-80, 80))
        points = _decoded(raw.float().cpu())
        for i, ((x, y, w, h), (_, scale, left, top)) in enumerate(zip(batch, letters)):
            keep = sure[i] > threshold
            keep &= (points[i, :, 1] > points[i, :, 0]).all(-1)
            kept = (points[i, keep] - torch.tensor([left, top])) / scale
            score = sure[i, keep]
            if whole_only:
                # the picture's own edges may cut a face; the edges of tiles may not
                at_start = torch.tensor([x == 0, y == 0])
                at_end = torch.tensor([x + w == image.shape[1], y + h == image.shape[0]])
                whole = ((kept[:, 0] > 0) | at_start).all(-1)
                whole &= ((kept[:, 1] < torch.tensor([w, h])) | at_end).all(-1)
                kept, score = kept[whole], score[whole]
            # edges of pixels -> centres
            found.append(kept + torch.tensor([x, y]) - 0.5)
            scores.append(score)
    return Detection(torch.cat(found), torch.cat(scores))


def _decoded(raw: Tensor) -> Tensor:
    """(B, 896, 16) net output -> (B, 896, 8, 2) corners and key points in net pixels."""
    pairs = raw.reshape(raw.shape[0], -1, 8, 2)
    anchors = _anchors()[None, :, None]
    center, half = pairs[:, :, :1] + anchors, pairs[:, :, 1:2] / 2
    return torch.cat((center - half, center + half, pairs[:, :, 2:] + anchors), dim=2)


def _anchors() -> Tensor:
    """(896, 2) centres in net pixels: stride 16 twice in each cell, stride 32 six times."""
    rows: list[NDArray[np.float32]] = []
    for stride, repeats in ((16, 2), (32, 6)):
        cells = np.arange(INPUT_SIZE // stride, dtype=np.float32) * stride + stride / 2
        grid = np.stack(np.meshgrid(cells, cells), -1).reshape(-1, 2)
        rows.append(np.repeat(grid, repeats, axis=0).astype(np.float32))
    return torch.from_numpy(np.concatenate(rows))


def beside(parts: list[Detection]) -> Detection:
    """Detections of several looks in one list, most certain first, none averaged."""
    points = torch.cat([part.points_px for part in parts])
    scores = torch.cat([part.scores for part in parts])
    order = scores.argsort(descending=True, stable=True)
    return Detection(points[order], scores[order])


def merge(seen: Detection) -> Detection:
    """Weighted non-maximum suppression: overlapping boxes become their mean by score."""
    seen = beside([seen])
    points, scores = seen.points_px, seen.scores
    merged: list[Tensor] = []
    best: list[Tensor] = []
    waiting = torch.ones(len(scores), dtype=torch.bool)
    for i in range(len(scores)):
        if not waiting[i]:
            continue
        same = waiting & (
            overlap(points[i, :2].reshape(4), points[:, :2].reshape(-1, 4)) > _OVERLAP
        )
        same[i] = True
        weight = scores[same]
        merged.append((points[same] * weight[:, None, None]).sum(0) / weight.sum())
        best.append(scores[i])
        waiting &= ~same
    if not merged:
        return Detection(torch.zeros(0, 8, 2), torch.zeros(0))
    return Detection(torch.stack(merged), torch.stack(best))


def overlap(box: Tensor, boxes: Tensor) -> Tensor:
    """Intersection over union (N,) of one box (4,) x0 y0 x1 y1 with boxes (N, 4)."""
    low = torch.maximum(box[:2], boxes[:, :2])
    high = torch.minimum(box[2:], boxes[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1) + (box[2:] - box[:2]).prod()
    return shared / (areas - shared).clamp(min=1e-9)

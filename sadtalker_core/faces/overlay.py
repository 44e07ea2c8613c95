"""A picture of what was found, for people who wonder why a face was or was not taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..geometry.opencv import cv2
from . import mesh as points_of
from .crop import Image, to_image
from .face import Face

_MESH = (90, 200, 120)
_OVAL = (255, 255, 255)
_LIPS = (255, 90, 110)
_EYES = (80, 190, 255)
_IRIS = (255, 220, 60)
_BROWS = (230, 160, 255)
_BOX = (255, 200, 0)
_SHIFT = 4  # OpenCV draws at sixteenths of a pixel
_SMALLEST = 300  # smaller faces are enlarged with their picture, so that lines do not hide them
_LARGEST = 2048  # but never to more pixels than this


def draw_faces(rgb: Tensor, faces: Sequence[Face]) -> Tensor:
    """The picture (3, H, W) with mesh, lips, eyes, irises, boxes and numbers drawn in.

    Numbers are the ``face_index`` of each face, then the detector's score. Returns uint8
    (3, H', W'): pictures with small faces come back enlarged by a whole factor.
    """
    image = to_image(rgb).copy()
    smallest = min((face.size_px for face in faces), default=_SMALLEST)
    wanted = round(_SMALLEST / max(smallest, 1.0))
    factor = max(1, min(wanted, _LARGEST // max(image.shape[:2])))
    if factor > 1:
        image = np.asarray(cv2.resize(image, None, fx=factor, fy=factor), np.uint8)
    for index, face in enumerate(faces):
        _draw_face(image, face.moved(float(factor)), index)
    return torch.from_numpy(image).permute(2, 0, 1)


def _draw_face(image: Image, face: Face, index: int) -> None:
    thick = max(1, round(face.size_px / 300))
    mesh = face.mesh_px[:, :2]
    edges = image.copy()
    _lines(edges, mesh[points_of.triangles()], True, _MESH, 1)
    cv2.addWeighted(edges, 0.3, image, 0.7, 0, dst=image)
    _lines(image, mesh[list(points_of.FACE_OVAL)][None], True, _OVAL, thick)
    for name in ("OUTER_UPPER", "OUTER_LOWER", "INNER_UPPER", "INNER_LOWER"):
        _lines(image, mesh[list(getattr(points_of, f"LIPS_{name}"))][None], False, _LIPS, thick)
    for side in (0, 1):
        ring = face.eyes_px[side, list(points_of.EYE_POINT_RING)]
        _lines(image, ring[None], True, _EYES, thick)
        for brows in (points_of.BROW_UPPER, points_of.BROW_LOWER):
            _lines(image, mesh[list(brows[side])][None], False, _BROWS, thick)
        center, rim = face.iris_px[side, 0], face.iris_px[side, 1:]
        radius = float((rim - center).norm(dim=-1).mean())
        scaled = (round(float(center[0]) * 2**_SHIFT), round(float(center[1]) * 2**_SHIFT))
        circle = max(1, round(radius * 2**_SHIFT))
        cv2.circle(image, scaled, circle, _IRIS, thick, cv2.LINE_AA, _SHIFT)
    x0, y0, x1, y1 = (round(value) for value in face.box_px.tolist())
    cv2.rectangle(image, (x0, y0), (x1, y1), _BOX, thick)
    text = f"{index}: {face.score:.2f}"
    size = max(0.45, face.size_px / 400)
    place = (max(2, x0), max(round(22 * size) + 2, y0 - 6))
    for color, width in (((0, 0, 0), 3 * thick + 1), (_BOX, thick)):
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, color, width, cv2.LINE_AA)


def _lines(
    image: Image, lines: Tensor, is_closed: bool, color: tuple[int, int, int], thick: int
) -> None:
    """Lines (N, K, 2) in pixels."""
    scaled = (lines * 2**_SHIFT).round().to(torch.int32).numpy()
    cv2.polylines(image, list(scaled), is_closed, color, thick, cv2.LINE_AA, _SHIFT)

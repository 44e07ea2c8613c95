"""S3FD as Wav2Lip calls it, frame after frame: where to look, and which face is meant."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from ..errors import FaceIndexError
from ..geometry.resize import resize_area
from .nets.s3fd import S3fd
from .options import FaceOptions
from .s3fd import S3fdFaces, detect_s3fd, surest_rectangle
from .steady_boxes import Box

_MOST_PIXELS = 2_200_000  # looked at together; the network needs about 1 GB for a million
_MOST_FRAMES = 4


def frames_together(size: tuple[int, int]) -> int:
    """How many frames (H, W) the network may look at together."""
    return max(1, min(_MOST_FRAMES, _MOST_PIXELS // (size[0] * size[1])))


def detect_as_wav2lip(net: S3fd, pictures: Tensor) -> list[S3fdFaces]:
    """Faces in (B, 3, H, W) uint8 RGB as Wav2Lip's copy of the detector finds them.

    Large pictures are looked at in a half, a third, ... of their size.
    """
    height, width = pictures.shape[2:]
    factor = math.ceil(math.sqrt(height * width / _MOST_PIXELS))
    if factor > 1:
        size = height // factor, width // factor
        pictures = torch.stack([resize_area(rgb, size) for rgb in pictures])
    # the colours the wrong way round, in single precision: the original's habits
    found = detect_s3fd(net, pictures, reads_rgb_as_bgr=True, in_double=False)
    if factor > 1:
        found = [replace(each, boxes_px=each.boxes_px * factor) for each in found]
    return found


class S3fdChooser:
    """Which of the detector's boxes is meant, frame after frame.

    Without a choice the surest one, as the originals have it; else the chosen one of the first
    frame with faces, then the one nearest to it.

    Args:
        faces: ``face_index``, ``face_point`` and ``face_select`` count.
        who: another ``face_index`` before all of these.
    """

    def __init__(self, faces: FaceOptions, who: int | None) -> None:
        self._faces = faces
        self._index = faces.face_index if who is None else who
        pointed = self._index is not None or bool(faces.face_point.strip())
        self._takes_surest = not pointed and faces.face_select in ("largest", "best")
        self._last: tuple[float, float] | None = None

    def next(self, found: S3fdFaces) -> Box | None:
        """x0, y0, x1, y1 of the face in the next frame; None where it is not seen.

        Raises:
            FaceIndexError: the first frame with faces has too few.
        """
        if self._takes_surest or not len(found):
            return surest_rectangle(found)
        boxes = found.boxes_px.double().cpu()
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2
        row = self._first(boxes, centers) if self._last is None else self._nearest(centers)
        x, y = centers[row].tolist()
        self._last = (x, y)
        return surest_rectangle(S3fdFaces(found.boxes_px[row : row + 1], found.scores[:1]))

    def _nearest(self, centers: Tensor) -> int:
        assert self._last is not None
        return int((centers - centers.new_tensor(self._last)).norm(dim=1).argmin())

    def _first(self, boxes: Tensor, centers: Tensor) -> int:
        order = (boxes[:, 2:] - boxes[:, :2]).prod(1).argsort(descending=True, stable=True)
        if self._index is not None:
            if self._index >= len(order):
                raise FaceIndexError(
                    f"Face {self._index} was asked for, but the first frame with faces has only "
                    f"{len(order)}; the largest has number 0."
                )
            return int(order[self._index])
        point = self._faces.point()
        if point is not None:
            return int((centers - centers.new_tensor(point)).norm(dim=1).argmin())
        if self._faces.face_select == "left":
            return int(centers[:, 0].argmin())
        if self._faces.face_select == "right":
            return int(centers[:, 0].argmax())
        middle = centers.mean(0)
        return int((centers - middle).norm(dim=1).argmin())

"""S3FD as Wav2Lip calls it, frame after frame: where to look, and which face is meant."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from ..errors import FaceIndexError
from ..geometry.resize import resize_area
from .appearance import reach_after
from .nets.s3fd import S3fd
from .options import FaceOptions
from .s3fd import S3fdFaces, detect_s3fd, surest_rectangle
from .steady_boxes import Box
from .track import too_few_faces

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
    frame with faces, then the one nearest to it, if it is near its last place or the first one,
    to which a video returns that is shown again. There are only boxes here, no pictures, so that
    someone who comes back elsewhere cannot be told from another: such frames count as without the
    face, unless no frame ever showed two.

    Args:
        faces: ``face_index``, ``face_point`` and ``face_select`` count.
        who: another ``face_index`` before all of these.
        waits: with an index, wait for the first frame that shows so many faces; see
            ``FaceTracker``. Else the first frame with faces decides.
    """

    def __init__(self, faces: FaceOptions, who: int | None, *, waits: bool = False) -> None:
        self._faces = faces
        self._index = faces.face_index if who is None else who
        self._waits = waits
        pointed = self._index is not None or bool(faces.face_point.strip())
        self._takes_surest = not pointed and faces.face_select in ("largest", "best")
        self._last: Tensor | None = None
        self._home: Tensor | None = None
        self._lost_for = 0
        self._most = 0  # faces in one frame

    def next(self, found: S3fdFaces) -> Box | None:
        """x0, y0, x1, y1 of the face in the next frame; None where it is not seen.

        Raises:
            FaceIndexError: the first frame with faces has too few, and the choice does not wait.
        """
        if self._takes_surest:
            return surest_rectangle(found)
        self._most = max(self._most, len(found))
        boxes = found.boxes_px.double().cpu()
        row = self._row(boxes) if len(found) else None
        if row is None:
            self._lost_for += 1
            return None
        self._last, self._lost_for = boxes[row], 0
        self._home = boxes[row] if self._home is None else self._home
        return surest_rectangle(S3fdFaces(found.boxes_px[row : row + 1], found.scores[:1]))

    def too_few(self) -> FaceIndexError | None:
        """See ``FaceTracker.too_few``."""
        if self._last is not None or self._index is None or not self._most:
            return None
        return too_few_faces(self._index, self._most)

    def _row(self, boxes: Tensor) -> int | None:
        if self._last is None or self._home is None:
            return self._first(boxes, _centers(boxes))
        row, distance = _nearest(boxes, self._last)
        if distance <= reach_after(self._lost_for) or self._most == 1:
            return row
        row, distance = _nearest(boxes, self._home)
        return row if distance <= reach_after(0) else None

    def _first(self, boxes: Tensor, centers: Tensor) -> int | None:
        order = (boxes[:, 2:] - boxes[:, :2]).prod(1).argsort(descending=True, stable=True)
        if self._index is not None:
            if self._index >= len(order):
                if self._waits:
                    return None
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


def _centers(boxes: Tensor) -> Tensor:
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def _nearest(boxes: Tensor, to: Tensor) -> tuple[int, float]:
    """The box whose centre is nearest to that of ``to``, and how far it is in sizes of that."""
    size = float((to[2:] - to[:2]).clamp(min=1).prod().sqrt())
    distances = (_centers(boxes) - _centers(to)).norm(dim=1)
    row = int(distances.argmin())
    return row, float(distances[row]) / size

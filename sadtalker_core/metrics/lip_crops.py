"""Faces of a video cut out as the judges of lips want to see them, 25 times a second.

After ``run_pipeline.py`` of joonson/syncnet_python: a square around the face, wider and lower than
its box, steadied by a median over time. The box is our own tracker's instead of S3FD's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ..faces.networks import FaceNets
from ..faces.options import FaceOptions
from ..faces.track import track_face
from ..geometry.resize import resize_linear
from .lse import FPS

_MARGIN = 0.4  # part of half the box's side, to either side and below
_MEDIAN = 13  # frames
_OUTSIDE = 110  # level of what lies beyond the picture


@dataclass(frozen=True)
class LipCrop:
    """The face of one frame: where to cut it, and the frame.

    Attributes:
        rgb: (3, H, W) uint8.
        box: x0, y0, x1, y1 of the face, float pixels; of its last sight where it is lost.
        valid: whether the face is seen.
    """

    rgb: Tensor
    box: tuple[float, float, float, float]
    valid: bool


def at_25(chunks: Iterable[Tensor], fps: Fraction) -> Iterator[Tensor]:
    """Frames (3, H, W) of chunks (N, 3, H, W) at 25 a second: always the one that is shown."""
    wanted = 0
    for index, rgb in enumerate(frame for chunk in chunks for frame in chunk):
        while int(Fraction(wanted, FPS) * fps) == index:
            yield rgb
            wanted += 1


def followed(
    frames: Iterable[Tensor], nets: FaceNets, options: FaceOptions | None = None
) -> Iterator[LipCrop]:
    """Each frame (3, H, W) uint8 with its face's box, a median over 13 frames of size and place.

    Raises:
        NoFaceError, FaceIndexError: as ``track_face`` does.
    """
    pictures: deque[Tensor] = deque()

    def watched() -> Iterator[Tensor]:
        for rgb in frames:
            pictures.append(rgb)
            yield rgb[None]

    half = _MEDIAN // 2
    places: deque[tuple[float, float, float]] = deque()  # size, x, y
    valid: deque[bool] = deque()
    before = after = 0  # how many places lie before the one that is due, and after it
    for tracked in track_face(nets, watched(), options):
        x0, y0, x1, y1 = tracked.face.box_px.tolist()
        places.append((max(x1 - x0, y1 - y0) / 2, (x0 + x1) / 2, (y0 + y1) / 2))
        valid.append(tracked.valid)
        after = len(places) - before
        if after > half:
            yield _middle(pictures.popleft(), places, valid.popleft())
            before += 1
            if before > half:
                places.popleft()
                before -= 1
    while valid:
        yield _middle(pictures.popleft(), places, valid.popleft())
        before += 1
        if before > half:
            places.popleft()
            before -= 1


def _middle(rgb: Tensor, places: Iterable[tuple[float, ...]], valid: bool) -> LipCrop:
    size, x, y = torch.tensor(list(places), dtype=torch.float64).median(0).values.tolist()
    return LipCrop(rgb, (x - size, y - size, x + size, y + size), valid)


def syncnet_crop(crop: LipCrop, size: int = 224) -> Tensor:
    """(3, size, size) uint8: from the box's top to 0.8 of its half side below it, and as far to
    both sides; grey beyond the picture."""
    x0, y0, x1, _ = crop.box
    half, middle = (x1 - x0) / 2, (x0 + x1) / 2
    across, below = half * (1 + _MARGIN), half * 2 * (1 + _MARGIN)
    return _cut(crop.rgb, middle - across, y0, middle + across, y0 + below, size)


def expert_crop(crop: LipCrop, size: int = 96) -> Tensor:
    """(3, size, size) uint8: the box itself, as Wav2Lip's lip expert was trained."""
    return _cut(crop.rgb, *crop.box, size)


def _cut(rgb: Tensor, x0: float, y0: float, x1: float, y1: float, size: int) -> Tensor:
    left, top = int(x0 // 1), int(y0 // 1)
    right, bottom = max(int(x1 // 1), left + 1), max(int(y1 // 1), top + 1)
    height, width = rgb.shape[1:]
    cut = rgb.new_full((3, bottom - top, right - left), _OUTSIDE)
    a, b, c, d = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if a < c and b < d:
        cut[:, b - top : d - top, a - left : c - left] = rgb[:, b:d, a:c]
    return resize_linear(cut, (size, size))

"""Who finds the face for LivePortrait: our own tracker, or the original's landmark net."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...errors import FaceError
from ...faces.choose import choose_face
from ...faces.face import Face
from ...faces.find import find_faces
from ...faces.landmarks98 import mesh_to_68
from ...faces.networks import FaceNets
from ...faces.options import FaceOptions
from ...faces.ratios import opening_ratios
from ...faces.several import SeveralTracker
from ...faces.track import FaceTracker
from .landmarks203 import LandmarkNet, landmarks_203
from .retarget import FaceRatios, ratios_of_203


@dataclass(frozen=True)
class SeenFace:
    """A face in one picture.

    Attributes:
        points_px: (K, 2) landmarks that the square is laid around.
        ratios: one row, how far eyes and lips are open.
    """

    points_px: Tensor
    ratios: FaceRatios

    @classmethod
    def of(cls, face: Face, rgb: Tensor | None = None) -> SeenFace:
        """A face of our own tracker. ``rgb`` (3, H, W) uint8 is the picture it was found in, which
        tells pursed lips from a round mouth."""
        eyes, lips = opening_ratios(face, rgb)
        return cls(mesh_to_68(face.mesh_px), FaceRatios(eyes[None], lips[None]))


class FaceFinder(Protocol):
    """Finds the face that is meant, frame after frame. Use a new one for each video."""

    def __call__(self, rgb: Tensor) -> SeenFace | None:
        """The face in ``rgb`` (3, H, W) uint8, or None when it is not seen."""
        ...


@dataclass(frozen=True)
class PortraitFinder:
    """Our own face nets on single pictures."""

    nets: FaceNets
    options: FaceOptions = FaceOptions()

    def __call__(self, rgb: Tensor) -> SeenFace | None:
        faces = find_faces(self.nets, rgb, self.options)
        if not faces:
            return None
        size = (int(rgb.shape[1]), int(rgb.shape[2]))
        return SeenFace.of(choose_face(faces, self.options, size), rgb)


class VideoFinder:
    """Our own tracker: follows one face through the frames of one video."""

    def __init__(self, nets: FaceNets, options: FaceOptions | None = None) -> None:
        self._tracker = FaceTracker(nets, options)

    def __call__(self, rgb: Tensor) -> SeenFace | None:
        tracked = self._tracker.update(rgb)
        return SeenFace.of(tracked.face, rgb) if tracked and tracked.valid else None


class RecordedFinder:
    """Gives what was seen before, frame by frame: for each of several faces of one pass."""

    def __init__(self, seen: Sequence[SeenFace | None]) -> None:
        self._rest = iter(seen)

    def __call__(self, rgb: Tensor) -> SeenFace | None:
        return next(self._rest, None)


def see_several(
    nets: FaceNets, frames: Iterable[Tensor], options: FaceOptions | None = None, most: int = 8
) -> list[list[SeenFace | None]]:
    """All faces of a picture or video in one pass: a row for each person, an entry for each frame.

    Only landmarks are kept, about 600 bytes for a face and frame. ``RecordedFinder`` then stands
    for the finder of one person.

    Args:
        nets: the face nets.
        frames: chunks (N, 3, H, W) uint8; one frame for a picture.
        options: how hard to look.
        most: people that are followed.
    """
    rows: list[list[SeenFace | None]] = []
    tracker = SeveralTracker(nets, options, most)
    number = 0
    for chunk in frames:
        for rgb in chunk:
            faces = tracker.update(rgb)
            while len(rows) < len(faces):
                rows.append([None] * number)
            for row, tracked in zip(rows, faces):
                row.append(SeenFace.of(tracked.face, rgb) if tracked.valid else None)
            number += 1
    return rows


class OriginalFinder:
    """The original's way: landmarks of a first look, refined to 203 points by its net.

    In video every later frame is looked at around the last frame's 203 points, and the square is
    laid around them; in single pictures around the first look's. The original takes 106 points of
    a detector whose weights forbid commercial use for its first look; 68 of our own do as well.
    As there, a lost face is never noticed, unless its points become no face at all.

    Args:
        net: the landmark net.
        first: first look at a picture, (K, 2) landmarks or None.
        follows: the pictures are frames of one video.
    """

    def __init__(
        self, net: LandmarkNet, first: Callable[[Tensor], Tensor | None], *, follows: bool
    ) -> None:
        self._net = net
        self._first = first
        self._follows = follows
        self._last: Tensor | None = None

    def __call__(self, rgb: Tensor) -> SeenFace | None:
        around = self._last if self._last is not None else self._first(rgb)
        if around is None:
            return None
        try:
            points = landmarks_203(self._net, rgb, around)
        except FaceError:
            self._last = None
            return None
        if not bool(torch.isfinite(points).all()):
            self._last = None
            return None
        self._last = points if self._follows else None
        return SeenFace(points if self._follows else around, ratios_of_203(points[None]))


def first_look(
    nets: FaceNets, options: FaceOptions | None = None
) -> Callable[[Tensor], Tensor | None]:
    """Our own 68 landmarks (68, 2) of a picture: what ``OriginalFinder`` may begin with."""
    find = PortraitFinder(nets, options or FaceOptions())

    def look(rgb: Tensor) -> Tensor | None:
        seen = find(rgb)
        return None if seen is None else seen.points_px

    return look

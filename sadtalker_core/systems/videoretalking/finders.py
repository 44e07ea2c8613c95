"""Who finds the face: our own tracker, or the networks that the original uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from ...enhance.gpen_process import LEAST_SCORE, GpenFace
from ...enhance.places import five_points_of
from ...errors import FaceIndexError
from ...faces.crop import to_image
from ...faces.find import find_in_image
from ...faces.landmarks68 import find_landmarks_68, landmarks_68
from ...faces.landmarks98 import mesh_to_68
from ...faces.networks import FaceNets
from ...faces.options import FaceOptions
from ...faces.retina import detect
from ...faces.s3fd_choice import S3fdChooser, detect_as_wav2lip
from ...faces.steady_boxes import Box
from ...faces.track import FaceTracker
from .weights import OriginalFaceNets

_RESTORER_SCORE = 0.97  # facexlib's, for GFPGAN


@dataclass(frozen=True)
class Seen:
    """The face in one frame.

    Attributes:
        landmarks: (68, 2) x, y in pixels of the frame, float32 on the CPU.
        box: x0, y0, x1, y1 of the face, without pads; may reach outside of the frame.
        faces: how many faces the frame shows, as far as known.
        rest: (5, 2) eyes, nose tip and mouth corners as this head has them at rest, which speech
            does not shake; None where only landmarks are known.
    """

    landmarks: Tensor
    box: Box
    faces: int
    rest: Tensor | None = None


class Finder(Protocol):
    """Looks at pictures (3, H, W) uint8; frames of the video come in order."""

    def look(self, rgb: Tensor) -> Seen | None:
        """The face in the next frame."""
        ...

    def too_few(self) -> FaceIndexError | None:
        """See ``FaceTracker.too_few``."""
        ...

    def within(self, picture: Tensor, expected: Tensor) -> Tensor | None:
        """(68, 2) of the face in a picture cut from a frame or made from it; ``expected`` is where
        the frame's own landmarks are in it."""
        ...

    def points(self, picture: Tensor, expected: Tensor, five: Tensor) -> list[GpenFace]:
        """Faces by their five points, for GPEN; ``five`` (5, 2) is where the frame's own are."""
        ...

    def middle_points(self, picture: Tensor, five: Tensor) -> Tensor | None:
        """(5, 2) of the face nearest to the picture's middle, for GFPGAN."""
        ...


class TrackerFinder:
    """Our own tracker: looks once at each frame and takes what it saw from there on."""

    def __init__(self, nets: FaceNets, faces: FaceOptions, who: int | None) -> None:
        if who is not None:
            faces = replace(faces, face_index=who, face_point="")
        self._nets, self._faces = nets, faces
        self._tracker = FaceTracker(nets, faces, waits=True)
        self._count = 0

    def look(self, rgb: Tensor) -> Seen | None:
        tracked = self._tracker.update(rgb)
        if tracked is None or not tracked.valid:
            return None
        if not self._count:
            self._count = max(1, len(find_in_image(self._nets, to_image(rgb), self._faces)))
        x0, y0, x1, y1 = (int(value) for value in tracked.face.box_px.tolist())
        landmarks = mesh_to_68(tracked.face.mesh_px).cpu().float()
        rest = five_points_of(tracked.face).cpu().float()
        return Seen(landmarks, (x0, y0, x1, y1), self._count, rest)

    def too_few(self) -> FaceIndexError | None:
        return self._tracker.too_few()

    def within(self, picture: Tensor, expected: Tensor) -> Tensor | None:
        return expected

    def points(self, picture: Tensor, expected: Tensor, five: Tensor) -> list[GpenFace]:
        (x0, y0), (x1, y1) = expected.amin(0).tolist(), expected.amax(0).tolist()
        return [GpenFace(five, (x0, y0, x1, y1))]

    def middle_points(self, picture: Tensor, five: Tensor) -> Tensor | None:
        return five


class OriginalFinder:
    """S3FD, FAN and RetinaFace, called as often as the original calls them.

    The original finds the first frame's landmarks with dlib, which is not used here: FAN finds
    them.
    """

    def __init__(self, nets: OriginalFaceNets, faces: FaceOptions, who: int | None) -> None:
        self._nets = nets
        self._chooser = S3fdChooser(faces, who, waits=True)

    def look(self, rgb: Tensor) -> Seen | None:
        found = detect_as_wav2lip(self._nets.s3fd, rgb[None])[0]
        box = self._chooser.next(found)
        if box is None:
            return None
        return Seen(landmarks_68(self._nets.fan, [rgb], [box])[0], box, len(found))

    def too_few(self) -> FaceIndexError | None:
        return self._chooser.too_few()

    def within(self, picture: Tensor, expected: Tensor) -> Tensor | None:
        return find_landmarks_68(self._nets.s3fd, self._nets.fan, [picture])[0]

    def points(self, picture: Tensor, expected: Tensor, five: Tensor) -> list[GpenFace]:
        found = detect(
            self._nets.retina, picture, LEAST_SCORE, longest=(1500, 1000), most=(5000, 750)
        )
        boxes: Sequence[Sequence[float]] = found.boxes_px.tolist()
        return [
            GpenFace(points.cpu(), (box[0], box[1], box[2], box[3]))
            for points, box in zip(found.points_px, boxes)
        ]

    def middle_points(self, picture: Tensor, five: Tensor) -> Tensor | None:
        found = detect(self._nets.retina, picture, _RESTORER_SCORE)
        if not len(found):
            return None
        centers = (found.boxes_px[:, :2] + found.boxes_px[:, 2:]) / 2
        middle = centers.new_tensor([picture.shape[2] / 2, picture.shape[1] / 2])
        return found.points_px[_nearest(centers, middle)].cpu()


def _nearest(centers: Tensor, place: Tensor) -> int:
    return int((centers - place).norm(dim=1).argmin())


def region_of(box: Box, size: tuple[int, int]) -> Box:
    """x0, y0, x1, y1 within a picture (H, W), where -1 ends stand for its edges."""
    x0, y0, x1, y1 = box
    height, width = size
    right = width if x1 < 0 else min(x1, width)
    bottom = height if y1 < 0 else min(y1, height)
    return min(x0, width), min(y0, height), right, bottom


def moved(seen: Seen, x: int, y: int) -> Seen:
    """The face of a part of a frame that begins at (x, y), in the whole frame."""
    x0, y0, x1, y1 = seen.box
    shift = torch.tensor([x, y], dtype=torch.float32)
    rest = None if seen.rest is None else seen.rest + shift
    return Seen(seen.landmarks + shift, (x0 + x, y0 + y, x1 + x, y1 + y), seen.faces, rest)

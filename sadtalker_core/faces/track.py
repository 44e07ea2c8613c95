"""One face followed through video: the last mesh says where to look next.

The detector runs only to begin and when the face is lost. While it is lost the last face is
held and marked, so there is always one face for each frame. What is found again must look like
who was lost, and the farther from the last place the more: nobody else takes over.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from ..errors import FaceIndexError, NoFaceError
from .appearance import CLEARLY, alike, appearance, claim, learned, nearness
from .choose import choose_face
from .crop import Image, to_image
from .detect import overlap
from .face import Face
from .find import find_in_image
from .landmarks import faces_from_meshes, find_meshes, square_of_mesh
from .networks import FaceNets
from .options import FaceOptions

_Number = TypeVar("_Number", float, Tensor)
_log = logging.getLogger(__name__)
_STEADY = 0.85  # a mesh that overlaps its predecessor less than this is refined once more
_CLOSE_LOOK = 25  # frames between close looks for a lost face
_LEARN_EVERY = 4  # frames between looks at how a face that is followed appears now
_JUMP = 0.3  # one that overlaps less than this is not the same face


@dataclass(frozen=True)
class TrackedFace:
    """The face in one frame; ``valid`` is False where it was lost and the last one is held."""

    face: Face
    valid: bool


class FaceTracker:
    """Follows one face, frame by frame. ``track_face`` is the plain way to use it.

    Args:
        nets: the face nets.
        options: which face is meant, and how hard to look.
        waits: with a ``face_index``, wait for the first frame that shows so many faces. A caller
            that was given no face to the end must then ask ``too_few``. Else the first frame
            decides, and ``update`` raises ``FaceIndexError`` where it has faces but too few.
    """

    def __init__(
        self, nets: FaceNets, options: FaceOptions | None = None, *, waits: bool = False
    ) -> None:
        self._nets = nets
        self._options = options or FaceOptions()
        self._waits = waits
        self._smoother = _Smoother(self._options.landmark_smoothing)
        self._last: Face | None = None
        self._shown: Face | None = None
        self._lost_for = 0
        self._looks: tuple[Tensor, Tensor] | None = None  # as learned, and as last seen
        self._followed = 0  # frames in which it was not lost
        self._others: list[Tensor] = []  # how those looked who were seen beside it
        self._most = 0  # faces that the detector saw in one frame

    def update(self, rgb: Tensor) -> TrackedFace | None:
        """The face in the next frame (3, H, W) uint8; None as long as none was ever seen."""
        with torch.no_grad():
            image = to_image(rgb)
            found = self._follow(image) if self._lost_for == 0 else None
            if found is None:
                found = self._find_again(rgb, image)
            if found is None:
                self._lost_for += 1
                return None if self._shown is None else TrackedFace(self._shown, False)
            if self._lost_for or self._looks is None or self._followed % _LEARN_EVERY == 0:
                look = appearance(rgb, found)
                self._looks = (learned(self._looks[0], look) if self._looks else look, look)
            self._followed = self._followed + 1 if self._lost_for == 0 else 0
            shown = self._smoother.next(found, is_new=self._lost_for > 0)
        self._last, self._shown, self._lost_for = found, shown, 0
        return TrackedFace(shown, True)

    def too_few(self) -> FaceIndexError | None:
        """The error to raise when all frames were seen and none had the face, if the reason is that
        they have faces, but never as many as ``face_index`` asks for."""
        index = self._options.face_index
        if self._last is not None or index is None or not self._most:
            return None
        return too_few_faces(index, self._most)

    def _follow(self, image: Image) -> Face | None:
        """The face near its last place, without the detector."""
        last = self._last
        if last is None:
            return None
        meshes, presence = find_meshes(self._nets, image, [square_of_mesh(last.mesh_px)])
        shared = _shared(last.box_px, meshes[0])
        if _JUMP < shared < _STEADY:
            meshes, presence = find_meshes(self._nets, image, [square_of_mesh(meshes[0])])
            shared = _shared(last.box_px, meshes[0])
        if shared <= _JUMP or float(presence[0]) <= self._options.presence_threshold:
            return None
        return faces_from_meshes(self._nets, image, meshes, presence, [last.score])[0]

    def _find_again(self, rgb: Tensor, image: Image) -> Face | None:
        """The face by the detector: the one that was chosen, or the one that was lost."""
        options = self._options
        if self._lost_for % _CLOSE_LOOK:  # a close look at each frame would take long
            options = replace(options, face_search="fast")
        faces = find_in_image(self._nets, image, options)
        self._most = max(self._most, len(faces))
        if not faces:
            return None
        found = self._chosen(faces, image) if self._last is None else self._same(rgb, faces)
        if found is not None and len(faces) > 1:
            self._others = [appearance(rgb, face) for face in faces if face is not found]
        return found

    def _chosen(self, faces: list[Face], image: Image) -> Face | None:
        index = self._options.face_index
        few = index is not None and index >= len(faces)
        if few and (self._waits or self._lost_for > 0):
            return None
        return choose_face(faces, self._options, image.shape[:2])

    def _same(self, rgb: Tensor, faces: list[Face]) -> Face | None:
        """The one that was lost, None where all are someone else."""
        assert self._last is not None
        assert self._looks is not None
        best, most = None, 0.0
        for face in faces:
            look = appearance(rgb, face)
            likeness = max(alike(known, look) for known in self._looks)
            near = nearness(distance_in_sizes(self._last, face), self._lost_for)
            worth = claim(likeness, near)
            other = max((alike(known, look) for known in self._others), default=-1.0)
            if worth is None or other > likeness + (CLEARLY if near > 0 else 0.0):
                continue
            if worth > most:
                best, most = face, worth
        return best


def track_face(
    nets: FaceNets, frames: Iterable[Tensor], options: FaceOptions | None = None
) -> Iterator[TrackedFace]:
    """One ``TrackedFace`` for each frame of ``frames``, chunks (N, 3, H, W) uint8, in order.

    Frames before the first sight of the face get that first face, not valid. The face is chosen
    in the first frame that has one, by ``options``; with a ``face_index`` in the first that has so
    many. How the frames are cut into chunks never changes the result. Raises ``NoFaceError`` when
    no frame has a face and ``FaceIndexError`` when none has so many.
    """
    tracker = FaceTracker(nets, options, waits=True)
    waiting = seen = lost = 0
    size = (0, 0)
    for chunk in frames:
        size = (int(chunk.shape[2]), int(chunk.shape[3]))
        for rgb in chunk:
            tracked = tracker.update(rgb)
            seen += 1
            if tracked is None:
                waiting += 1
                continue
            for _ in range(waiting):
                yield TrackedFace(tracked.face, False)
            lost += waiting + (not tracked.valid)
            waiting = 0
            yield tracked
    if seen and waiting == seen:
        if (few := tracker.too_few()) is not None:
            raise few
        threshold = (options or FaceOptions()).detection_threshold
        raise NoFaceError(
            f"No face was found in any of {seen} frames ({size[1]}x{size[0]}). Use a video where a "
            f"face looks toward the viewer, or lower detection_threshold (now {threshold:.2f})."
        )
    if lost:
        _log.warning(
            "The face was lost in %d of %d frames; its last place is held there.", lost, seen
        )


def too_few_faces(index: int, most: int) -> FaceIndexError:
    """The error for a video whose frames show at most ``most`` faces, so none of that number."""
    have = "1 face" if most == 1 else f"{most} faces"
    return FaceIndexError(
        f"Face {index} was asked for, but the frames show only {have} at once; the largest has "
        "number 0."
    )


def distance_in_sizes(first: Face, second: Face) -> float:
    """Between the centres, in sizes of the first face."""
    (x0, y0), (x1, y1) = first.center_px, second.center_px
    return math.hypot(x1 - x0, y1 - y0) / max(first.size_px, 1.0)


def _shared(box: Tensor, mesh: Tensor) -> float:
    """Overlap of the last box with that of a mesh (468, 3): 1 when nothing moved."""
    points = mesh[:, :2]
    return float(overlap(box, torch.cat((points.amin(0), points.amax(0)))[None])[0])


class _Smoother:
    """One-euro filter (Casiez et al. 2012) of all points: steady when still, prompt in motion."""

    def __init__(self, strength: float) -> None:
        # cut-off in cycles a frame while the face is still: 0.3 is hardly felt, 0.01 is very slow
        self._still = 0.3 * (0.01 / 0.3) ** strength if strength > 0 else None
        self._points: Tensor | None = None
        self._speed: Tensor | None = None

    def next(self, face: Face, is_new: bool) -> Face:
        if self._still is None:
            return face
        xy = torch.cat(
            (face.mesh_px[:, :2], face.eyes_px.reshape(-1, 2), face.iris_px.reshape(-1, 2))
        )
        z = torch.cat((face.mesh_px[:, 2:], face.mesh_px.new_zeros(len(xy) - 468, 1)))
        points = torch.cat((xy, z), -1)
        if self._points is None or self._speed is None or is_new:
            self._points, self._speed = points, torch.zeros_like(points)
            return face
        step = points - self._points
        self._speed = self._speed + _gain(0.15) * (step - self._speed)
        speed = self._speed.norm(dim=-1, keepdim=True) / max(face.size_px, 1.0)
        cutoff = self._still + 20.0 * speed
        kept = self._points + step * _gain(cutoff)
        self._points = kept
        mesh, rest = kept[:468], kept[468:, :2]
        return replace(
            face,
            box_px=torch.cat((mesh[:, :2].amin(0), mesh[:, :2].amax(0))),
            mesh_px=mesh,
            eyes_px=rest[:142].reshape(2, 71, 2),
            iris_px=rest[142:].reshape(2, 5, 2),
        )


def _gain(cutoff: _Number) -> _Number:
    """Step of a first-order low-pass filter; ``cutoff`` in cycles a frame."""
    return 2 * math.pi * cutoff / (1 + 2 * math.pi * cutoff)

"""One face followed through video: the last mesh says where to look next.

The detector runs only to begin and when the face is lost. While it is lost the last face is
held and marked, so there is always one face for each frame.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from ..errors import NoFaceError
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
_JUMP = 0.3  # one that overlaps less than this is not the same face
_REACH = 1.0  # how far a lost face may reappear, in face sizes, ...
_REACH_GROWTH = 0.1  # ... and how much farther with each frame it was away


@dataclass(frozen=True)
class TrackedFace:
    """The face in one frame; ``valid`` is False where it was lost and the last one is held."""

    face: Face
    valid: bool


class FaceTracker:
    """Follows one face, frame by frame. ``track_face`` is the plain way to use it."""

    def __init__(self, nets: FaceNets, options: FaceOptions | None = None) -> None:
        self._nets = nets
        self._options = options or FaceOptions()
        self._smoother = _Smoother(self._options.landmark_smoothing)
        self._last: Face | None = None
        self._shown: Face | None = None
        self._lost_for = 0

    def update(self, rgb: Tensor) -> TrackedFace | None:
        """The face in the next frame (3, H, W) uint8; None as long as none was ever seen."""
        with torch.no_grad():
            image = to_image(rgb)
            found = self._follow(image) if self._lost_for == 0 else None
            if found is None:
                found = self._find_again(image)
            if found is None:
                self._lost_for += 1
                return None if self._shown is None else TrackedFace(self._shown, False)
            shown = self._smoother.next(found, is_new=self._lost_for > 0)
        self._last, self._shown, self._lost_for = found, shown, 0
        return TrackedFace(shown, True)

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

    def _find_again(self, image: Image) -> Face | None:
        """The face by the detector: the one that was chosen, or the one nearest to the lost one."""
        last = self._last
        options = self._options
        if self._lost_for % _CLOSE_LOOK:  # a close look at each frame would take long
            options = replace(options, face_search="fast")
        faces = find_in_image(self._nets, image, options)
        if not faces:
            return None
        if last is None:
            index = self._options.face_index
            if index is not None and index >= len(faces) and self._lost_for > 0:
                return None
            return choose_face(faces, self._options, image.shape[:2])
        reach = (_REACH + _REACH_GROWTH * self._lost_for) * last.size_px
        x, y = last.center_px
        near = [
            (math.hypot(face.center_px[0] - x, face.center_px[1] - y), i)
            for i, face in enumerate(faces)
        ]
        distance, nearest = min(near)
        return faces[nearest] if distance <= reach else None


def track_face(
    nets: FaceNets, frames: Iterable[Tensor], options: FaceOptions | None = None
) -> Iterator[TrackedFace]:
    """One ``TrackedFace`` for each frame of ``frames``, chunks (N, 3, H, W) uint8, in order.

    Frames before the first sight of the face get that first face, not valid. The face is chosen
    in the first frame that has one, by ``options``. How the frames are cut into chunks never
    changes the result. Raises ``NoFaceError`` when no frame has a face and ``FaceIndexError``
    when the first frame with faces has too few.
    """
    tracker = FaceTracker(nets, options)
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
        threshold = (options or FaceOptions()).detection_threshold
        raise NoFaceError(
            f"No face was found in any of {seen} frames ({size[1]}x{size[0]}). Use a video where a "
            f"face looks toward the viewer, or lower detection_threshold (now {threshold:.2f})."
        )
    if lost:
        _log.warning(
            "The face was lost in %d of %d frames; its last place is held there.", lost, seen
        )


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

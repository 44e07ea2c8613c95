"""What is measured of a driver's face in each frame, while the video streams by."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import NoFaceError
from ...faces.face import Face
from ...faces.measures import (
    canonical_unit,
    dark_opening,
    face_measures,
    iris_places,
    lip_heights,
)
from ...faces.mesh import EYE_OUTER, head_pose, mesh_with_eyes
from ...faces.networks import FaceNets, load_face_nets
from ...faces.options import FaceOptions
from ...faces.track import track_face
from ...runtime import Runtime

_BATCH = 32
_BROW_TRUST = 0.02  # E


@dataclass(frozen=True)
class DriverRows:
    """What was measured in each of T frames of one face. Nothing is relative to rest yet.

    Attributes:
        measures: (T, 9) ``measures.FACE_MEASURES``, E.
        heights: (T, 2) ``measures.lip_heights``, E.
        dark: (T,) ``measures.dark_opening``, E.
        irises: (T, 2, 2) where each iris is in its eye, x right, y down, E.
        rotation: (T, 3, 3) head, on column vectors in the picture's axes.
        place_px: (T, 3) where the neutral face's origin is in the picture.
        unit_px: (T,) E in pixels.
        valid: (T,) bool, False where the face was lost and the last one is held.
        fps: frames per second.
    """

    measures: Tensor
    heights: Tensor
    dark: Tensor
    irises: Tensor
    rotation: Tensor
    place_px: Tensor
    unit_px: Tensor
    valid: Tensor
    fps: Fraction

    def __len__(self) -> int:
        return self.measures.shape[0]


def read_driver(
    frames: Iterable[Tensor],
    fps: Fraction,
    faces: FaceOptions,
    runtime: Runtime,
    nets: FaceNets | None = None,
) -> DriverRows:
    """Measure every frame; arguments and errors as of ``driver.track_controls``."""
    nets = nets or load_face_nets(runtime.device)
    parts: list[DriverRows] = []
    waiting: list[SeenFace] = []
    latest: list[Tensor] = []
    done = 0
    for tracked in track_face(nets, _watched(frames, latest), faces):
        # a face that is valid was found in the latest frame
        waiting.append(SeenFace.of(tracked.face, latest[0] if tracked.valid else None))
        if len(waiting) == _BATCH:
            runtime.check_cancelled()
            parts.append(measure_faces(waiting, fps))
            done += len(waiting)
            runtime.progress("driver", done, 0)
            waiting = []
    if waiting:
        parts.append(measure_faces(waiting, fps))
    if not parts:
        raise NoFaceError("The driving video has no frames.")
    rows = {
        field.name: torch.cat([getattr(part, field.name) for part in parts])
        for field in dataclasses.fields(DriverRows)
        if field.name != "fps"
    }
    return DriverRows(**rows, fps=fps)


@dataclass(frozen=True)
class SeenFace:
    """A tracked face with what only its frame tells.

    Attributes:
        face: where it is.
        dark: ``measures.dark_opening``, E.
        valid: False where it was lost.
    """

    face: Face
    dark: float
    valid: bool

    @classmethod
    def of(cls, face: Face, rgb: Tensor | None) -> SeenFace:
        """A face seen in a frame (3, H, W) uint8, or lost with None."""
        if rgb is None:
            return cls(face, 0.0, False)
        left, right = face.mesh_px[list(EYE_OUTER)]
        return cls(face, dark_opening(rgb, face.mesh_px, float((right - left).norm())), True)


def _watched(frames: Iterable[Tensor], latest: list[Tensor]) -> Iterator[Tensor]:
    """Frame after frame, the one just given in ``latest``."""
    for chunk in frames:
        for rgb in chunk:
            latest[:] = [rgb]
            yield rgb[None]


def measure_faces(seen: Sequence[SeenFace], fps: Fraction) -> DriverRows:
    """Rows of faces that were found already."""
    faces = [one.face for one in seen]
    plain = torch.stack([face.mesh_px for face in faces])
    pose = head_pose(plain.double())
    unit = pose.scale * canonical_unit()
    eyes = torch.stack([face.eyes_px for face in faces])
    irises = torch.stack([face.iris_px for face in faces])
    measures = face_measures(torch.stack([mesh_with_eyes(face) for face in faces]))
    # The iris net sees each brow on its own but takes the rim of spectacles for one; the mesh net
    # moves both together. Half way between them, never far from the mesh, is nearest to the truth.
    brows = face_measures(plain)[:, 7:]
    measures[:, 7:] = brows + (0.5 * (measures[:, 7:] - brows)).clamp(-_BROW_TRUST, _BROW_TRUST)
    return DriverRows(
        measures=measures,
        heights=lip_heights(plain),
        dark=torch.tensor([one.dark for one in seen]),
        irises=iris_places(eyes, irises, unit.float()),
        rotation=pose.rotation.float(),
        place_px=pose.translation.float(),
        unit_px=unit.float(),
        valid=torch.tensor([one.valid for one in seen]),
        fps=fps,
    )

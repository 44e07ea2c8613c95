"""The portrait and reference videos as SadTalker reads them: cut, landmarks, 3D coefficients."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from ...errors import FaceError, NoFaceError
from ...faces.choose import choose_face
from ...faces.find import find_faces
from ...faces.landmarks98 import find_68, mesh_to_68
from ...faces.nets.fan98 import Fan98
from ...faces.nets.recon3d import Recon3D
from ...faces.nets.retinaface import RetinaFace
from ...faces.networks import FaceNets
from ...faces.options import FaceOptions
from ...faces.recon3d import Aligned, align_224, motion_rows, reconstruct
from ...faces.track import FaceTracker
from ...runtime import Runtime
from .crop import CropPlan, cut, plan_crop

_log = logging.getLogger(__name__)
REFERENCE_SIZE = 256  # reference videos are always read at this size, whatever the renderer's


class LandmarkFinder(Protocol):
    """Finds the 68 landmarks of the face that is meant."""

    @property
    def looks_again(self) -> bool:
        """Whether it is asked again on each cut picture, as the original does, or only once on
        the whole picture, whose landmarks then follow the cut."""
        ...

    def __call__(self, rgb: Tensor, is_cut: bool) -> Tensor | None:
        """(68, 2) pixels of ``rgb`` (3, H, W) uint8, or None when the face is not seen.

        ``is_cut`` says that this is a cut picture.
        """
        ...


@dataclass(frozen=True)
class OriginalFinder:
    """RetinaFace and FAN, as the original calls them: number for number, but slow.

    A picture whose longer side exceeds ``longest[0]`` is looked at with ``longest[1]`` pixels,
    because the original takes 20 GB for 8000x8000; None never does.

    Of several faces the original takes the surest. ``near`` and ``near_in_cut`` (x, y), in parts of
    the whole and of the cut picture's sides, say which one is meant.
    """

    detector: RetinaFace
    net: Fan98
    threshold: float = 0.97
    longest: tuple[int, int] | None = (3000, 2000)
    looks_again: bool = True
    near: tuple[float, float] | None = None
    near_in_cut: tuple[float, float] | None = None

    def meant(self, near: tuple[float, float], mode: str) -> OriginalFinder:
        """The finder of the face at ``near`` (x, y) in parts of the picture, for this mode."""
        # Other modes cut the picture around the face.
        return replace(self, near=near, near_in_cut=near if mode == "resize" else (0.5, 0.5))

    def __call__(self, rgb: Tensor, is_cut: bool) -> Tensor | None:
        near = self.near_in_cut if is_cut else self.near
        return find_68(
            self.detector,
            self.net,
            rgb,
            self.threshold,
            reads_rgb_as_bgr=not is_cut,
            longest=self.longest,
            near=None if near is None else (near[0] * rgb.shape[2], near[1] * rgb.shape[1]),
        )


@dataclass(frozen=True)
class PortraitFinder:
    """Our own face nets on one picture."""

    nets: FaceNets
    options: FaceOptions = FaceOptions()
    looks_again: bool = False

    def __call__(self, rgb: Tensor, is_cut: bool) -> Tensor | None:
        faces = find_faces(self.nets, rgb, self.options)
        if not faces:
            return None
        size = (int(rgb.shape[1]), int(rgb.shape[2]))
        return mesh_to_68(choose_face(faces, self.options, size).mesh_px)


class VideoFinder:
    """Our own tracker: follows one face through the frames of one video. Use a new one each."""

    looks_again = False

    def __init__(self, nets: FaceNets, options: FaceOptions | None = None) -> None:
        self._tracker = FaceTracker(nets, options)

    def __call__(self, rgb: Tensor, is_cut: bool) -> Tensor | None:
        tracked = self._tracker.update(rgb)
        return mesh_to_68(tracked.face.mesh_px) if tracked and tracked.valid else None


@dataclass(frozen=True)
class SourceFace:
    """The portrait, ready for the networks.

    Attributes:
        picture: (3, size, size) uint8, what the renderer moves.
        coeff: (1, 73) float32: expression 64, rotation 3, translation 3, crop numbers 3.
        full: (1, 257) all coefficients of the 3D model.
        plan: where the picture was cut.
        landmarks_px: (68, 2) in ``picture``.
    """

    picture: Tensor
    coeff: Tensor
    full: Tensor
    plan: CropPlan
    landmarks_px: Tensor


@dataclass(frozen=True)
class ReferenceFace:
    """The face of a reference video, one row for each frame.

    Attributes:
        coeff: (T, 73) float32 on the CPU, as ``SourceFace.coeff``.
        valid: (T,) bool: False where no face was seen and a neighbour's row is repeated.
        plan: where all frames were cut, or None for a video without frames.
    """

    coeff: Tensor
    valid: Tensor
    plan: CropPlan | None

    @property
    def lost(self) -> int:
        """Frames without a face."""
        return int((~self.valid).sum())


def read_source(
    recon: Recon3D, rgb: Tensor, landmarks: Tensor | LandmarkFinder, mode: str, size: int = 256
) -> SourceFace:
    """The portrait's crop and its coefficients.

    Args:
        recon: the reconstruction network; works on its own device.
        rgb: (3, H, W) uint8, any size.
        landmarks: (68, 2) in pixels of ``rgb``, or what finds them. A finder that looks again is
            asked a second time on the cut picture; where it then sees nothing, the first landmarks
            are used (the original falls back to an average face).
        mode: see ``crop.plan_crop``.
        size: side of the renderer's picture, 256 or 512.

    Raises:
        NoFaceError: when the finder sees no face.
    """
    frame_size = (int(rgb.shape[1]), int(rgb.shape[2]))
    first = landmarks if isinstance(landmarks, Tensor) else None
    again = None if isinstance(landmarks, Tensor) or not landmarks.looks_again else landmarks
    if not isinstance(landmarks, Tensor) and (again is None or mode != "resize"):
        first = landmarks(rgb, False)
        if first is None:
            raise _no_face(frame_size)
    plan = plan_crop(frame_size, first, mode, size)
    picture = cut(rgb, plan)
    found = again(picture, True) if again is not None else None
    if found is None:
        if first is None and not isinstance(landmarks, Tensor):
            first = landmarks(rgb, False)
        if first is None:
            raise _no_face(frame_size)
        found = plan.to_crop(first)
    aligned = align_224(picture, found)
    full = reconstruct(recon, aligned.image)
    coeff = motion_rows(full, aligned.trans_params[None])
    return SourceFace(picture, coeff, full, plan, found)


def read_reference(
    recon: Recon3D,
    frames: Iterable[Tensor],
    find: LandmarkFinder,
    mode: str,
    runtime: Runtime | None = None,
) -> ReferenceFace:
    """Coefficients of every frame of a video of any length.

    Only ``runtime.chunk`` aligned faces are held at a time. The first face's rectangle is used for
    all frames, as in the original. Where the face is not seen the last row is repeated; frames
    before its first sight get the first row. (The original repeats landmarks twice there, which
    shifts all later frames.)

    Args:
        recon: the reconstruction network.
        frames: chunks (N, 3, H, W) uint8 of any N, all of one size.
        find: a ``VideoFinder``, or ``OriginalFinder`` for the original's numbers.
        mode: the source's preprocess mode; the original cuts both alike.
        runtime: chunk, progress ("reference") and cancel.

    Raises:
        NoFaceError: when no frame has a face.
    """
    runtime = runtime or Runtime()
    plan: CropPlan | None = None
    rows: list[Tensor] = []
    valid: list[bool] = []
    waiting: list[Aligned] = []
    size = (0, 0)
    for rgb in _single(frames):
        size = (int(rgb.shape[1]), int(rgb.shape[2]))
        aligned, plan = _aligned(rgb, find, mode, plan)
        valid.append(aligned is not None)
        if aligned is not None:
            waiting.append(aligned)
        if len(waiting) == runtime.chunk:
            rows.append(_rows(recon, waiting))
            waiting = []
        if len(valid) % runtime.chunk == 0:
            runtime.check_cancelled()
            runtime.progress("reference", len(valid), 0)
    if waiting:
        rows.append(_rows(recon, waiting))
    seen = torch.tensor(valid, dtype=torch.bool)
    if not rows:
        if valid:
            raise _no_face(size, len(valid))
        return ReferenceFace(torch.zeros(0, 73), seen, None)
    # the row of the last frame that was seen; before the first sight, the first row
    last = (seen.cumsum(0) - 1).clamp(min=0)
    lost = int((~seen).sum())
    if lost:
        _log.warning(
            "No face in %d of %d frames of the reference; rows beside them are repeated.",
            lost,
            len(valid),
        )
    return ReferenceFace(torch.cat(rows)[last], seen, plan)


def _aligned(
    rgb: Tensor, find: LandmarkFinder, mode: str, plan: CropPlan | None
) -> tuple[Aligned | None, CropPlan | None]:
    """One frame's face for the network, and the plan once there is one."""
    first = None
    needs_frame = plan is None and mode != "resize"
    if needs_frame or not find.looks_again:
        first = find(rgb, False)
        if first is None:
            return None, plan
    try:
        if plan is None:
            frame_size = (int(rgb.shape[1]), int(rgb.shape[2]))
            plan = plan_crop(frame_size, first, mode, REFERENCE_SIZE)
        picture = cut(rgb, plan)
        if find.looks_again:
            found = find(picture, True)
        else:
            found = None if first is None else plan.to_crop(first)
        return (None if found is None else align_224(picture, found)), plan
    except FaceError:  # points that are no face: as good as none
        return None, plan


def _rows(recon: Recon3D, faces: list[Aligned]) -> Tensor:
    full = reconstruct(recon, torch.cat([face.image for face in faces]))
    rows = motion_rows(full, torch.stack([face.trans_params for face in faces]))
    return rows.detach().cpu()  # or every chunk's activations would be kept for gradients


def _single(frames: Iterable[Tensor]) -> Iterator[Tensor]:
    for chunk in frames:
        yield from chunk


def _no_face(size: tuple[int, int], frames: int = 1) -> NoFaceError:
    where = "the picture" if frames == 1 else f"any of {frames} frames"
    return NoFaceError(
        f"No face was found in {where} ({size[1]}x{size[0]} pixels). Use one where a face looks "
        "toward the viewer, or lower detection_threshold."
    )

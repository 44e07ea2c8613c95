"""The driving video or picture as LivePortrait reads it: one fixed square for a whole clip."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...errors import FaceError, MediaError, NoFaceError
from ...geometry.resize import resize_linear
from ...records import TensorRecord
from ...runtime import Runtime
from .crop import (
    DRIVER_SHAPE,
    INPUT_SIZE,
    CropShape,
    average_box,
    crop_from_box,
    cut_averaged,
    driver_box,
    network_input,
)
from .faces import FaceFinder
from .retarget import FaceRatios
from .source import joined_ratios

_log = logging.getLogger(__name__)
Frames = Callable[[], Iterable[Tensor]]


@dataclass(frozen=True)
class DriverTrack(TensorRecord):
    """What was seen of the driver's face in T frames.

    Attributes:
        crop_from_image: (3, 3) float32, the square that every frame is cut with, or None where
            whole frames are taken.
        valid: (T,) bool, False where no face was seen and the ratios beside it are repeated.
        ratios: how far eyes and lips are open, T rows; None when no frame has a face.
        frame_size: (H, W).
    """

    crop_from_image: Tensor | None
    valid: Tensor
    ratios: FaceRatios | None
    frame_size: tuple[int, int]

    inner_records: ClassVar[dict[str, type[TensorRecord]]] = {"ratios": FaceRatios}

    def __len__(self) -> int:
        return self.valid.shape[0]

    @property
    def lost(self) -> list[int]:
        """Numbers of the frames in which no face was seen."""
        return (~self.valid).nonzero().flatten().tolist()

    @property
    def shown(self) -> Tensor:
        """(T,) for each frame the number of the one that counts for it: the last with a face,
        before the first sight the first; itself where no frame has one."""
        seen = self.valid.nonzero().flatten()
        if len(seen) == 0:
            return torch.arange(len(self))
        return seen[(self.valid.cumsum(0) - 1).clamp(min=0)]


def track_driver(
    frames: Iterable[Tensor],
    find: FaceFinder,
    shape: CropShape = DRIVER_SHAPE,
    crop: str = "auto",
    runtime: Runtime | None = None,
) -> DriverTrack:
    """First pass over a driver: where its face is on average, and its ratios.

    The box of every frame counts alike, and all frames are cut with the mean one, so that the
    head's own motion remains. Only numbers are kept.

    Args:
        frames: chunks (N, 3, H, W) uint8 of any N; one frame for a picture.
        find: a finder that follows one face.
        shape: how the boxes are laid around the face.
        crop: always, never, or auto: where frames are not square.
        runtime: progress ("driver") and cancel.

    Raises:
        NoFaceError: when no frame has a face and the crop needs one.
        MediaError: when there are no frames.
    """
    runtime = runtime or Runtime()
    boxes: list[Tensor] = []
    rows: list[FaceRatios] = []
    valid: list[bool] = []
    size = (0, 0)
    for chunk in frames:
        runtime.check_cancelled()
        for rgb in chunk:
            size = (int(rgb.shape[1]), int(rgb.shape[2]))
            seen = find(rgb)
            box = None
            if seen is not None:
                try:
                    box = driver_box(seen.points_px, shape)
                except FaceError:  # points that are no face: as good as none
                    box = None
            valid.append(box is not None)
            if seen is not None and box is not None:
                boxes.append(box)
                rows.append(seen.ratios)
        runtime.progress("driver", len(valid), 0)
    if not valid:
        raise MediaError("The driver has no frames; use another video.")
    is_cut = crop == "always" or (crop == "auto" and size[0] != size[1])
    if is_cut and not boxes:
        raise NoFaceError(
            f"No face was found in any of the driver's {len(valid)} frames ({size[1]}x{size[0]} "
            "pixels). Use one where a face looks toward the viewer, lower detection_threshold, or "
            "do not crop it."
        )
    track = DriverTrack(
        crop_from_box(average_box(boxes)) if is_cut else None,
        torch.tensor(valid),
        _held(rows, valid),
        size,
    )
    if track.lost:
        _log.warning(
            "No face in %d of the driver's %d frames, first in frame %d; what was seen last is "
            "held there.",
            len(track.lost),
            len(track),
            track.lost[0],
        )
    return track


def _held(rows: list[FaceRatios], valid: list[bool]) -> FaceRatios | None:
    """A row for every frame: the last that was seen, before the first sight the first."""
    if not rows:
        return None
    known = joined_ratios(rows)
    last = (torch.tensor(valid).cumsum(0) - 1).clamp(min=0)
    return FaceRatios(known.eyes[last], known.lip[last])


def driver_pictures(frames: Iterable[Tensor], crop_from_image: Tensor | None) -> Iterator[Tensor]:
    """Second pass: (N, 3, 256, 256) float32 in [0, 1], what the motion network looks at.

    Args:
        frames: the same chunks (N, 3, H, W) uint8.
        crop_from_image: ``DriverTrack.crop_from_image``; None takes whole frames.
    """
    for chunk in frames:
        if len(chunk):
            yield driver_input(chunk, crop_from_image)


def driver_input(frames: Tensor, crop_from_image: Tensor | None) -> Tensor:
    """(N, 3, 256, 256) float32 in [0, 1] of frames (N, 3, H, W) uint8 of a driver.

    Whole frames are resized bilinearly, as the original does.
    """
    if crop_from_image is not None:
        return network_input(cut_averaged(frames, crop_from_image))
    small = torch.stack([resize_linear(rgb, (INPUT_SIZE, INPUT_SIZE)) for rgb in frames])
    return small.float() / 255


def read_driver(
    frames: Frames,
    find: FaceFinder,
    shape: CropShape = DRIVER_SHAPE,
    crop: str = "auto",
    runtime: Runtime | None = None,
) -> tuple[DriverTrack, Iterator[Tensor]]:
    """Both passes: what was seen, and the pictures for the motion network as they are read.

    ``frames`` opens the driver anew each time it is called. See ``track_driver``.
    """
    track = track_driver(frames(), find, shape, crop, runtime)
    return track, driver_pictures(frames(), track.crop_from_image)

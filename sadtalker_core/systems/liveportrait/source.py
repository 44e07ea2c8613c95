"""The portrait, or the video that is edited, as LivePortrait reads it: cut around the face."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...errors import FaceError, NoFaceError
from ...geometry.resize import resize_linear
from ...records import TensorRecord, check_shape
from ...runtime import Runtime
from .crop import (
    INPUT_SIZE,
    CropShape,
    crop_from_box,
    crop_from_image,
    cut_averaged,
    face_square,
    inverse_map,
    network_input,
    whole_picture,
)
from .faces import FaceFinder, SeenFace
from .retarget import FaceRatios

_log = logging.getLogger(__name__)
# for frames before the first sight of a face: eyes open, lips closed
_AT_REST = FaceRatios(torch.full((1, 2), 0.35), torch.zeros((1, 1)))


@dataclass(frozen=True)
class SourceCrop(TensorRecord):
    """The face of N pictures, cut; one for a portrait.

    Attributes:
        pictures: (N, 3, 256, 256) float32 RGB in [0, 1], what the networks look at.
        image_from_crop: (N, 3, 3) float32 from pixels of the renderer's 512-pixel picture to the
            source's own: M_c2o.
        valid: (N,) bool, False where no face was seen. Such a frame is best shown as it is.
        frame_size: (H, W) of the pictures.
        ratios: how far eyes and lips are open, N rows; None where there are no landmarks.
        crop_from_image: (N, 3, 3) float32, what the pictures were cut with. It cannot be had from
            its inverse to the last bit: ``cut_again`` takes it.
    """

    pictures: Tensor
    image_from_crop: Tensor
    valid: Tensor
    frame_size: tuple[int, int]
    ratios: FaceRatios | None = None
    crop_from_image: Tensor | None = None

    inner_records: ClassVar[dict[str, type[TensorRecord]]] = {"ratios": FaceRatios}

    def __post_init__(self) -> None:
        count = self.pictures.shape[0]
        check_shape("SourceCrop", "pictures", self.pictures, (count, 3, None, None))
        check_shape("SourceCrop", "image_from_crop", self.image_from_crop, (count, 3, 3))
        check_shape("SourceCrop", "valid", self.valid, (count,))
        if self.ratios is not None:
            check_shape("SourceCrop", "ratios.eyes", self.ratios.eyes, (count, 2))

    def __len__(self) -> int:
        return self.pictures.shape[0]


def read_source(
    rgb: Tensor,
    find: FaceFinder | None,
    shape: CropShape | None = None,
    box_px: Tensor | None = None,
) -> SourceCrop:
    """The face of a portrait.

    Args:
        rgb: (3, H, W) uint8, any size.
        find: finds the face; None where landmarks are not to be had, as for animals.
        shape: how to cut around the face; None takes the whole picture, squeezed to a square.
        box_px: (4,) x0, y0, x1, y1 of the square to cut instead, x1 - x0 wide about its middle.
            Without a finder and without a box the largest square in the middle is cut.

    Raises:
        NoFaceError: when the finder sees no face but the crop needs one.
    """
    seen = None if find is None else find(rgb)
    if seen is None and find is not None and shape is not None and box_px is None:
        raise NoFaceError(
            f"No face was found in the picture ({rgb.shape[2]}x{rgb.shape[1]} pixels). Use a "
            "picture where a face looks toward the viewer, lower detection_threshold, or give a "
            "box by hand."
        )
    place = _place(rgb, seen, shape, box_px)
    ratios = None if seen is None else seen.ratios
    return _cut_one(rgb, ratios, place, shape is None, seen is not None or find is None)


def read_source_video(
    frames: Iterable[Tensor],
    find: FaceFinder | None,
    shape: CropShape | None = None,
    runtime: Runtime | None = None,
    box_px: Tensor | None = None,
) -> Iterator[SourceCrop]:
    """The face of each frame of a video, chunk by chunk as the frames come.

    Nothing is kept but the last place, so that memory is flat. Where the face is not seen its last
    place is cut (before its first sight the middle of the picture) and marked not valid.

    Args:
        frames: chunks (N, 3, H, W) uint8 of any N.
        find: a finder that follows one face; see ``read_source``.
        shape, box_px: see ``read_source``.
        runtime: progress ("source") and cancel.

    Raises:
        NoFaceError: after the last frame, when none had a face and the crop needs one.
    """
    runtime = runtime or Runtime()
    place: Tensor | None = None
    ratios = None if find is None else _AT_REST
    done = lost = 0
    size = (0, 0)
    for chunk in frames:
        runtime.check_cancelled()
        parts: list[SourceCrop] = []
        for rgb in chunk:
            size = (int(rgb.shape[1]), int(rgb.shape[2]))
            seen = None if find is None else find(rgb)
            found = _place_or_none(rgb, seen, shape, box_px)
            valid = found is not None and (find is None or seen is not None)
            if valid and seen is not None:
                ratios = seen.ratios
            if found is not None and (valid or place is None):
                place = found
            shown = place if place is not None else _middle(size)
            parts.append(_cut_one(rgb, ratios, shown, shape is None, valid))
            lost += not valid
        done += len(parts)
        runtime.progress("source", done, 0)
        if parts:
            yield joined(parts)
    if done and lost == done and shape is not None and box_px is None:
        raise NoFaceError(
            f"No face was found in any of {done} frames ({size[1]}x{size[0]} pixels). Use a video "
            "where a face looks toward the viewer, or lower detection_threshold."
        )
    if lost:
        _log.warning("The source's face was not seen in %d of %d frames.", lost, done)


def joined(parts: list[SourceCrop]) -> SourceCrop:
    """Several crops of one source as one."""
    ratios = [part.ratios for part in parts if part.ratios is not None]
    places = [part.crop_from_image for part in parts if part.crop_from_image is not None]
    return SourceCrop(
        torch.cat([part.pictures for part in parts]),
        torch.cat([part.image_from_crop for part in parts]),
        torch.cat([part.valid for part in parts]),
        parts[0].frame_size,
        joined_ratios(ratios) if len(ratios) == len(parts) else None,
        torch.cat(places) if len(places) == len(parts) else None,
    )


def joined_ratios(rows: list[FaceRatios]) -> FaceRatios:
    """Rows of several, one after another."""
    return FaceRatios(torch.cat([row.eyes for row in rows]), torch.cat([row.lip for row in rows]))


def _place(
    rgb: Tensor, seen: SeenFace | None, shape: CropShape | None, box_px: Tensor | None
) -> Tensor:
    """(3, 3) ``crop_from_image``."""
    size = (int(rgb.shape[1]), int(rgb.shape[2]))
    if shape is None:
        return whole_picture(size)
    if box_px is not None:
        return crop_from_box(box_px, shape.size)
    if seen is None:
        return _middle(size)
    return crop_from_image(face_square(seen.points_px, shape), shape)


def _place_or_none(
    rgb: Tensor, seen: SeenFace | None, shape: CropShape | None, box_px: Tensor | None
) -> Tensor | None:
    try:
        return _place(rgb, seen, shape, box_px)
    except FaceError:  # points that are no face: as good as none
        return None


def _middle(size: tuple[int, int]) -> Tensor:
    """The largest square in the middle of a picture."""
    height, width = size
    side = min(size)
    x, y = (width - side) / 2, (height - side) / 2
    return crop_from_box(torch.tensor([x, y, x + side, y + side]))


def cut_again(frames: Tensor, crop_from_image: Tensor, is_whole: bool = False) -> Tensor:
    """``SourceCrop.pictures`` once more, to the bit: for a second pass over a source video.

    Args:
        frames: (N, 3, H, W) uint8.
        crop_from_image: (N, 3, 3), their rows of ``SourceCrop.crop_from_image``.
        is_whole: they were read without a ``shape``.
    """
    rows = [_pictures(rgb, place, is_whole) for rgb, place in zip(frames, crop_from_image)]
    return torch.cat(rows)


def _pictures(rgb: Tensor, place: Tensor, is_whole: bool) -> Tensor:
    if is_whole:  # as the original resizes what it does not cut
        return resize_linear(rgb, (INPUT_SIZE, INPUT_SIZE))[None].float() / 255
    return network_input(cut_averaged(rgb[None], place))


def _cut_one(
    rgb: Tensor, ratios: FaceRatios | None, place: Tensor, is_whole: bool, valid: bool
) -> SourceCrop:
    size = (int(rgb.shape[1]), int(rgb.shape[2]))
    return SourceCrop(
        _pictures(rgb, place, is_whole),
        inverse_map(place)[None],
        torch.tensor([valid]),
        size,
        ratios,
        place[None],
    )

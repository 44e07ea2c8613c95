"""Which of several faces is meant: by place, size, number, a point, or what a mask covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..sadtalker_core.errors import FaceIndexError, NoFaceError, OptionError
from ..sadtalker_core.faces.options import FaceOptions

if TYPE_CHECKING:
    from ..sadtalker_core.faces.face import Face

PLACES = ("largest", "left", "right", "center", "best")
WAYS = (*PLACES, "numbers", "point", "mask", "all")
_LEAST = 0.1  # of a face that a mask must cover


def numbers_of(text: str) -> tuple[int, ...]:
    """``0`` or ``2, 0``: numbers of faces in the order that is wanted.

    Raises:
        OptionError: it is no such list.
    """
    try:
        numbers = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 0:
        raise OptionError(f"numbers must be whole numbers such as 0 or 0, 2, got {text!r}.")
    return numbers


def chosen(
    faces: Sequence[Face],
    by: str,
    size: tuple[int, int],
    numbers: tuple[int, ...] = (),
    point: tuple[float, float] = (0.0, 0.0),
    mask: Tensor | None = None,
) -> list[Face]:
    """Those of a picture's faces that are meant.

    Args:
        faces: the largest first.
        by: one of ``WAYS``.
        size: (H, W) of the picture.
        numbers: for ``numbers``.
        point: x, y in pixels for ``point``: the nearest face.
        mask: (h, w) for ``mask``: the face of which it covers most. Any size; it is laid over the
            whole picture.

    Raises:
        NoFaceError: there are no faces, or none lies under the mask.
        FaceIndexError: fewer faces than a number asks for.
        OptionError: there is no mask.
    """
    from ..sadtalker_core.faces.choose import choose_face

    if by == "all" and faces:
        return list(faces)
    if by == "numbers" and faces:
        beyond = [number for number in numbers if number >= len(faces)]
        if beyond:
            choose_face(faces, FaceOptions(face_index=beyond[0]), size)
            raise FaceIndexError(f"there is no face {beyond[0]}.")
        return [faces[number] for number in numbers]
    if by == "mask" and faces:
        if mask is None:
            raise OptionError("choosing by mask needs a mask; connect one, or choose otherwise.")
        return [_under(faces, mask, size)]
    options = FaceOptions(face_select=by if by in PLACES else "largest")
    if by == "point":
        options = FaceOptions(face_point=f"{point[0]},{point[1]}")
    return [choose_face(faces, options, size)]


def _under(faces: Sequence[Face], mask: Tensor, size: tuple[int, int]) -> Face:
    shares = [_covered(face, mask, size) for face in faces]
    best = max(range(len(faces)), key=lambda index: shares[index])
    if shares[best] < _LEAST:
        raise NoFaceError(
            f"none of the {len(faces)} faces lies under the mask; paint over the face that is "
            "meant."
        )
    return faces[best]


def _covered(face: Face, mask: Tensor, size: tuple[int, int]) -> float:
    """How much of a face a mask covers, read at the points of its mesh."""
    height, width = size
    points = face.mesh_px[:, :2] + 0.5
    places = points / points.new_tensor([width, height]) * 2 - 1
    read = torch.nn.functional.grid_sample(
        mask.float().cpu()[None, None], places[None, None], align_corners=False
    )
    return float(read.mean())

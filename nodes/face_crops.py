"""Squares cut around faces, and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..sadtalker_core.errors import NoFaceError, OptionError
from . import bridge

if TYPE_CHECKING:
    from ..sadtalker_core.faces.face import Face


def cut_faces(
    image: Tensor,
    frames: Sequence[Sequence[Face]],
    size: int,
    shape: tuple[float, bool, float],
    softness: float,
) -> tuple[Tensor, Tensor, list[list[Face]], list[dict[str, Any]]]:
    """A square around each face of each picture.

    Args:
        image: the pictures as an IMAGE.
        frames: the faces of each.
        size: side of the squares, pixels.
        shape: side over the size of the face, whether it is turned upright, shift down as a part
            of the side.
        softness: of the mask's edge, as a part of the side.

    Returns:
        IMAGE (N, size, size, 3), MASK (N, size, size), the face in each square, and of each the
        number of its picture and its place there, as ``face_values.faces_dict`` takes them.

    Raises:
        NoFaceError: there are no faces.
    """
    from ..sadtalker_core.faces.crop import crop_square, face_in_crop, square_around
    from ..sadtalker_core.faces.paste import face_mask

    margin, upright, shift_y = shape
    crops: list[Tensor] = []
    masks: list[Tensor] = []
    inside: list[list[Face]] = []
    places: list[dict[str, Any]] = []
    for index, (rgb, faces) in enumerate(zip(bridge.pictures_of(image), frames)):
        for face in faces:
            image_from_crop = square_around(face, size, margin, upright, shift_y)
            crops.append(crop_square(rgb, image_from_crop, size))
            masks.append(face_mask(face, image_from_crop, size, softness))
            inside.append([face_in_crop(face, image_from_crop)])
            places.append({"picture": index, "image_from_crop": image_from_crop})
    if not crops:
        raise NoFaceError("there are no faces to cut; connect Detect Faces, or choose otherwise.")
    shown = torch.stack(masks).to(bridge.intermediate_device())
    return bridge.image_of(torch.stack(crops)), shown, inside, places


def paste_crops(image: Tensor, crops: Tensor, faces: Any, mask: Tensor | None) -> Tensor:
    """The pictures with their squares back in place.

    Args:
        image: the pictures as an IMAGE; what no square covers keeps its values to the bit.
        crops: the squares as an IMAGE, of any size.
        faces: what Crop Face said of them.
        mask: (1 or N, h, w): how much of each counts; None has a soft edge.

    Raises:
        OptionError: the faces are not from Crop Face, or there are more squares than it cut.
    """
    from ..sadtalker_core.faces.paste import paste_back, square_mask

    places = faces.get("cut_from") if isinstance(faces, dict) else None
    if places is None or len(places) != len(crops):
        raise OptionError(
            "the faces must come from Crop Face, one for each square; "
            f"there are {0 if places is None else len(places)} places for {len(crops)} squares."
        )
    size = int(crops.shape[1])
    if crops.shape[2] != size or max(place["picture"] for place in places) >= len(image):
        raise OptionError(
            f"squares and the whole batch they were cut from are expected, got squares of "
            f"{crops.shape[2]}x{size} pixels and {len(image)} pictures."
        )
    result = image[..., :3].clone()
    for index, (place, crop) in enumerate(zip(places, bridge.pictures_of(crops))):
        number = place["picture"]
        alpha = square_mask(size)
        if mask is not None:
            alpha = _fitted(mask[min(index, len(mask) - 1)], size) * square_mask(size, 0.02)
        image_from_crop = _at_size(place["image_from_crop"], int(faces["size"][0]), size)
        before = bridge.picture_of(result, number)
        after = paste_back(before, crop, image_from_crop, alpha).to(before.device)
        changed = (after != before).any(0)[..., None]
        pasted = bridge.image_of(after).to(result)[0]
        result[number] = torch.where(changed, pasted, result[number])
    return result


def _at_size(image_from_crop: Tensor, cut: int, size: int) -> Tensor:
    """(3, 3) the map of a square that was resized from ``cut`` to ``size`` pixels since."""
    scale = cut / size
    cut_from_size = torch.tensor(
        [[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1]], dtype=torch.float64
    )
    return image_from_crop.double() @ cut_from_size


def _fitted(mask: Tensor, size: int) -> Tensor:
    from torch.nn.functional import interpolate

    return interpolate(mask.float().cpu()[None, None], size=(size, size), mode="bilinear")[0, 0]

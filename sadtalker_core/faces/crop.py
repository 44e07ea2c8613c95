"""Square crops of a picture with the map back: ``image_from_crop``."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import OptionError
from ..geometry import affine
from ..geometry.opencv import cv2
from .face import Face

Image = NDArray[np.uint8]
_HEAD_MARGIN = 2.1  # side of a crop with hair, neck and shoulders over the face's longer side


def to_image(rgb: Tensor) -> Image:
    """(3, H, W) uint8, or float in [0, 1], as a contiguous (H, W, 3) uint8 array for OpenCV."""
    if rgb.dtype != torch.uint8:
        rgb = (rgb.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(rgb.detach().permute(1, 2, 0).cpu().numpy())


def cut(
    image: Image, image_from_crop: Tensor, size: int, border: int = cv2.BORDER_REPLICATE
) -> Image:
    """The crop (size, size, 3) of ``image`` (H, W, 3) that ``image_from_crop`` (3, 3) describes.

    Linear interpolation; where the crop is smaller than its square, the square is first reduced
    by area averaging, so that fine detail does not alias. Outside of the picture the edge is
    repeated (or what OpenCV's ``border`` says).
    """
    matrix = image_from_crop.numpy()
    factor = int(float(affine.scale_of(image_from_crop)) + 1e-6)
    if factor >= 2:
        image, small_from_image = _reduced_box(image, matrix, size, factor)
        matrix = small_from_image @ matrix
    return cv2.warpAffine(
        image,
        matrix[:2],
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )  # type: ignore[return-value]


def _reduced_box(
    image: Image, image_from_crop: NDArray[np.float64], size: int, factor: int
) -> tuple[Image, NDArray[np.float64]]:
    """The picture's part under the crop, ``factor`` times smaller, and ``small_from_image``."""
    height, width = image.shape[:2]
    corners = image_from_crop[:2, :2] @ (np.array([[0, 1, 0, 1], [0, 0, 1, 1]]) * (size - 1.0))
    corners += image_from_crop[:2, 2:]
    # cells in step with the crop's pixels where both have the same size: nothing is blurred twice
    step = np.rint(image_from_crop[:2, 2] - (factor - 1) / 2).astype(int) % factor
    first = np.floor(corners.min(1) - factor).astype(int).clip(0, (width - 1, height - 1))
    x0, y0 = np.minimum(first + (step - first) % factor, (width - 1, height - 1))
    x1, y1 = np.ceil(corners.max(1) + factor + 1).astype(int).clip(1, (width, height))
    # a whole number of cells keeps the scale exact; a last incomplete cell is left to the border
    columns, rows = max(1, (x1 - x0) // factor), max(1, (y1 - y0) // factor)
    box = image[y0 : y0 + rows * factor, x0 : x0 + columns * factor]
    small = cv2.resize(box, (columns, rows), interpolation=cv2.INTER_AREA)
    shift = (factor - 1) / 2  # cell centres in pixels of the box
    small_from_image = np.array(
        [
            [1 / factor, 0, -(x0 + shift) / factor],
            [0, 1 / factor, -(y0 + shift) / factor],
            [0, 0, 1.0],
        ]
    )
    return small, small_from_image  # type: ignore[return-value]


def square_around(
    face: Face, size: int, margin: float = 1.5, upright: bool = False, shift_y: float = 0.0
) -> Tensor:
    """``image_from_crop`` (3, 3) float64 of a square around a face.

    Args:
        face: the face in picture pixels.
        size: side of the crop, pixels.
        margin: side of the square over the longer side of the face's box.
        upright: turn the square so that the eyes are level; otherwise keep the picture's axes.
        shift_y: move the square down by this part of its side, along its own axis.
    """
    width, height = (face.box_px[2:] - face.box_px[:2]).tolist()
    side = max(width, height) * margin
    angle = roll_of(face.mesh_px[33, :2], face.mesh_px[263, :2]) if upright else 0.0
    x, y = face.center_px
    x -= math.sin(angle) * side * shift_y
    y += math.cos(angle) * side * shift_y
    # boxes hold pixel centres, squares hold pixel edges: both have the same middle
    return affine.image_from_square((x, y), side, angle, size)


def crop_square(rgb: Tensor, image_from_crop: Tensor, size: int) -> Tensor:
    """(3, size, size) uint8 crop of a picture (3, H, W) uint8."""
    return torch.from_numpy(cut(to_image(rgb), image_from_crop, size)).permute(2, 0, 1)


def roll_of(left: Tensor, right: Tensor) -> float:
    """Angle in radians of the line from the viewer's left point (2,) to the right one."""
    x, y = (right - left).tolist()
    return math.atan2(y, x)


def frame_for_mode(
    mode: str, face: Face, picture_size: tuple[int, int], size: int
) -> tuple[Tensor, tuple[int, int]]:
    """What part of the picture the result shows, as ``image_from_frame`` and its size (H, W).

    Args:
        mode: ``resize`` is the whole picture with the longer side ``size``; ``crop`` is a square
            of ``size`` around the head and shoulders, inside of the picture where it fits.
        face: the face that will speak, in picture pixels.
        picture_size: (H, W) of the picture.
        size: pixels, used by ``resize`` and ``crop``.

    Returns:
        (3, 3) float64 and (H, W); sizes are even, for the sake of video.
    """
    height, width = picture_size
    if mode == "resize":
        scale = size / max(height, width)
        frame = (max(2, 2 * round(height * scale / 2)), max(2, 2 * round(width * scale / 2)))
        image_from_frame = torch.eye(3, dtype=torch.float64)
        for axis, (whole, part) in enumerate(((width, frame[1]), (height, frame[0]))):
            image_from_frame[axis, axis] = whole / part
            image_from_frame[axis, 2] = (whole / part - 1) / 2
        return image_from_frame, frame
    if mode != "crop":
        raise OptionError(f"mode is {mode!r}, known values are: resize, crop.")
    box_width, box_height = (face.box_px[2:] - face.box_px[:2]).tolist()
    side = min(max(box_width, box_height) * _HEAD_MARGIN, float(max(height, width)))
    x, y = face.center_px
    x, y = _kept_inside(x, side, width), _kept_inside(y + 0.02 * side, side, height)
    size = max(2, size & ~1)
    return affine.image_from_square((x, y), side, 0.0, size), (size, size)


def framed(rgb: Tensor, face: Face, mode: str, size: int) -> tuple[Tensor, Face]:
    """The part of a picture that the result shows, and the face in it.

    Args:
        rgb: (3, H, W) uint8.
        face: in its pixels.
        mode, size: see ``frame_for_mode``; ``full`` returns both as they are.
    """
    if mode == "full":
        return rgb, face
    picture_size = int(rgb.shape[1]), int(rgb.shape[2])
    image_from_frame, (height, width) = frame_for_mode(mode, face, picture_size, size)
    image = to_image(rgb)
    across, down = 1 / float(image_from_frame[0, 0]), 1 / float(image_from_frame[1, 1])
    if mode == "crop":
        shown = cut(image, image_from_frame, size & ~1)
    else:
        how = cv2.INTER_AREA if across < 1 else cv2.INTER_CUBIC
        shown = cv2.resize(image, (width, height), interpolation=how)
    # even sizes may scale both axes by a hair (flat pictures: more) differently
    scale = torch.tensor([across, down], dtype=torch.float32)
    shift = -image_from_frame[:2, 2].to(torch.float32) * scale
    mesh = torch.cat(
        (face.mesh_px[:, :2] * scale + shift, face.mesh_px[:, 2:] * (across * down) ** 0.5), dim=1
    )
    moved = replace(
        face,
        box_px=face.box_px * scale.repeat(2) + shift.repeat(2),
        mesh_px=mesh,
        eyes_px=face.eyes_px * scale + shift,
        iris_px=face.iris_px * scale + shift,
    )
    return torch.from_numpy(shown).permute(2, 0, 1), moved


def _kept_inside(center: float, side: float, length: int) -> float:
    """``center`` moved so that ``side`` lies within ``length`` pixels, or is centred on it."""
    if side >= length:
        return (length - 1) / 2
    return min(max(center, side / 2 - 0.5), length - 0.5 - side / 2)


def face_in_crop(face: Face, image_from_crop: Tensor) -> Face:
    """A face in the pixels of a crop, which may be turned: the inverse of cutting it.

    Args:
        face: in the picture's pixels.
        image_from_crop: (3, 3) that the crop was cut with.
    """
    crop_from_image = affine.inverse(image_from_crop)

    def moved(points: Tensor) -> Tensor:
        return affine.apply(crop_from_image, points.double()).to(torch.float32)

    xy = moved(face.mesh_px[:, :2])
    depth = face.mesh_px[:, 2:] / float(affine.scale_of(image_from_crop))
    return replace(
        face,
        box_px=torch.cat((xy.amin(0), xy.amax(0))),
        mesh_px=torch.cat((xy, depth), dim=1),
        eyes_px=moved(face.eyes_px),
        iris_px=moved(face.iris_px),
    )

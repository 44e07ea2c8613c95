"""Which square of a picture LivePortrait looks at.

After LivePortrait (``src/utils/crop.py``, ``src/utils/cropper.py``), number for number: single
precision where the original has it, and its convention that a crop of ``size`` pixels is centred
on ``size / 2``, half a pixel beside the middle. Landmarks are (x, y) in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ...errors import FaceError, OptionError, StructureError
from ...geometry.affine import scale_of
from ...geometry.fixed_warp import warp_8bit
from ...geometry.resize import resize_area

CROP_SIZE = 512  # side of the crop and of the renderer's picture
INPUT_SIZE = 256  # side of what the networks look at
_LONGEST = 1280  # pixels; the original shrinks longer pictures
_Array = NDArray[Any]  # float32; numpy's stubs lose it in arithmetic
_Groups = tuple[tuple[tuple[int, ...], ...], ...]

# By number of landmarks: groups of points whose mean is an eye (left, right), and the lips. Means
# of means are the original's order of adding up.
_EYES_AND_LIPS: dict[int, _Groups] = {
    5: (((0,), (1,)), ((3, 4),)),
    9: (((2, 3), (0, 1)), ((5, 6),)),
    68: (((36, 39), (42, 45)), ((48, 54),)),
    101: (((39, 42, 45, 48), (51, 54, 57, 60)), ((75, 81),)),
    106: (((33, 35, 40, 39), (87, 89, 94, 93)), ((52, 61),)),
    203: (((0, 6, 12, 18), (24, 30, 36, 42)), ((48, 66),)),
    # ComfyUI-LivePortraitKJ and FasterLivePortrait: irises and middle of the lower lip
    478: (((468,), (473,)), ((14,),)),
}


@dataclass(frozen=True)
class CropShape:
    """What part of the picture around the face is cut.

    Attributes:
        scale: side of the square over the longer side of the landmarks' box.
        vx, vy: shift along the face's own axes, parts of the side. The original ignores vx.
        rotate: turn the square with the face.
        size: side of the crop, pixels.
    """

    scale: float = 2.3
    vx: float = 0.0
    vy: float = -0.125
    rotate: bool = True
    size: int = CROP_SIZE

    def __post_init__(self) -> None:
        numbers = (self.scale, self.vx, self.vy)
        if not all(map(math.isfinite, numbers)) or self.scale <= 0 or self.size < 1:
            raise OptionError(f"A crop needs a scale and size above 0, got {self}.")


DRIVER_SHAPE = CropShape(scale=2.2, vy=-0.1, rotate=False)
LANDMARK_SHAPE = CropShape(scale=1.5, vy=-0.1, size=224)


@dataclass(frozen=True)
class FaceSquare:
    """A square around a face in a picture.

    Attributes:
        center_px: (2,) float32 x, y.
        side_px: length of a side.
        angle_rad: turn of the face; positive is clockwise as seen.
    """

    center_px: Tensor
    side_px: float
    angle_rad: float

    def corners(self, turned: bool = False) -> Tensor:
        """(4, 2) corners from the upper left one, clockwise; ``turned`` turns them with the face.

        Turned corners go the original's way, about the centre.
        """
        half = self.side_px / 2
        steps = self.center_px.new_tensor([[-half, -half], [half, -half], [half, half]])
        steps = torch.cat((steps, steps.new_tensor([[-half, half]])))
        corners = self.center_px + steps
        if not turned:
            return corners
        cos, sin = math.cos(self.angle_rad), math.sin(self.angle_rad)
        turn = corners.new_tensor([[cos, -sin], [sin, cos]])
        return (corners - self.center_px) @ turn.mT + self.center_px


def reference_points(landmarks: Tensor, use_lip: bool = True) -> Tensor:
    """(2, 2) float32: the middle of the eyes, and a point below it along the face's axis.

    Args:
        landmarks: (K, 2) x, y. K is 5, 9, 68, 106, 203, 478 or at least 101, whose first 101
            points then count.
        use_lip: the second point is the middle of the lips; otherwise the first point is the
            left eye, and the second lies below it at right angles to the line of the eyes.
    """
    return torch.from_numpy(_reference_points(_checked(landmarks), use_lip))


def _checked(landmarks: Tensor) -> _Array:
    """Landmarks as a float32 array."""
    if landmarks.ndim != 2 or landmarks.shape[1] != 2:
        raise StructureError(f"Landmarks must be (K, 2), got {tuple(landmarks.shape)}.")
    points = landmarks.detach().cpu().float().numpy()
    if not np.isfinite(points).all():
        raise FaceError("The landmarks are not finite numbers; use another picture.")
    return points


def _reference_points(points: _Array, use_lip: bool) -> _Array:
    groups = _EYES_AND_LIPS.get(len(points))
    if groups is None and len(points) > 101:
        groups = _EYES_AND_LIPS[101]
    if groups is None:
        raise StructureError(
            f"Landmarks must be 5, 9, 68, 106, 203, 478 or at least 101 points, got {len(points)}."
        )
    left, right = (points[list(eye)].mean(0) for eye in groups[0])
    if use_lip:
        return np.stack(((left + right) / 2, points[list(groups[1][0])].mean(0)))
    across = right - left
    return np.stack((left, left + np.stack((-across[1], across[0]))))


def face_square(landmarks: Tensor, shape: CropShape, use_lip: bool = True) -> FaceSquare:
    """The square around a face, turned with it.

    Args:
        landmarks: (K, 2); see ``reference_points``.
        shape: scale and shifts; ``rotate`` plays no part, the shifts follow the face anyway.
        use_lip: see ``reference_points``.

    Raises:
        FaceError: when all landmarks lie in one place.
    """
    points = _checked(landmarks)
    eyes, below = _reference_points(points, use_lip)
    down = below - eyes
    length = np.linalg.norm(down)
    down = np.array([0, 1], np.float32) if length <= 1e-3 else down / length
    across = np.array((down[1], -down[0]), np.float32)
    angle = math.acos(max(-1.0, min(1.0, float(across[0]))))
    middle = points.mean(0)
    turned = (points - middle) @ np.stack((across, down)).T
    low, high = turned.min(0), turned.max(0)
    offset = (low + high) / 2
    side = np.float32((high - low).max()) * np.float32(shape.scale)
    if not side > 0:
        raise FaceError("The landmarks lie in one place; use another picture.")
    center = middle + across * offset[0] + down * offset[1]
    center = center + across * np.float32(shape.vx * side) + down * np.float32(shape.vy * side)
    return FaceSquare(
        torch.from_numpy(center.astype(np.float32)),
        float(side),
        -angle if across[1] < 0 else angle,
    )


def crop_from_image(square: FaceSquare, shape: CropShape) -> Tensor:
    """(3, 3) float32 map from the picture to a crop of ``shape.size`` pixels (M_o2c)."""
    x, y = square.center_px.tolist()
    return _crop_from_image(x, y, square.side_px, square.angle_rad if shape.rotate else 0.0, shape)


def _crop_from_image(x: float, y: float, side: float, angle: float, shape: CropShape) -> Tensor:
    # single precision at every step, as numpy 2 computes it
    one = np.float32
    px, py, middle = one(x), one(y), one(shape.size / 2)
    scale = one(shape.size) / one(side)
    cos, sin = one(math.cos(angle)), one(math.sin(angle))
    rows = [
        [scale * cos, scale * sin, middle - scale * (cos * px + sin * py)],
        [-scale * sin, scale * cos, middle - scale * (-sin * px + cos * py)],
        [one(0), one(0), one(1)],
    ]
    return torch.from_numpy(np.array(rows, np.float32))


def inverse_map(to_from: Tensor) -> Tensor:
    """``from_to`` of a (..., 3, 3) map in single precision, as the original inverts (M_c2o)."""
    inverse = np.linalg.inv(to_from.detach().cpu().float().numpy())
    return torch.from_numpy(inverse).to(to_from.device)


def moved_points(points: Tensor, to_from: Tensor) -> Tensor:
    """Points (K, 2) through a (3, 3) map, in single precision."""
    return points @ to_from[:2, :2].mT + to_from[:2, 2]


def cut(pictures: Tensor, to_from: Tensor, size: int = CROP_SIZE) -> Tensor:
    """Crops (N, 3, size, size) uint8 of pictures (N, 3, H, W) uint8; black outside.

    ``to_from`` is ``crop_from_image``, (3, 3) or one for each picture (N, 3, 3). Bilinear in
    OpenCV 4's whole numbers, without averaging when the picture is finer than the crop, as the
    original cuts.
    """
    return warp_8bit(pictures, to_from, (size, size))


def cut_averaged(pictures: Tensor, to_from: Tensor, size: int = CROP_SIZE) -> Tensor:
    """``cut``, but pictures above the original's limit are averaged first where they are finer.

    The original shrinks what is longer than 1280 pixels before it cuts; here nothing is shrunk,
    and without averaging fine detail would alias. Below that both are the same.
    """
    height, width = pictures.shape[2:]
    factor = int(float(scale_of(inverse_map(to_from).double())) + 1e-6)
    if max(height, width) <= _LONGEST or factor < 2:
        return cut(pictures, to_from, size)
    even = pictures[..., : height - height % factor, : width - width % factor]
    small = torch.cat([avg_pool2d(rgb[None].float(), factor).round_() for rgb in even])
    cell = (factor - 1) / 2  # place of a cell's middle in the picture
    image_from_small = torch.tensor([[factor, 0, cell], [0, factor, cell], [0, 0, 1]])
    return cut(small.to(torch.uint8), to_from.double() @ image_from_small.double(), size)


def whole_picture(size: tuple[int, int], crop_size: int = CROP_SIZE) -> Tensor:
    """(3, 3) float32 map from a picture of ``size`` (H, W) to itself squeezed to a square."""
    down, across = crop_size / size[0], crop_size / size[1]
    return torch.tensor(
        [[across, 0.0, (across - 1) / 2], [0.0, down, (down - 1) / 2], [0.0, 0.0, 1.0]]
    )


def network_input(crops: Tensor) -> Tensor:
    """(N, 3, 256, 256) float32 in [0, 1] of crops (N, 3, S, S) uint8, reduced by area.

    On the device of ``crops``; other sizes than 512 go by way of the CPU.
    """
    if crops.shape[2:] == (CROP_SIZE, CROP_SIZE):
        return halved(crops).float() / 255
    small = torch.stack([resize_area(crop, (INPUT_SIZE, INPUT_SIZE)) for crop in crops])
    return small.to(crops.device).float() / 255


def halved(pictures: Tensor) -> Tensor:
    """(N, 3, H / 2, W / 2) uint8 means of four pixels, rounded as OpenCV does: its resize by area,
    and its bilinear one too when it halves."""
    whole = pictures.to(torch.int16)
    rows = whole[..., ::2, :] + whole[..., 1::2, :]
    return ((rows[..., ::2] + rows[..., 1::2] + 2) >> 2).to(torch.uint8)


def driver_box(landmarks: Tensor, shape: CropShape = DRIVER_SHAPE) -> Tensor:
    """(4,) float32 x0, y0, x1, y1: the upright box of one frame of a driver."""
    corners = face_square(landmarks, shape).corners()
    return torch.cat((corners[0], corners[2]))


def average_box(boxes: Sequence[Tensor] | Tensor) -> Tensor:
    """(4,) float32: the mean of the boxes of all frames, which the whole clip is cut with."""
    stack = boxes if isinstance(boxes, Tensor) else torch.stack(list(boxes))
    if stack.ndim != 2 or stack.shape[1] != 4 or not len(stack):
        raise StructureError(f"Boxes must be (T, 4), at least one, got {tuple(stack.shape)}.")
    return torch.from_numpy(stack.detach().cpu().float().numpy().mean(0))


def crop_from_box(box_px: Tensor, size: int = CROP_SIZE) -> Tensor:
    """(3, 3) float32 map from the picture to an upright crop of a box (4,); its width counts."""
    x0, y0, x1, y1 = box_px.tolist()
    if not (x1 > x0 and all(map(math.isfinite, (x0, y0, x1, y1)))):
        raise StructureError(f"A box needs finite numbers and x1 > x0, got {box_px.tolist()}.")
    return _crop_from_image((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, 0.0, CropShape(size=size))

"""GFPGAN's restorer, step by step as the original and facexlib do it, on one picture.

Pictures are (3, H, W) uint8 RGB (the originals hold BGR; nothing but the colour beyond the border
depends on it). This is the exact path: VideoReTalking calls it, and so does ``--enhance-way
original``. Otherwise videos are restored by ``frames``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..geometry.filters import blur, erode, resize_lanczos, to_levels, warp
from ..geometry.opencv import IS_REAL, cv2
from .align import SIZE, ffhq_points, inverted, robust_similarity
from .nets.parsenet import is_class

# What facexlib sees beyond the border of a picture.
BORDER_RGB = (132.0, 133.0, 135.0)
# ParseNet's classes that facexlib pastes: the face and its ears, brows, hair, but no hat or neck.
PASTED_CLASSES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15)
LEAST_EYE_DISTANCE_PX = 5.0

# A face picture (1, 3, S, S) in [-1, 1] to class scores (1, 19, S, S).
Parser = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class AlignedFace:
    """A face as the network wants it.

    Attributes:
        crop: (3, S, S) uint8.
        crop_from_image: (2, 3) float64.
    """

    crop: Tensor
    crop_from_image: Tensor


def align_face(picture: Tensor, points_px: Tensor, size: int = SIZE) -> AlignedFace:
    """Cut a face by its five points (5, 2) as facexlib does.

    Raises ``FaceError`` when the points lie in one place.
    """
    matrix = robust_similarity(points_px, ffhq_points(size))
    border = picture.new_tensor(BORDER_RGB, dtype=torch.float32)[:, None, None]
    crop = warp((picture.float() - border)[None], matrix, (size, size))[0] + border
    return AlignedFace(to_levels(crop), matrix)


def is_wide_enough(points_px: Tensor) -> bool:
    """Whether the eyes are far enough apart for the original to restore the face."""
    return float((points_px[0] - points_px[1]).norm()) >= LEAST_EYE_DISTANCE_PX


def nearest_to_middle(boxes_px: Tensor, frame_size: tuple[int, int]) -> int:
    """Which of boxes (N, 4) x0, y0, x1, y1 ``only_center_face`` takes."""
    middle = boxes_px.new_tensor([frame_size[1] / 2, frame_size[0] / 2])
    centers = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2
    return int((centers - middle).norm(dim=1).argmin())


def to_network(pictures: Tensor) -> Tensor:
    """(..., 3, H, W) uint8 to [-1, 1]."""
    return (pictures.float() / 255 - 0.5) / 0.5


def from_network(pictures: Tensor) -> Tensor:
    """(..., 3, H, W) of GFPGAN and its kin to uint8, rounded."""
    return ((pictures.float().clamp(-1, 1) + 1) / 2 * 255).round().to(torch.uint8)


def from_network_cut(pictures: Tensor) -> Tensor:
    """(..., 3, H, W) of GPEN to uint8, decimals cut off."""
    return ((pictures.float() * 0.5 + 0.5).clamp(0, 1) * 255).to(torch.uint8)


def image_from_crop(crop_from_image: Tensor, upscale: float) -> tuple[Tensor, Tensor]:
    """(2, 3) maps into the enlarged picture: the plain inverse, and the one that pastes.

    facexlib moves the pasted face by half an enlarged pixel when it enlarges.
    """
    plain = inverted(crop_from_image) * upscale
    moved = plain.clone()
    if upscale > 1:
        moved[:, 2] += 0.5 * upscale
    return plain, moved


def enlarged_background(picture: Tensor, upscale: float) -> Tensor:
    """(3, H, W) uint8 -> (3, H * upscale, W * upscale) float levels, by OpenCV's Lanczos."""
    size = (int(picture.shape[1] * upscale), int(picture.shape[2] * upscale))
    if size == tuple(picture.shape[1:]):
        return picture.float()
    if not IS_REAL:
        return to_levels(resize_lanczos(picture[None].float(), size)[0]).float()
    # OpenCV's weights for bytes are whole numbers, and its levels are one off here and there
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).cpu().numpy())
    large = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LANCZOS4)
    return torch.from_numpy(large).permute(2, 0, 1).to(picture.device).float()


def soft_face_mask(scores: Tensor) -> Tensor:
    """(B, S, S) in [0, 1] of ParseNet's scores (B, 19, S, S): the parts that are pasted, blurred.

    In double precision on the CPU (with OpenCV), as the original has it: decimals of what is pasted
    are cut off, and where the mask is next to 1 its last bits decide about a level. The kernel is
    101 pixels for a face of 512 and shrinks with it.
    """
    mask = is_class(scores, PASTED_CLASSES).cpu().double() * 255
    return softened(mask, 10) / 255


def softened(mask: Tensor, border: int, *, before: bool = False, sigma: float = 11.0) -> Tensor:
    """(..., S, S) blurred twice by a Gaussian of 101 pixels, its border empty. OpenCV adds it up
    in double precision; the result is as precise as ``mask``. All pixels are of a face of 512.

    ``before`` empties the border before the blur (GPEN), else after it (facexlib).
    """
    side = mask.shape[-1]
    size = min(101, side // 2 * 2 - 1)
    sigma, border = sigma * min(1.0, side / SIZE), max(1, border * side // SIZE)
    if before:
        mask = emptied(mask, border)
    planes = mask.detach().cpu().double().reshape(-1, side, side).numpy()
    for _ in range(2):
        planes = np.stack([cv2.GaussianBlur(plane, (size, size), sigma) for plane in planes])
    mask = torch.from_numpy(planes).reshape(mask.shape).to(mask)
    return mask if before else emptied(mask, border)


def emptied(mask: Tensor, border: int) -> Tensor:
    """A copy of (..., H, W) with nothing near its border."""
    inner = torch.zeros_like(mask)
    inner[..., border:-border, border:-border] = mask[..., border:-border, border:-border]
    return inner


@dataclass(frozen=True)
class _Region:
    """The part of a frame that a warped square can reach."""

    top: int
    left: int
    height: int
    width: int

    def of(self, frame: Tensor) -> Tensor:
        """The region of (..., H, W); a view."""
        rows = slice(self.top, self.top + self.height)
        return frame[..., rows, self.left : self.left + self.width]

    def map(self, image_from_crop: Tensor) -> Tensor:
        """(2, 3) into the region of a map into the frame."""
        moved = image_from_crop.clone()
        moved[:, 2] -= moved.new_tensor([self.left, self.top])
        return moved


def _region(image_from_crop: Tensor, side: int, frame: Tensor) -> _Region | None:
    """The region of a square of ``side`` pixels, or None where it misses the frame."""
    last = float(side)
    corners = torch.tensor(
        [[-1, -1, 1], [last, -1, 1], [-1, last, 1], [last, last, 1]], dtype=torch.float64
    )
    reached = corners @ image_from_crop.mT
    limit = reached.new_tensor([frame.shape[-1], frame.shape[-2]])
    # a few pixels more: windows must find the empty pixels around the square
    low = (reached.amin(0).floor() - 3).clamp(min=0)
    high = torch.minimum(reached.amax(0).ceil() + 4, limit)
    width, height = (int(value) for value in high - low)
    if width <= 0 or height <= 0:
        return None
    return _Region(int(low[1]), int(low[0]), height, width)


def paste_parsed(
    background: Tensor, restored: Tensor, image_from_crop: Tensor, mask: Tensor
) -> Tensor:
    """GFPGAN's paste: a mask from face parsing.

    Args:
        background: (3, H, W) float64 levels on the CPU.
        restored: (3, S, S) uint8 on the CPU.
        image_from_crop: (2, 3), the moved one.
        mask: (S, S) in [0, 1] of ``soft_face_mask``.

    Returns:
        (3, H, W) float64 levels; pixels that the mask does not reach are the background's own.
    """
    region = _region(image_from_crop, restored.shape[-1], background)
    if region is None:
        return background
    matrix, size = region.map(image_from_crop), (region.height, region.width)
    face = to_levels(warp(restored.float()[None], matrix, size)[0]).double()
    # Positions of doubles count in 1/32 pixel in OpenCV, 5 too: its own warp, over the whole frame.
    whole = (background.shape[2], background.shape[1])
    reached = cv2.warpAffine(mask.numpy(), image_from_crop.numpy(), whole)
    return _blended(background, region, face, region.of(torch.from_numpy(reached)))


def paste_square(
    background: Tensor, restored: Tensor, image_from_crop: Tensor, upscale: float
) -> Tensor:
    """VideoReTalking's paste: a square whose edge is eroded and blurred by its own size.

    Args as ``paste_parsed`` takes them.
    """
    side = restored.shape[-1]
    region = _region(image_from_crop, side, background)
    if region is None:
        return background
    matrix, size = region.map(image_from_crop), (region.height, region.width)
    face = to_levels(warp(restored.float()[None], matrix, size)[0]).float()
    square = restored.new_ones(1, 1, side, side, dtype=torch.float32)
    square = erode(warp(square, matrix, size)[0], int(2 * upscale))
    edge = int(float(square.double().sum()) ** 0.5) // 20
    mask = blur(erode(square, 2 * edge), 2 * edge + 1)
    return _blended(background, region, square * face, mask)


def _blended(background: Tensor, region: _Region, face: Tensor, mask: Tensor) -> Tensor:
    result = background.clone()
    inside = region.of(result)
    inside.copy_(mask * face + (1 - mask) * inside)
    return result


def restore_picture(
    picture: Tensor,
    points_px: list[Tensor],
    restore: Callable[[Tensor], Tensor],
    *,
    parser: Parser | None = None,
    upscale: float = 1,
    background: Tensor | None = None,
    size: int = SIZE,
) -> Tensor:
    """All faces of one picture restored and pasted, one after another, as GFPGAN does.

    Args:
        picture: (3, H, W) uint8.
        points_px: five points (5, 2) of each face, on the CPU.
        restore: face pictures (1, 3, S, S) in [-1, 1] to restored ones.
        parser: face parsing; without it the mask is the square one.
        upscale: how much larger the result is.
        background: (3, H * upscale, W * upscale) uint8 of an upscaler; else Lanczos.
        size: side of the face pictures.

    Returns:
        (3, H * upscale, W * upscale) uint8; decimals are cut off.
    """
    result = enlarged_background(picture, upscale) if background is None else background.float()
    if parser is not None:
        result = result.cpu().double()
    for points in points_px:
        face = align_face(picture, points, size)
        restored = from_network(restore(to_network(face.crop)[None]))[0]
        _, matrix = image_from_crop(face.crop_from_image, upscale)
        if parser is None:
            result = paste_square(result, restored, matrix, upscale)
        else:
            mask = soft_face_mask(parser(to_network(restored)[None]))[0]
            result = paste_parsed(result, restored.cpu(), matrix, mask)
    return result.clamp(0, 255).to(torch.uint8).to(picture.device)

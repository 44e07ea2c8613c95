"""Pasting rendered faces back into the still picture they were cut from, many frames at once.

Only the box is computed; all other pixels are those of the picture, to the bit. The crop is bent
and coloured to agree with the picture along the box (``border_match``) and laid over it with a
soft mask. A side of the box that lies on the picture's own border has nothing to agree with.

Boxes hold pixel edges: x0, y0, x1, y1 with pixel i between i and i + 1, as in slices, so
``picture[:, y0:y1, x0:x1]`` resized to the crop's size is what comes back to its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from ..errors import StructureError
from ..geometry.opencv import cv2
from .border_match import Sides, bend_to_picture, colour_field, depth_from_sides, smoothstep
from .composite_options import CompositeOptions as CompositeOptions
from .composite_turned import composite_turned
from .crop import Image, to_image

_CELLS = 128  # side of the small maps on which borders are compared
_FEWEST_CELLS = 32  # a smaller box is only blended
_FADE = 0.22  # depth of the bend, part of the box's side; the eyes are at 0.47


@dataclass(frozen=True)
class _Region:
    """Pixels of the picture inside of the box, and where they lie in the box, 0 to 1."""

    x0: int
    y0: int
    x1: int
    y1: int
    span_x: tuple[float, float]  # left and right edge of the pixels, in parts of the box
    span_y: tuple[float, float]
    sides: Sides

    def centres(self, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """(h,) rows and (w,) columns: centres of equal cells over the region."""
        return _centres(*self.span_y, height, device), _centres(*self.span_x, width, device)


def composite(
    frame: Tensor,
    faces: Tensor,
    place: Sequence[float] | Tensor,
    options: CompositeOptions | None = None,
) -> Tensor:
    """The picture with each of the faces in its place.

    Each frame is made by itself: how a sequence is cut into chunks never changes the result.

    Args:
        frame: (3, H, W) uint8, the still picture; on the device of ``faces``. With maps also
            (N, 3, H, W), a picture for each face.
        faces: (N, 3, S, S) RGB in [0, 1], any floating point type (also (N, 3, h, w)).
        place: x0, y0, x1, y1, edges of the crop in pixels of ``frame``, fractions allowed; or
            ``image_from_crop`` (3, 3) or (N, 3, 3) for crops that are turned. What reaches out of
            the picture is left out.
        options: how; soft by default.

    Returns:
        (N, 3, H, W) uint8. Outside of the box it equals ``frame`` exactly.

    Raises:
        StructureError: shapes or types other than these, or a box without extent.
    """
    options = options or CompositeOptions()
    if isinstance(place, Tensor) and place.ndim > 1:
        return composite_turned(frame, faces, place, options)
    box = _checked(frame, faces, place)
    result = frame[None].repeat(len(faces), 1, 1, 1)
    region = _region(box, (int(frame.shape[1]), int(frame.shape[2])))
    if region is None or len(faces) == 0:
        return result
    if options.paste == "poisson":
        return _poisson(frame, faces, box)
    area = slice(region.y0, region.y1), slice(region.x0, region.x1)
    still = frame[(slice(None), *area)].to(torch.float32)[None] / 255
    crops = _reduced(faces.to(torch.float32), box)
    height, width = region.y1 - region.y0, region.x1 - region.x0
    rows, columns = region.centres(height, width, faces.device)
    places = _grid(rows, columns, len(crops))
    bend, colour = _match(crops, still, region, options)
    if bend is not None:
        places = places + _enlarged(bend, (height, width)).permute(0, 2, 3, 1)
    shown = _read(crops, places)
    if colour is not None:
        shown = shown + _enlarged(colour, (height, width))
    mask = box_mask(rows, columns, region.sides, options.feather)
    mixed = torch.lerp(still.expand_as(shown), shown, mask)
    pixels = (mixed * 255).round_().clamp_(0, 255).to(torch.uint8)
    result[(slice(None), slice(None), *area)] = pixels
    return result


def box_mask(rows: Tensor, columns: Tensor, sides: Sides, feather: float) -> Tensor:
    """(h, w) in [0, 1]: 1 inside, falling smoothly to 0 along the held sides, corners rounded.

    Args:
        rows: (h,) places of the pixels in the box, 0 top to 1 bottom.
        columns: (w,) places from left to right.
        sides: left, top, right, bottom: which are held.
        feather: width of the fall, part of the side.
    """
    down, across = depth_from_sides(sides, rows, columns)
    width = max(feather, 1e-6)
    return smoothstep(down / width)[:, None] * smoothstep(across / width)[None, :]


def region_mask(
    box: Sequence[float],
    size: tuple[int, int],
    options: CompositeOptions,
    device: torch.device | str = "cpu",
) -> Tensor:
    """(H, W) in [0, 1]: how much a face pasted into ``box`` counts at each pixel of the picture.

    Args:
        box: x0, y0, x1, y1, edges of the crop in pixels.
        size: (H, W) of the picture.
        options: how it is pasted; Poisson blending takes the whole box.
        device: of the result.
    """
    mask = torch.zeros(size, device=device)
    place = tuple(float(value) for value in box)
    region = _region(place, size)
    if region is not None:
        area = slice(region.y0, region.y1), slice(region.x0, region.x1)
        rows, columns = region.centres(
            region.y1 - region.y0, region.x1 - region.x0, torch.device(device)
        )
        feather = 0.0 if options.paste == "poisson" else options.feather
        mask[area] = box_mask(rows, columns, region.sides, feather)
    return mask


def _checked(frame: Tensor, faces: Tensor, place: Sequence[float] | Tensor) -> tuple[float, ...]:
    if frame.dtype != torch.uint8 or frame.ndim != 3 or frame.shape[0] != 3:
        raise StructureError(
            f"composite needs a picture (3, H, W) uint8, got {tuple(frame.shape)} {frame.dtype}."
        )
    if faces.ndim != 4 or faces.shape[1] != 3 or not faces.is_floating_point():
        raise StructureError(
            f"composite needs faces (N, 3, S, S) of floats, got {tuple(faces.shape)} {faces.dtype}."
        )
    values = place.tolist() if isinstance(place, Tensor) else list(place)
    box = tuple(float(value) for value in values)
    fits = len(box) == 4 and all(map(math.isfinite, box)) and box[2] > box[0] and box[3] > box[1]
    if not fits:
        raise StructureError(f"composite needs a box x0, y0, x1, y1 with extent, got {box}.")
    return box


def _region(box: tuple[float, ...], size: tuple[int, int]) -> _Region | None:
    """Pixels whose centres lie in the box and in the picture; None if there are none."""
    x0, y0, x1, y1 = box
    height, width = size
    first = max(0, math.ceil(x0 - 0.5)), max(0, math.ceil(y0 - 0.5))
    last = min(width, math.ceil(x1 - 0.5)), min(height, math.ceil(y1 - 0.5))
    if first[0] >= last[0] or first[1] >= last[1]:
        return None
    span_x = (first[0] - x0) / (x1 - x0), (last[0] - x0) / (x1 - x0)
    span_y = (first[1] - y0) / (y1 - y0), (last[1] - y0) / (y1 - y0)
    # a side on the picture's own border (or cut by it) has nothing beyond to agree with
    sides = (first[0] > 0, first[1] > 0, last[0] < width, last[1] < height)
    return _Region(*first, *last, span_x, span_y, sides)


def _centres(start: float, end: float, count: int, device: torch.device) -> Tensor:
    return start + (torch.arange(count, device=device) + 0.5) * ((end - start) / count)


def _reduced(faces: Tensor, box: tuple[float, ...]) -> Tensor:
    """Faces no finer than the box, so that reading them at the pixels does not alias."""
    height, width = faces.shape[-2:]
    wanted = max(1, round(box[3] - box[1])), max(1, round(box[2] - box[0]))
    if wanted[0] >= height and wanted[1] >= width:
        return faces
    size = min(wanted[0], height), min(wanted[1], width)
    return interpolate(faces, size=size, mode="bilinear", align_corners=False, antialias=True)


def _match(
    crops: Tensor, still: Tensor, region: _Region, options: CompositeOptions
) -> tuple[Tensor | None, Tensor | None]:
    """Where asked for: bend (N, 2, n, n) to add to a grid of places, colour (N, 3, n, n) to add."""
    shortest = min(still.shape[-2:])
    cells = min(_CELLS, 1 << (shortest.bit_length() - 1))
    wanted = options.bend or options.match_colour
    if not wanted or not any(region.sides) or cells < _FEWEST_CELLS:
        return None, None
    small_still = interpolate(still, size=(cells, cells), mode="area")
    # about as fine as the cells, so that reading it there does not alias
    size = [
        min(side, max(cells, round(side / max(1, round(side / cells)))))
        for side in crops.shape[-2:]
    ]
    coarse = interpolate(crops, size=size, mode="area")
    grid = _grid(*region.centres(cells, cells, crops.device), len(crops))
    small = _read(coarse, grid)
    bend = colour = None
    if options.bend:
        hold = max(options.feather, 2 / cells)
        bend = bend_to_picture(small, small_still, region.sides, hold, hold + _FADE)
        # parts of the region to units of the grid, which is 2 wide for the whole box
        extent = torch.tensor(
            [region.span_x[1] - region.span_x[0], region.span_y[1] - region.span_y[0]]
        )
        bend = bend * (2 * extent.to(bend))[:, None, None]
        small = _read(coarse, grid + bend.permute(0, 2, 3, 1))
    if options.match_colour:
        colour = colour_field(small, small_still, region.sides)
    return bend, colour


def _grid(rows: Tensor, columns: Tensor, count: int) -> Tensor:
    """(N, h, w, 2) places of [0, 1] in the [-1, 1] of ``grid_sample``."""
    y, x = torch.meshgrid(2 * rows - 1, 2 * columns - 1, indexing="ij")
    return torch.stack((x, y), -1)[None].expand(count, -1, -1, -1)


def _enlarged(field: Tensor, size: tuple[int, int]) -> Tensor:
    return interpolate(field, size=size, mode="bilinear", align_corners=False)


def _read(maps: Tensor, places: Tensor) -> Tensor:
    return grid_sample(maps, places, mode="bilinear", padding_mode="border", align_corners=False)


def _poisson(frame: Tensor, faces: Tensor, box: tuple[float, ...]) -> Tensor:
    """SadTalker's blending (``src/utils/paste_pic.py``): OpenCV's seamless clone of the whole box.

    Where the box reaches out of the picture it is cut there; the original fails.
    """
    picture = to_image(frame)
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = (round(value) for value in box)
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    result: list[Tensor] = []
    for face in faces:
        crop: Any = cv2.resize(to_image(face.to(torch.float32)), (x1 - x0, y1 - y0))
        crop = crop[top - y0 : bottom - y0, left - x0 : right - x0]
        mask = np.full(crop.shape, 255, np.uint8)
        centre = ((left + right) // 2, (top + bottom) // 2)
        cloned = _cloned(crop, picture, mask, centre)
        result.append(torch.from_numpy(cloned).permute(2, 0, 1))
    return torch.stack(result).to(frame.device)


def _cloned(crop: Image, picture: Image, mask: Image, centre: tuple[int, int]) -> Image:
    try:
        return cv2.seamlessClone(crop, picture, mask, centre, cv2.NORMAL_CLONE)  # type: ignore[return-value]
    except cv2.error:
        # some versions of OpenCV cannot reach the picture's border: give it one beyond
        wide = cv2.copyMakeBorder(picture, 2, 2, 2, 2, cv2.BORDER_REPLICATE)
        middle = (centre[0] + 2, centre[1] + 2)
        whole = cv2.seamlessClone(crop, wide, mask, middle, cv2.NORMAL_CLONE)
        return np.ascontiguousarray(whole[2:-2, 2:-2])  # type: ignore[return-value]

"""The functions of OpenCV that we use, in PyTorch, numpy and Pillow: same names and conventions.

For machines without OpenCV. Pictures are (H, W) or (H, W, C), uint8 or float32; sizes and points
are (x, y). Interpolation is exact where OpenCV counts in 1/32 pixel. Only what we call is here,
with the arguments that we give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

Array = np.ndarray[Any, Any]

INTER_LINEAR, INTER_CUBIC, INTER_AREA, WARP_INVERSE_MAP = 1, 2, 3, 16
BORDER_CONSTANT, BORDER_REPLICATE, BORDER_REFLECT_101 = 0, 1, 4
LINE_8, LINE_AA = 8, 16
ROTATE_90_CLOCKWISE, ROTATE_180, ROTATE_90_COUNTERCLOCKWISE = 0, 1, 2
MORPH_ELLIPSE = 2
FONT_HERSHEY_SIMPLEX = 0
NORMAL_CLONE = 1

_PADDING = {BORDER_CONSTANT: "zeros", BORDER_REPLICATE: "border", BORDER_REFLECT_101: "reflection"}
_FINER = 4  # how much larger anti-aliased shapes are drawn before they are averaged
_FONT_PX = 30.0  # of a line of FONT_HERSHEY_SIMPLEX at size 1


class error(Exception):  # OpenCV's name
    """Never raised here; callers catch it."""


def _planes(picture: Array) -> Tensor:
    """(1, C, H, W) float32 of a picture."""
    values = torch.from_numpy(picture.astype(np.float32, order="C"))
    return (values[None] if values.ndim == 2 else values.permute(2, 0, 1))[None]


def _picture(planes: Tensor, like: Array) -> Array:
    """Back from ``_planes``, with the axes and the type of ``like``."""
    values = planes[0, 0] if like.ndim == 2 else planes[0].permute(1, 2, 0)
    if like.dtype == np.uint8:
        values = values.round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(values.numpy())


def remap(
    src: Array, map1: Array, map2: None, interpolation: int, borderMode: int = BORDER_CONSTANT
) -> Array:
    """The picture seen at positions (h, w, 2) in pixels."""
    planes = _planes(src)
    size = torch.tensor([src.shape[1], src.shape[0]], dtype=torch.float64)
    # In float64 up to here: positions in large pictures would lose their fractions.
    places = torch.from_numpy(np.ascontiguousarray(map1)).double() * 2 / (size - 1).clamp(min=1) - 1
    seen = functional.grid_sample(
        planes,
        places[None].float(),
        mode="bicubic" if interpolation == INTER_CUBIC else "bilinear",
        padding_mode=_PADDING[borderMode],
        align_corners=True,
    )
    return _picture(seen, src)


def warpAffine(
    src: Array,
    M: Array,
    dsize: tuple[int, int],
    flags: int = INTER_LINEAR,
    borderMode: int = BORDER_CONSTANT,
) -> Array:
    """The picture moved by a 2x3 matrix; the matrix is the way back with ``WARP_INVERSE_MAP``."""
    matrix = np.asarray(M, np.float64)
    if not flags & WARP_INVERSE_MAP:
        matrix = np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]]))[:2]
    width, height = dsize
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    places = np.stack([x, y, np.ones_like(x)], -1) @ matrix.T
    return remap(src, places, None, flags & ~WARP_INVERSE_MAP, borderMode)


def resize(
    src: Array,
    dsize: tuple[int, int] | None,
    fx: float = 0.0,
    fy: float = 0.0,
    interpolation: int = INTER_LINEAR,
) -> Array:
    """The picture in another size; pixel edges keep their place."""
    height, width = src.shape[:2]
    to_width, to_height = dsize or (round(width * fx), round(height * fy))
    if (to_width, to_height) == (width, height):
        return src.copy()
    planes = _planes(src)
    if interpolation == INTER_AREA:
        if to_width <= width and to_height <= height:
            shown = _averaged(_averaged(planes, to_height, 2), to_width, 3)
        else:
            shown = _stepped(_stepped(planes, to_height, 2), to_width, 3)
    else:
        mode = "bicubic" if interpolation == INTER_CUBIC else "bilinear"
        shown = functional.interpolate(
            planes, size=(to_height, to_width), mode=mode, align_corners=False
        )
    return _picture(shown, src)


def _averaged(planes: Tensor, count: int, axis: int) -> Tensor:
    """Means of ``count`` equal spans along an axis, whole and broken pixels alike."""
    length = planes.shape[axis]
    if length == count:
        return planes
    sums = planes.double().cumsum(axis)
    sums = torch.cat([torch.zeros_like(sums.narrow(axis, 0, 1)), sums], axis)
    ends = torch.arange(count + 1, dtype=torch.float64) * length / count
    whole = ends.floor().long().clamp(max=length - 1)
    shape = [1] * planes.ndim
    shape[axis] = count + 1
    part = (ends - whole).reshape(shape)
    before, after = sums.index_select(axis, whole), sums.index_select(axis, whole + 1)
    at_ends = before + (after - before) * part
    return (at_ends.diff(dim=axis) * count / length).float()


def _stepped(planes: Tensor, count: int, axis: int) -> Tensor:
    """OpenCV's way to enlarge by area: pixels stay flat but for those across an edge."""
    length = planes.shape[axis]
    place = torch.arange(count, dtype=torch.float64)
    first = (place * length / count).floor()
    part = (place + 1) - (first + 1) * count / length
    part = torch.where(part <= 0, torch.zeros_like(part), part - part.floor()).float()
    shape = [1] * planes.ndim
    shape[axis] = count
    before = planes.index_select(axis, first.long())
    after = planes.index_select(axis, (first.long() + 1).clamp(max=length - 1))
    return before + (after - before) * part.reshape(shape)


def GaussianBlur(src: Array, ksize: tuple[int, int], sigmaX: float) -> Array:
    """Blurred with a kernel of OpenCV's width; beyond the border the picture is mirrored."""
    reach = 3 if src.dtype == np.uint8 else 4
    radius = (round(sigmaX * reach * 2 + 1) | 1) // 2
    steps = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-(steps**2) / (2 * sigmaX * sigmaX))
    weights = (kernel / kernel.sum()).float()
    edges = [(radius, radius), (radius, radius), (0, 0)][: src.ndim]
    planes = _planes(np.pad(src, edges, "reflect"))
    one_by_one = planes.movedim(1, 0)
    down = functional.conv2d(one_by_one, weights[None, None, :, None])
    across = functional.conv2d(down, weights[None, None, None, :])
    return _picture(across.movedim(0, 1), src)


def getStructuringElement(shape: int, ksize: tuple[int, int]) -> Array:
    """(height, width) uint8: 1 in an ellipse that fills the box."""
    width, height = ksize
    middle_x, middle_y = width // 2, height // 2
    element = np.zeros((height, width), np.uint8)
    for row in range(height):
        away = row - middle_y
        if abs(away) <= middle_y:
            part = math.sqrt((middle_y**2 - away**2) / middle_y**2) if middle_y else 0.0
            half = round(middle_x * part)
            element[row, max(middle_x - half, 0) : middle_x + half + 1] = 1
    return element


def dilate(src: Array, kernel: Array) -> Array:
    """Each pixel the largest under the kernel; outside of the picture is nothing."""
    height, width = src.shape
    anchor_y, anchor_x = kernel.shape[0] // 2, kernel.shape[1] // 2
    result = np.full_like(src, -np.inf)
    for row, line in enumerate(kernel):
        (columns,) = np.nonzero(line)
        if not len(columns):
            continue
        first, last = int(columns[0]) - anchor_x, int(columns[-1]) - anchor_x
        wide = np.pad(src, ((0, 0), (max(0, -first), max(0, last))), constant_values=-np.inf)
        span = functional.max_pool2d(
            torch.from_numpy(wide)[None, None], (1, last - first + 1), stride=1
        )[0, 0].numpy()[:, max(0, first) : max(0, first) + width]
        shift = row - anchor_y
        top, bottom = max(0, -shift), min(height, height - shift)
        if top < bottom:
            part = result[top:bottom]
            np.maximum(part, span[top + shift : bottom + shift], out=part)
    return result


def rotate(src: Array, rotateCode: int) -> Array:
    """Turned by a quarter or half."""
    turns = {ROTATE_90_CLOCKWISE: -1, ROTATE_180: 2, ROTATE_90_COUNTERCLOCKWISE: 1}
    return np.rot90(src, turns[rotateCode]).copy()


def copyMakeBorder(
    src: Array, top: int, bottom: int, left: int, right: int, borderType: int
) -> Array:
    """The picture with its edge repeated around it."""
    return np.pad(src, [(top, bottom), (left, right), (0, 0)][: src.ndim], "edge")


def addWeighted(
    src1: Array, alpha: float, src2: Array, beta: float, gamma: float, dst: Array
) -> Array:
    """``dst`` becomes the weighted sum of two uint8 pictures."""
    dst[...] = np.clip(np.rint(src1 * alpha + src2 * beta + gamma), 0, 255).astype(np.uint8)
    return dst


def fillPoly(
    img: Array, pts: Sequence[Array], color: float, lineType: int = LINE_8, shift: int = 0
) -> Array:
    """Fills polygons of one (H, W) picture in place; points in parts of ``2**-shift`` pixels."""
    finer = _FINER if lineType == LINE_AA else 1
    height, width = img.shape
    drawn = Image.new("L", (width * finer, height * finer))
    pen = ImageDraw.Draw(drawn)
    for polygon in pts:
        points = (np.asarray(polygon, np.float64) / 2**shift + 0.5) * finer - 0.5
        pen.polygon([(float(x), float(y)) for x, y in points], fill=255, outline=255)
    cover = resize(np.asarray(drawn).astype(np.float32), (width, height), interpolation=INTER_AREA)
    mixed = img + (color - img) * (cover / np.float32(255))
    img[...] = np.rint(mixed) if img.dtype == np.uint8 else mixed
    return img


def _draw(img: Array, lay: Callable[[ImageDraw.ImageDraw], None]) -> Array:
    """Draws with Pillow into an RGB picture in place."""
    picture = Image.fromarray(img)
    lay(ImageDraw.Draw(picture))
    img[...] = np.asarray(picture)
    return img


def polylines(
    img: Array,
    pts: Sequence[Array],
    isClosed: bool,
    color: tuple[int, int, int],
    thickness: int = 1,
    lineType: int = LINE_8,
    shift: int = 0,
) -> Array:
    """Lines through points, in place."""

    def lay(pen: ImageDraw.ImageDraw) -> None:
        for line in pts:
            points = [(float(x), float(y)) for x, y in np.asarray(line, np.float64) / 2**shift]
            ends = [*points, points[0]] if isClosed else points
            pen.line(ends, fill=color, width=thickness)

    return _draw(img, lay)


def circle(
    img: Array,
    center: tuple[int, int],
    radius: int,
    color: tuple[int, int, int],
    thickness: int = 1,
    lineType: int = LINE_8,
    shift: int = 0,
) -> Array:
    """A circle's line, in place."""
    x, y, around = (value / 2**shift for value in (*center, radius))
    box = (x - around, y - around, x + around, y + around)
    return _draw(img, lambda pen: pen.ellipse(box, outline=color, width=thickness))


def rectangle(
    img: Array,
    pt1: tuple[int, int],
    pt2: tuple[int, int],
    color: tuple[int, int, int],
    thickness: int = 1,
) -> Array:
    """A box's line, in place."""
    return _draw(img, lambda pen: pen.rectangle((*pt1, *pt2), outline=color, width=thickness))


def putText(
    img: Array,
    text: str,
    org: tuple[int, int],
    fontFace: int,
    fontScale: float,
    color: tuple[int, int, int],
    thickness: int = 1,
    lineType: int = LINE_8,
) -> Array:
    """Text whose lower left corner is ``org``, in place."""
    size = _FONT_PX * fontScale
    try:
        font: Any = ImageFont.load_default(size)
    except (TypeError, ImportError):  # Pillow before 10.1, or built without FreeType
        font = ImageFont.load_default()
    _, top, _, bottom = font.getbbox(text)
    place = (org[0], org[1] - (bottom - top) - top)
    stroke = thickness // 3  # of a letter's own width
    return _draw(
        img,
        lambda pen: pen.text(
            place, text, fill=color, font=font, stroke_width=stroke, stroke_fill=color
        ),
    )


def seamlessClone(src: Array, dst: Array, mask: Array, p: tuple[int, int], flags: int) -> Array:
    """``src`` set into ``dst`` with its own gradients and the colours of ``dst`` at its edge.

    Perez et al., "Poisson image editing", 2003. The whole of ``src`` counts, as in our calls.

    Args:
        src: (h, w, 3) uint8.
        dst: (H, W, 3) uint8, larger than ``src``.
        mask: (h, w, 3) uint8, 255 everywhere.
        p: where the middle of ``src`` comes to lie.
        flags: ``NORMAL_CLONE``.
    """
    src = src[1:-1, 1:-1]  # OpenCV leaves out the border of the mask
    height, width = src.shape[:2]
    left, top = p[0] - width // 2, p[1] - height // 2
    result = dst.copy()
    box = result[top : top + height, left : left + width]
    inner, outer = _planes(src)[0].double(), _planes(box)[0].double()
    # The seam of three pixels has the gradients of the picture around.
    is_inner = torch.zeros(height, width, dtype=torch.float64)
    is_inner[3:-3, 3:-3] = 1
    divergence = torch.zeros(3, height, width, dtype=torch.float64)
    for axis in (1, 2):
        slopes = inner.diff(dim=axis), outer.diff(dim=axis)
        weight = is_inner.narrow(axis - 1, 0, is_inner.shape[axis - 1] - 1)
        slope = slopes[0] * weight + slopes[1] * (1 - weight)
        length = divergence.shape[axis]
        divergence.narrow(axis, 1, length - 2).add_(slope.diff(dim=axis))
    frame = outer.clone()
    frame[:, 1:-1, 1:-1] = 0
    around = frame[:, :-2, 1:-1] + frame[:, 2:, 1:-1] + frame[:, 1:-1, :-2] + frame[:, 1:-1, 2:]
    solved = _poisson(divergence[:, 1:-1, 1:-1] - around)
    box[1:-1, 1:-1] = solved.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
    return result


def _poisson(right: Tensor) -> Tensor:
    """The field whose five-point Laplacian is ``right`` (C, h, w), 0 around it."""
    height, width = right.shape[1:]
    rows = 2 * torch.cos(torch.arange(1, height + 1, dtype=torch.float64) * math.pi / (height + 1))
    columns = 2 * torch.cos(torch.arange(1, width + 1, dtype=torch.float64) * math.pi / (width + 1))
    waves = _sines(_sines(right, 1), 2) / (rows[:, None] + columns[None] - 4)
    scale = 4.0 / ((height + 1) * (width + 1))
    return _sines(_sines(waves, 1), 2) * scale


def _sines(values: Tensor, axis: int) -> Tensor:
    """Sums of values times sines along an axis (the first kind of sine transform, half of it)."""
    length = values.shape[axis]
    zero = torch.zeros_like(values.narrow(axis, 0, 1))
    odd = torch.cat([zero, values, zero, -values.flip(axis)], axis)
    return -torch.fft.fft(odd, dim=axis).imag.narrow(axis, 1, length) / 2

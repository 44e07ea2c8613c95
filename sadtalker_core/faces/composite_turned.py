"""Pasting rendered faces back where the crop was turned, or moves from frame to frame.

As ``composite``, but every comparison is made in the crop's own axes: the picture is read there,
the bend and the colours are found there, and only then the crop is read at the picture's pixels.
Where the crop reaches out of the picture there is nothing to agree with.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, max_pool2d

from ..errors import OptionError, StructureError
from ..geometry import affine
from .border_match import Sides, bend_to_picture, colour_field, depth_from_sides, smoothstep
from .composite_options import CompositeOptions

_CELLS = 128  # side of the small maps on which borders are compared
_FEWEST_CELLS = 32  # a smaller crop is only blended
_FADE = 0.22  # depth of the bend, part of the crop's side
_STILL = 0.02  # mean change of a place, of the range 0 to 1, at which its detail is left out
_STILL_CELLS = 32  # side of the map of changes, ...
_STILL_WINDOW = 3  # ... and cells over which they are averaged
_RIM = 2  # pixels of the picture's border in which a crop is part black
_MOST_PIXELS = 1 << 23  # computed at once
_Box = tuple[int, int, int, int]


def composite_turned(
    frame: Tensor, faces: Tensor, image_from_crop: Tensor, options: CompositeOptions | None = None
) -> Tensor:
    """The picture with each of the faces where it was cut, however turned.

    Args:
        frame: (3, H, W) uint8, or (N, 3, H, W), a picture for each face; on their device.
        faces: (N, 3, S, S) RGB in [0, 1], any floating point type.
        image_from_crop: (3, 3) or (N, 3, 3) similarity from the crop's pixels to the picture's.
        options: how; ``poisson`` knows upright boxes only.

    Returns:
        (N, 3, H, W) uint8. Outside of the crop it equals ``frame`` exactly.
    """
    options = options or CompositeOptions()
    _check(frame, faces, image_from_crop, options)
    count = len(faces)
    stack = frame if frame.ndim == 4 else frame[None].expand(count, -1, -1, -1)
    result = stack.clone(memory_format=torch.contiguous_format)
    if image_from_crop.ndim == 2 or (frame.ndim == 3 and count == 1):
        matrix = image_from_crop.reshape(-1, 3, 3)[0]
        _lay(stack, faces, matrix, options, result)
        return result
    for i in range(count):
        part = slice(i, i + 1)
        _lay(stack[part], faces[part], image_from_crop[i], options, result[part])
    return result


def _check(frame: Tensor, faces: Tensor, maps: Tensor, options: CompositeOptions) -> None:
    if frame.dtype != torch.uint8 or frame.ndim not in (3, 4) or frame.shape[-3] != 3:
        raise StructureError(
            f"composite needs pictures (3, H, W) or (N, 3, H, W) uint8, got {tuple(frame.shape)} "
            f"{frame.dtype}."
        )
    square = faces.ndim == 4 and faces.shape[1] == 3 and faces.shape[2] == faces.shape[3]
    if not square or not faces.is_floating_point():
        raise StructureError(
            f"composite needs faces (N, 3, S, S) of floats, got {tuple(faces.shape)} {faces.dtype}."
        )
    many = frame.ndim == 4 and len(frame) != len(faces)
    if many or tuple(maps.shape) not in ((3, 3), (len(faces), 3, 3)):
        raise StructureError(
            f"composite got {len(faces)} faces, pictures {tuple(frame.shape)} and maps "
            f"{tuple(maps.shape)}."
        )
    if not bool(torch.isfinite(maps).all()) or float(affine.scale_of(maps.double()).min()) <= 0:
        raise StructureError("composite needs finite maps with extent.")
    if options.paste == "poisson":
        raise OptionError("paste poisson needs an upright crop; use soft.")


def _lay(
    frames: Tensor,
    faces: Tensor,
    image_from_crop: Tensor,
    options: CompositeOptions,
    result: Tensor,
) -> None:
    """Faces in the same place of N pictures, into ``result``; a few at once."""
    size = int(frames.shape[2]), int(frames.shape[3])
    maps = image_from_crop.detach().cpu().double()
    box = _reach(maps, int(faces.shape[-1]), size)
    if box is None:
        return
    pixels = (box[3] - box[1]) * (box[2] - box[0])
    at_once = max(1, _MOST_PIXELS // pixels)
    still = frames.stride(0) == 0  # one picture for all
    places = _places(maps, box, int(faces.shape[-1])).to(faces.device)
    for start in range(0, len(faces), at_once):
        part = slice(start, start + at_once)
        pictures = frames[:1] if still else frames[part]
        area = result[part, :, box[1] : box[3], box[0] : box[2]]
        area.copy_(_mixed(pictures, faces[part].float(), maps, box, places, options))


def _mixed(
    frames: Tensor,
    faces: Tensor,
    image_from_crop: Tensor,
    box: _Box,
    places: Tensor,
    options: CompositeOptions,
) -> Tensor:
    """(N, 3, h, w) uint8: what ``box`` of the pictures shows."""
    still = frames[:, :, box[1] : box[3], box[0] : box[2]].float() / 255
    side = float(affine.scale_of(image_from_crop)) * faces.shape[-1]
    crops = _reduced(faces, side)
    grid = (2 * places - 1)[None].expand(len(faces), -1, -1, -1)
    sides, bend, colour = _match(crops, still, image_from_crop, faces.shape[-1], box, side, options)
    where = grid
    if bend is not None:
        where = grid + 2 * _read(bend, grid).permute(0, 2, 3, 1)
    shown = _read(crops, where)
    if colour is not None:
        shown = shown + _read(colour, grid)
    shown = shown + _lost_detail(crops, still, image_from_crop, faces.shape[-1], box, grid)
    across, down = places[..., 0], places[..., 1]
    inside = (across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)
    deep_down, deep_across = depth_from_sides(sides, down, across)
    width = max(options.feather, 1e-6)
    mask = smoothstep(deep_down / width) * smoothstep(deep_across / width) * inside
    mask = mask * _from_border(box, (int(frames.shape[2]), int(frames.shape[3]))).to(mask)
    mixed = torch.lerp(still.expand_as(shown), shown, mask.expand_as(shown))
    return (mixed * 255).round_().clamp_(0, 255).to(torch.uint8)


def _from_border(box: _Box, size: tuple[int, int]) -> Tensor:
    """(h, w) weights 0, 1/2, 1, ... from the picture's border inward.

    Crops are black outside of the picture, and what is read at its border is part black.
    """
    x, y = torch.arange(box[0], box[2]), torch.arange(box[1], box[3])
    across = torch.minimum(x, size[1] - 1 - x).clamp(max=_RIM) / _RIM
    down = torch.minimum(y, size[0] - 1 - y).clamp(max=_RIM) / _RIM
    return torch.minimum(down[:, None], across[None])


def _reach(image_from_crop: Tensor, crop_size: int, size: tuple[int, int]) -> _Box | None:
    """Pixels of the picture that the crop may cover, or None."""
    low, high = -0.5, crop_size - 0.5
    corners = torch.tensor([[low, low], [high, low], [low, high], [high, high]]).double()
    reach = affine.apply(image_from_crop, corners)
    x0, y0 = reach.amin(0).floor().long().tolist()
    x1, y1 = (reach.amax(0).ceil().long() + 1).tolist()
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, size[1]), min(y1, size[0])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _places(image_from_crop: Tensor, box: _Box, crop_size: int) -> Tensor:
    """(h, w, 2) float32: where each pixel of ``box`` lies in the crop, 0 to 1 from edge to edge."""
    x, y = torch.meshgrid(
        torch.arange(box[0], box[2]).double(), torch.arange(box[1], box[3]).double(), indexing="xy"
    )
    crop_from_image = affine.inverse(image_from_crop)
    points = affine.apply(crop_from_image, torch.stack((x, y), -1).flatten(0, 1))
    return ((points + 0.5) / crop_size).float().reshape(*x.shape, 2)


def _reduced(faces: Tensor, side: float) -> Tensor:
    """Faces no finer than the picture, so that reading them at its pixels does not alias."""
    wanted = max(1, round(side))
    if wanted >= faces.shape[-1]:
        return faces
    size = (wanted, wanted)
    return interpolate(faces, size=size, mode="bilinear", align_corners=False, antialias=True)


def _match(
    crops: Tensor,
    still: Tensor,
    image_from_crop: Tensor,
    crop_size: int,
    box: _Box,
    side: float,
    options: CompositeOptions,
) -> tuple[Sides, Tensor | None, Tensor | None]:
    """The held sides; where asked for, bend (N, 2, n, n) in parts of the side and colour."""
    cells = min(_CELLS, 1 << (max(1, int(side)).bit_length() - 1))
    factor = max(1, round(side / cells))  # so that reading does not alias
    seen, inside = _picture_in_crop(still, image_from_crop, crop_size, box, cells, factor)
    # asked on the CPU: what lies where is known without the device
    edges = inside[:, 0], inside[0], inside[:, -1], inside[-1]
    left, top, right, bottom = (bool(edge.any()) for edge in edges)
    sides = (left, top, right, bottom)
    inside = inside.to(still.device)
    if not (options.bend or options.match_colour) or not any(sides) or cells < _FEWEST_CELLS:
        return sides, None, None
    small = interpolate(crops, size=(cells, cells), mode="area")
    # beyond the picture the crop has only itself to agree with, and at its border it is part black
    inside = -max_pool2d(-inside[None].float(), 3, 1, 1)[0] > 0
    seen = torch.where(inside, seen, small)
    bend = colour = None
    if options.bend:
        hold = max(options.feather, 2 / cells)
        bend = bend_to_picture(small, seen, sides, hold, hold + _FADE) * inside
        middles = (torch.arange(cells, device=crops.device, dtype=crops.dtype) + 0.5) / cells
        y, x = torch.meshgrid(2 * middles - 1, 2 * middles - 1, indexing="ij")
        grid = torch.stack((x, y), -1)[None] + 2 * bend.permute(0, 2, 3, 1)
        small = torch.where(inside, _read(small, grid), seen)
    if options.match_colour:
        colour = colour_field(small, seen, sides)
    return sides, bend, colour


def _lost_detail(
    crops: Tensor,
    still: Tensor,
    image_from_crop: Tensor,
    crop_size: int,
    box: _Box,
    grid: Tensor,
) -> Tensor:
    """(N, 3, h, w) what cutting took from the picture, where the face rests as it was cut.

    A crop has fewer pixels than the picture: without this a portrait of many pixels would become
    soft in a square around the face. Where the face moves nothing is added, and a wide margin
    around it, or pores would stand still on a moving cheek.
    """
    side = float(affine.scale_of(image_from_crop)) * crop_size
    factor = max(1, int(side / crop_size + 1e-6))  # the picture is cut and reduced as the crop was
    seen, inside = _picture_in_crop(still, image_from_crop, crop_size, box, crop_size, factor)
    seen = _reduced(seen, side)
    inside = inside[None, None].to(seen)
    difference = (crops - seen) * interpolate(inside, size=seen.shape[-2:])
    cells = min(_CELLS, seen.shape[-1])  # finer differences are noise of the renderer
    change = interpolate(difference, size=(cells, cells), mode="area").abs().mean(1, keepdim=True)
    change = interpolate(change, size=(_STILL_CELLS, _STILL_CELLS), mode="area")
    change = avg_pool2d(change, _STILL_WINDOW, 1, _STILL_WINDOW // 2, count_include_pad=False)
    rest = torch.exp(-((change / _STILL) ** 2))
    lost = still - _read(seen, grid[: len(seen)])
    return lost * _read(rest, grid)


def _picture_in_crop(
    still: Tensor, image_from_crop: Tensor, crop_size: int, box: _Box, cells: int, factor: int
) -> tuple[Tensor, Tensor]:
    """(M, 3, n, n) the picture in the crop's axes, and (n, n) bool on the CPU where there is one.

    The picture is averaged over ``factor`` pixels, in step with its own corner, and then read at
    each cell.
    """
    factor = min(factor, *still.shape[-2:])
    skip = -box[0] % factor, -box[1] % factor
    if min(still.shape[-1] - skip[0], still.shape[-2] - skip[1]) < factor:
        skip = (0, 0)
    rest = still[..., skip[1] :, skip[0] :]
    small = avg_pool2d(rest, factor) if factor > 1 else rest
    middles = (torch.arange(cells).double() + 0.5) / cells * crop_size - 0.5
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    points = affine.apply(image_from_crop, torch.stack((x, y), -1).flatten(0, 1))
    extent = torch.tensor([small.shape[-1] * factor, small.shape[-2] * factor]).double()
    corner = torch.tensor([box[0] + skip[0], box[1] + skip[1]]).double()
    places = (2 * (points + 0.5 - corner) / extent - 1).reshape(cells, cells, 2)
    inside = (places.abs() <= 1).all(-1)
    grid = places.float().to(still.device)[None].expand(len(small), -1, -1, -1)
    return _read(small, grid), inside


def _read(maps: Tensor, places: Tensor) -> Tensor:
    """Maps (N, C, h, w) at places (N, y, x, 2) in [-1, 1]; edges are repeated."""
    return grid_sample(maps, places, mode="bilinear", padding_mode="border", align_corners=False)

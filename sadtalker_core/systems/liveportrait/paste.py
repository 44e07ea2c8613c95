"""LivePortrait's own way of laying a rendered crop back over its picture, number for number.

After LivePortrait (``src/utils/crop.py``, ``prepare_paste_back`` and ``paste_back``): a fixed soft
mask and no matching of colours. ``faces.composite`` can do more.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ...errors import StructureError
from ...geometry.fixed_warp import warp_8bit
from .crop import CROP_SIZE, moved_points

_MASK_MARGIN = 16  # pixels of a crop over which the mask falls


def paste_mask(size: int = CROP_SIZE) -> Tensor:
    """(size, size) uint8: 255 inside, falling over 16 pixels (of 512) to the crop's edges.

    A formula for the original's ``mask_template.png``, pixel for pixel.
    """
    return _mask(size).clone()


@lru_cache(maxsize=4)
def _mask(size: int) -> Tensor:
    margin = _MASK_MARGIN * size / CROP_SIZE
    place = torch.arange(size, dtype=torch.float64)
    outside = torch.maximum(margin - place, place - (size - margin)).clamp(min=0)
    distance = (outside[:, None].square() + outside[None].square()).sqrt()
    return (255 * (1 - distance / margin).clamp(min=0)).floor().to(torch.uint8)


def reach_of(
    image_from_crop: Tensor, crop_size: int, size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1: pixels of a picture of ``size`` (H, W) that a crop can touch."""
    edge = float(crop_size)
    corners = torch.tensor([[-1.0, -1.0], [edge, -1.0], [-1.0, edge], [edge, edge]]).double()
    reach = moved_points(corners, image_from_crop.cpu().double())
    x0, y0 = reach.amin(0).floor().long().tolist()
    x1, y1 = (reach.amax(0).ceil().long() + 1).tolist()
    x0, y0 = min(max(x0, 0), size[1]), min(max(y0, 0), size[0])
    return x0, y0, max(min(x1, size[1]), x0), max(min(y1, size[0]), y0)


def paste_weight(
    image_from_crop: Tensor,
    size: tuple[int, int],
    box: tuple[int, int, int, int] | None = None,
    crop_size: int = CROP_SIZE,
    device: torch.device | str = "cpu",
) -> Tensor:
    """(H, W) float32 in [0, 1]: how much of the crop counts at each pixel of the picture.

    ``box`` is the part of it that is wanted, x0, y0, x1, y1.
    """
    mask = _mask(crop_size).to(device)[None, None]
    return warp_8bit(mask, image_from_crop, size, box)[0, 0].float() / 255


def paste_exact(frames: Tensor, crops: Tensor, image_from_crop: Tensor) -> Tensor:
    """Rendered crops laid over their pictures, number for number as the original pastes.

    Only pixels that the crop can reach are computed; all others are copied. In the soft edge the
    original cuts off fractions, so that pixels that should not change may become one darker.

    Args:
        frames: (3, H, W), one still for all, or (N, 3, H, W) uint8, of any size.
        crops: (N, 3, S, S), uint8 or float in [0, 1], whose fractions of a level are cut off.
        image_from_crop: (3, 3), or (N, 3, 3) one for each.

    Returns:
        (N, 3, H, W) uint8, on the device of ``frames``.
    """
    if frames.dtype != torch.uint8 or crops.ndim != 4:
        raise StructureError(
            f"paste_exact needs uint8 pictures and crops (N, 3, S, S), got {frames.dtype} and "
            f"{tuple(crops.shape)}."
        )
    count, crop_size = len(crops), crops.shape[-1]
    stack = frames if frames.ndim == 4 else frames[None].expand(count, -1, -1, -1)
    maps = image_from_crop if image_from_crop.ndim == 3 else image_from_crop[None]
    if len(stack) != count or len(maps) not in (1, count):
        raise StructureError(
            f"paste_exact got {len(stack)} pictures and {len(maps)} maps for {count} crops."
        )
    result = stack.clone(memory_format=torch.contiguous_format)
    levels = to_levels(crops).to(stack.device)
    size = (stack.shape[2], stack.shape[3])
    mask = _mask(crop_size).to(stack.device)[None, None].expand(count, 1, -1, -1)
    layers = torch.cat((levels, mask), 1)
    each = maps.split(1)
    for i, matrix in enumerate(each):
        rows = slice(i, i + 1) if len(each) > 1 else slice(0, count)
        box = reach_of(matrix[0], crop_size, size)
        shown = warp_8bit(layers[rows], matrix[0], size, box)
        area = result[rows, :, box[1] : box[3], box[0] : box[2]]
        for pixels, layer in zip(area, shown):  # one by one: large frames fill memory enough
            weight = layer[3].float() / 255
            mixed = weight * layer[:3] + (1 - weight) * pixels
            pixels.copy_(mixed.clamp_(0, 255).to(torch.uint8))
    return result


def to_levels(pictures: Tensor) -> Tensor:
    """Pictures of floats in [0, 1] as uint8, fractions cut off as the original does."""
    if pictures.dtype == torch.uint8:
        return pictures
    return (pictures.float().clamp(0, 1) * 255).to(torch.uint8)

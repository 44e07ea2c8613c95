"""A frame made larger: by Lanczos, or by a network in tiles."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry.filters import resize_lanczos, to_levels
from .foreign import Upscaler

_TILE, _MARGIN = 384, 16  # pixels of the small picture


def enlarged(frame: Tensor, size: tuple[int, int], upscaler: Upscaler | None) -> Tensor:
    """(3, H, W) uint8 at a larger size (H', W'), uint8, on its device.

    What a network makes larger still is averaged down.
    """
    if tuple(frame.shape[1:]) == size:
        return frame
    if upscaler is None:
        return to_levels(resize_lanczos(frame[None].float(), size)[0])
    large = _by_network(frame[None].float() / 255, upscaler)
    if large.shape[2] >= size[0]:
        shown = F.interpolate(large, size, mode="area")
    else:
        shown = resize_lanczos(large, size)
    return to_levels(shown[0] * 255)


def _by_network(picture: Tensor, upscaler: Upscaler) -> Tensor:
    """(1, 3, H, W) in [0, 1] enlarged tile by tile: memory does not grow with the picture."""
    _, _, height, width = picture.shape
    scale = upscaler.scale
    result = torch.empty((1, 3, height * scale, width * scale), device=picture.device)
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            bottom, right = min(top + _TILE, height), min(left + _TILE, width)
            y0, x0 = max(0, top - _MARGIN), max(0, left - _MARGIN)
            y1, x1 = min(height, bottom + _MARGIN), min(width, right + _MARGIN)
            tile = upscaler.run(picture[:, :, y0:y1, x0:x1]).float()
            rows = slice((top - y0) * scale, (bottom - y0) * scale)
            columns = slice((left - x0) * scale, (right - x0) * scale)
            result[:, :, top * scale : bottom * scale, left * scale : right * scale] = tile[
                :, :, rows, columns
            ]
    return result

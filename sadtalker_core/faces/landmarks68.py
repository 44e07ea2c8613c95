"""68 landmarks by FAN, exactly as face-alignment 1.3.4 finds them (2D, no flipping).

Points are in the usual order, see ``landmarks98``. The package counts pixels from 1 in places and
cuts numbers off toward zero; both are kept here, because coefficients are made from the points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import StructureError
from ..geometry.resize import resize_linear
from .nets.fan68 import Fan68
from .nets.s3fd import S3fd
from .s3fd import detect_s3fd

INPUT_SIZE = 256
_REFERENCE = 195.0  # width plus height of a box of scale one
_UNIT = 200.0  # pixels that are cut out at scale one
_MOST_SIDES = 100  # of the picture, that a cut may have
_RISE = 0.12  # of the box's height, from its middle up


@dataclass(frozen=True)
class FacePlace:
    """Where a face is cut out: ``center`` (x, y) in pixels; a square of 200 * ``scale``."""

    center: tuple[float, float]
    scale: float


def place_of_box(box: Sequence[float]) -> FacePlace:
    """The place of a face whose box is x0, y0, x1, y1 in pixels."""
    x0, y0, x1, y1 = (float(value) for value in box)
    center = (x1 - (x1 - x0) / 2.0, y1 - (y1 - y0) / 2.0 - (y1 - y0) * _RISE)
    return FacePlace(center, (x1 - x0 + y1 - y0) / _REFERENCE)


def _map_to_cells(place: FacePlace, cells: float) -> NDArray[np.float64]:
    """The 3x3 map from pixels of the picture to a square of ``cells``."""
    side = _UNIT * place.scale
    to_cells = np.eye(3)
    to_cells[0, 0] = to_cells[1, 1] = cells / side
    to_cells[0, 2] = cells * (-place.center[0] / side + 0.5)
    to_cells[1, 2] = cells * (-place.center[1] / side + 0.5)
    return to_cells


def cut_256(rgb: Tensor, place: FacePlace) -> Tensor:
    """The face of ``rgb`` (3, H, W) uint8 as (3, 256, 256) uint8; black outside the picture.

    Raises:
        StructureError: the place has no size, or one that no face has.
    """
    height, width = rgb.shape[1:]
    side = _UNIT * place.scale
    if not 2.0 < side < _MOST_SIDES * max(height, width):
        raise StructureError(f"A face of {side:.4g} pixels in a picture of {width}x{height}.")
    x0, y0, x1, y1 = _corners(place)
    cut = rgb.new_zeros((3, y1 - y0, x1 - x0))
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if left < right and top < bottom:
        cut[:, top - y0 : bottom - y0, left - x0 : right - x0] = rgb[:, top:bottom, left:right]
    return resize_linear(cut, (INPUT_SIZE, INPUT_SIZE))


def _corners(place: FacePlace) -> tuple[int, int, int, int]:
    """What (1, 1) and (256, 256) of the cut show, in whole pixels."""
    # in single precision and with torch's inverse, as the package does: the last bit may decide
    pixels = torch.inverse(torch.from_numpy(_map_to_cells(place, INPUT_SIZE)).float())
    ends = torch.tensor([[1.0, 1.0, 1.0], [INPUT_SIZE, INPUT_SIZE, 1.0]])
    first, last = ((pixels @ end)[:2].int().tolist() for end in ends)
    return first[0], first[1], last[0], last[1]


def peaks(heatmaps: Tensor) -> Tensor:
    """Places of the maxima of (B, K, H, W) -> (B, K, 2) float32 x, y in cells, on the CPU.

    The first cell begins at 0. A quarter of a cell toward the higher neighbours is added, but not
    at the map's edge.
    """
    maps = heatmaps.detach().float().cpu()
    height, width = maps.shape[2:]
    index = torch.from_numpy(maps.flatten(2).numpy().argmax(2))  # the first of equal ones
    x, y = index % width, index // width
    inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    x_in, y_in = x.clamp(1, width - 2), y.clamp(1, height - 2)
    flat = maps.flatten(2)

    def at(columns: Tensor, rows: Tensor) -> Tensor:
        return flat.gather(2, (rows * width + columns)[..., None])[..., 0]

    across = (at(x_in + 1, y_in) - at(x_in - 1, y_in)).sign()
    down = (at(x_in, y_in + 1) - at(x_in, y_in - 1)).sign()
    shift = 0.25 * torch.stack((across, down), 2) * inside[..., None]
    return torch.stack((x, y), 2).float() + 1 + shift - 0.5


def in_picture(points: Tensor, place: FacePlace, cells: int = 64) -> Tensor:
    """Points (K, 2) in cells -> (K, 2) float32 pixels of the picture, cut off to whole numbers."""
    pixels = np.linalg.pinv(_map_to_cells(place, float(cells)))
    ones = np.ones((points.shape[0], 1))
    placed = np.concatenate((points.double().cpu().numpy(), ones), 1) @ pixels[:2].T
    return torch.from_numpy(np.trunc(placed).astype(np.float32))


def landmarks_68(
    net: Fan68, pictures: Sequence[Tensor], boxes: Sequence[Sequence[float]]
) -> Tensor:
    """68 points of one face in each picture.

    Args:
        net: the landmark network.
        pictures: N pictures (3, h, w) uint8 RGB of any size.
        boxes: x0, y0, x1, y1 of the face in each, as S3FD gives them.

    Returns:
        (N, 68, 2) float32 x, y in whole pixels, on the CPU.
    """
    if len(pictures) != len(boxes):
        raise StructureError(f"{len(pictures)} pictures come with {len(boxes)} boxes.")
    if not pictures:
        return torch.zeros((0, net.config.points, 2))
    like = next(net.parameters())
    places = [place_of_box(box) for box in boxes]
    cuts = torch.stack([cut_256(rgb, place) for rgb, place in zip(pictures, places)])
    heatmaps = net(cuts.to(like.device).to(like.dtype) / 255)[-1]
    cells = heatmaps.shape[3]
    return torch.stack(
        [in_picture(found, place, cells) for found, place in zip(peaks(heatmaps), places)]
    )


def find_landmarks_68(
    detector: S3fd, net: Fan68, pictures: Sequence[Tensor]
) -> list[Tensor | None]:
    """The 68 points (68, 2) of the surest face of each picture, None where there is no face.

    Pictures are (3, H, W) uint8 RGB. Those of one size go through the detector together.
    """
    if not pictures:
        return []
    if len({tuple(rgb.shape) for rgb in pictures}) == 1:
        seen = detect_s3fd(detector, torch.stack(list(pictures)))
    else:
        seen = [detect_s3fd(detector, rgb[None])[0] for rgb in pictures]
    sure = [index for index, faces in enumerate(seen) if len(faces)]
    boxes = [seen[index].boxes_px[0].tolist() for index in sure]
    points = landmarks_68(net, [pictures[index] for index in sure], boxes)
    found: list[Tensor | None] = [None] * len(pictures)
    for index, each in zip(sure, points):
        found[index] = each
    return found

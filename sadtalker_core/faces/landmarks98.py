"""68 landmarks: from SadTalker's detector (FAN with 98 points) or from our own mesh.

After SadTalker (``src/face3d/extract_kp_videos_safe.py``, ``facexlib/alignment``). The 68 points
are in the usual order: jaw 0 to 16, brows 17 to 26, nose 27 to 35, eyes 36 to 47, mouth 48 to 67,
each from the viewer's left; rings clockwise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import StructureError
from ..geometry.resize import resize_linear
from .mesh import (
    BROW_LOWER,
    BROW_UPPER,
    LIPS_INNER_LOWER,
    LIPS_INNER_UPPER,
    LIPS_OUTER_LOWER,
    LIPS_OUTER_UPPER,
    POINTS,
)
from .nets.fan98 import Fan98
from .nets.retinaface import RetinaFace
from .retina import detect

INPUT_SIZE = 256

# Each of the 68 points as one or two of WFLW's 98, whose mean it is.
_FROM_98: tuple[tuple[int, int], ...] = (
    *((i, i) for i in range(0, 33, 2)),
    (33, 33),
    *((34, 41), (35, 40), (36, 39), (37, 38)),
    *((42, 50), (43, 49), (44, 48), (45, 47)),
    (46, 46),
    *((i, i) for i in range(51, 60)),
    *((i, i) for i in (60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75)),
    *((i, i) for i in range(76, 96)),
)

# Mesh points along the edge of the face from beside the viewer's left eye down to the chin.
_JAW = (
    (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    (356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
)
_NOSE = (168, 197, 5, 4, 98, 97, 2, 326, 327)
_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)


def to_68(landmarks98: Tensor) -> Tensor:
    """(..., 98, 2) in WFLW's order -> (..., 68, 2)."""
    if landmarks98.shape[-2:] != (98, 2):
        raise StructureError(f"Landmarks must be (..., 98, 2), got {tuple(landmarks98.shape)}.")
    table = torch.tensor(_FROM_98, device=landmarks98.device)
    return landmarks98[..., table, :].mean(-2)


def points_of_heatmaps(heatmaps: Tensor) -> Tensor:
    """Places of the maxima of (B, K, H, W) -> (B, K, 2) x, y in cells, edges at whole numbers.

    A quarter of a cell toward the higher neighbour is added. As in the original, neighbours are
    those in the flattened map, and when one point of a face lies in the last row (or first), the
    last (first) cell stands for the lower (upper) neighbour of all of its points.
    """
    width = heatmaps.shape[3]
    flat = heatmaps.flatten(2)
    count = flat.shape[2]
    index = flat.argmax(2)
    right = torch.where(index + 1 < count, index + 1, index)
    left = torch.where(index > 0, index - 1, count - 1)
    below, above = index + width, index - width
    below = torch.where((below >= count).any(1, keepdim=True), count - 1, below)
    above = torch.where((above <= 0).any(1, keepdim=True), 0, above)
    across = flat.gather(2, right[..., None])[..., 0] - flat.gather(2, left[..., None])[..., 0]
    down = flat.gather(2, below[..., None])[..., 0] - flat.gather(2, above[..., None])[..., 0]
    cells = torch.stack((index % width, index // width), 2).to(heatmaps.dtype)
    return cells + 0.25 * torch.stack((across, down), 2).sign() + 0.5


def landmarks_98(net: Fan98, faces: list[Tensor]) -> Tensor:
    """98 points (N, 98, 2) of N cut-out faces (3, h, w) uint8 RGB of any size, in their pixels."""
    like = next(net.parameters())
    if not faces:
        return torch.zeros((0, net.config.points, 2), device=like.device)
    pictures = torch.stack([resize_linear(face, (INPUT_SIZE, INPUT_SIZE)) for face in faces])
    batch = pictures.to(like.device).flip(1).to(like.dtype) / 255
    heatmaps = net(batch)[-1][:, :-1].float()
    sizes = heatmaps.new_tensor([[face.shape[2], face.shape[1]] for face in faces])
    cells = heatmaps.new_tensor([heatmaps.shape[3], heatmaps.shape[2]])
    return points_of_heatmaps(heatmaps) * (sizes / cells)[:, None]


def find_68(
    detector: RetinaFace,
    net: Fan98,
    rgb: Tensor,
    threshold: float = 0.97,
    *,
    reads_rgb_as_bgr: bool = False,
    longest: tuple[int, int] | None = None,
    near: tuple[float, float] | None = None,
) -> Tensor | None:
    """The 68 points (68, 2) of the surest face of ``rgb`` (3, H, W) uint8, or None without a face.

    This is the original's own finder. It cuts the box at whole pixels; a box that reaches outside
    is clipped here, while there it wraps around to the other side. ``reads_rgb_as_bgr`` and
    ``longest``: see ``retina.detect``; True for whole pictures and False for crops, and None,
    give its numbers. ``near`` (x, y), pixels: the surest face over this place is meant, where one
    is there.
    """
    faces = detect(detector, rgb, threshold, reads_rgb_as_bgr=reads_rgb_as_bgr, longest=longest)
    if not len(faces):
        return None
    height, width = rgb.shape[1:]
    box = faces.boxes_px[0 if near is None else _first_over(faces.boxes_px, near)]
    x0, y0, x1, y1 = (int(value) for value in box.tolist())
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if x0 >= x1 or y0 >= y1:
        return None
    points = to_68(landmarks_98(net, [rgb[:, y0:y1, x0:x1]])[0])
    return points + points.new_tensor([x0, y0])


def _first_over(boxes_px: Tensor, place: tuple[float, float]) -> int:
    """Number of the first box (N, 4) that holds the place, 0 where none does."""
    point = boxes_px.new_tensor(place)
    over = (boxes_px[:, :2] <= point).all(1) & (point <= boxes_px[:, 2:]).all(1)
    return int(over.int().argmax())


def mesh_to_68(mesh_px: Tensor) -> Tensor:
    """The 68 points (68, 2) of our own tracker's mesh (468, 2 or 3), in the same pixels.

    The jaw and the lower lips are points at equal distances along the mesh's contour, the brows
    the middle between the mesh's two lines, the rest single mesh points. Chosen by eye on
    portraits: the scheme's annotators drew contours, for which no exact translation exists.
    """
    if mesh_px.ndim != 2 or mesh_px.shape[0] != POINTS or mesh_px.shape[1] not in (2, 3):
        raise StructureError(f"The mesh must be (468, 3), got {tuple(mesh_px.shape)}.")
    points = mesh_px[:, :2]
    left, right = (_along(points[list(side)], 9) for side in _JAW)
    brows = [
        (points[list(upper)] + points[list(lower)]) / 2
        for upper, lower in zip(BROW_UPPER, BROW_LOWER)
    ]
    outer_upper, outer_lower = points[list(LIPS_OUTER_UPPER)], points[list(LIPS_OUTER_LOWER)]
    inner_upper, inner_lower = points[list(LIPS_INNER_UPPER)], points[list(LIPS_INNER_LOWER)]
    return torch.cat(
        (
            left,
            right[:-1].flip(0),
            *brows,
            points[list(_NOSE)],
            points[list(_EYES)],
            outer_upper[[0, 2, 4, 5, 6, 8, 10]],
            _along(outer_lower, 7)[1:-1].flip(0),
            inner_upper[[0, 2, 5, 8, 10]],
            _along(inner_lower, 5)[1:-1].flip(0),
        )
    )


def _along(line: Tensor, count: int) -> Tensor:
    """``count`` points at equal distances along a line of points (K, 2), ends included."""
    steps = (line[1:] - line[:-1]).norm(dim=1)
    reached = torch.cat((steps.new_zeros(1), steps.cumsum(0)))
    wanted = torch.linspace(0, 1, count, device=line.device, dtype=line.dtype) * reached[-1]
    segment = (torch.searchsorted(reached, wanted, right=True) - 1).clamp(0, len(steps) - 1)
    part = (wanted - reached[segment]) / steps[segment].clamp(min=1e-9)
    return line[segment] + part.clamp(0, 1)[:, None] * (line[segment + 1] - line[segment])

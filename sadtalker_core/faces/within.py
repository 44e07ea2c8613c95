"""Faces inside of boxes that somebody else found, or drew."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .crop import Image, to_image
from .detect import overlap
from .face import Face
from .find import find_in_image
from .landmarks import Square, faces_from_meshes, find_meshes, steady_meshes
from .networks import FaceNets
from .options import FaceOptions

_AROUND = 0.35  # of a box's longer side is added all around: detectors cut hair and chin off
_LOOKS = 3  # at the square of the mesh just found, where the detector saw nothing
_MESH_MARGIN = 1.35  # side of the mesh net's first square over the box


def find_faces_within(
    nets: FaceNets,
    rgb: Tensor,
    boxes_px: Sequence[Sequence[float]],
    options: FaceOptions | None = None,
) -> list[Face]:
    """One face for each box that shows one, largest first.

    Where the detector sees nothing in a box, as in drawings, the mesh net alone decides.

    Args:
        nets: the face nets.
        rgb: (3, H, W), uint8 or float in [0, 1].
        boxes_px: x0, y0, x1, y1 of each in pixels; around a face or with more about it.
        options: how hard to look.
    """
    options = options or FaceOptions()
    found: list[Face] = []
    with torch.no_grad():
        image = to_image(rgb)
        for box in boxes_px:
            face = _in_box(nets, image, torch.tensor(list(box), dtype=torch.float32), options)
            if face is not None and not any(_same(face, other) for other in found):
                found.append(face)
    return sorted(found, key=lambda face: -face.size_px)


def _in_box(nets: FaceNets, image: Image, box: Tensor, options: FaceOptions) -> Face | None:
    height, width = image.shape[:2]
    margin = _AROUND * float((box[2:] - box[:2]).max())
    x0, y0 = (int(value) for value in (box[:2] - margin).floor().clamp(min=0).tolist())
    x1, y1 = (int(value) for value in (box[2:] + margin).ceil().tolist())
    part = image[y0 : min(y1, height), x0 : min(x1, width)]
    if part.shape[0] < 8 or part.shape[1] < 8:
        return None
    shift = torch.tensor([x0, y0, x0, y0], dtype=torch.float32)
    inside = [face for face in find_in_image(nets, part, options) if _is_in(face, box - shift)]
    if inside:
        return max(inside, key=lambda face: face.size_px).moved(1.0, float(x0), float(y0))
    return _by_mesh(nets, image, box, options)


def _by_mesh(nets: FaceNets, image: Image, box: Tensor, options: FaceOptions) -> Face | None:
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    square = Square(x, y, float((box[2:] - box[:2]).max()) * _MESH_MARGIN, 0.0)
    meshes, presence = find_meshes(nets, image, [square], refinements=_LOOKS)
    if float(presence[0]) <= options.presence_threshold:
        return None
    meshes = steady_meshes(nets, image, meshes)
    face = faces_from_meshes(nets, image, meshes, presence, [float(presence[0])])[0]
    return face if _is_in(face, box) else None


def _is_in(face: Face, box: Tensor) -> bool:
    """Whether the middle of a face lies in the box."""
    x, y = face.center_px
    return bool(box[0] <= x <= box[2]) and bool(box[1] <= y <= box[3])


def _same(first: Face, second: Face) -> bool:
    return float(overlap(first.box_px, second.box_px[None])[0]) > 0.5

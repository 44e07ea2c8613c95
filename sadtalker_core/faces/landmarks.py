"""The 468-point mesh and the iris points of faces whose place is roughly known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..geometry import affine
from .crop import Image, cut, roll_of
from .face import Face
from .mesh import EYE_CORNERS, mirror_points
from .nets.iris import INPUT_SIZE as IRIS_SIZE
from .nets.mesh import INPUT_SIZE as MESH_SIZE
from .networks import FaceNets

_MARGIN = 1.5  # side of the mesh net's square over the face's longer side, as it was trained
_EYE_MARGIN = 2.3  # side of the iris net's square over the width of the eye, as it was trained


@dataclass(frozen=True)
class Square:
    """A turned square of a picture: centre x, y and side in pixels, angle in radians."""

    x: float
    y: float
    side: float
    angle: float


def square_of_detection(points_px: Tensor) -> Square:
    """The mesh net's square of one detection (8, 2), see ``detect.Detection``."""
    corners, left_eye, right_eye = points_px[:2], points_px[2], points_px[3]
    x, y = corners.mean(0).tolist()
    width, height = (corners[1] - corners[0]).tolist()
    return Square(x, y, max(width, height) * _MARGIN, roll_of(left_eye, right_eye))


def square_of_mesh(mesh_px: Tensor) -> Square:
    """The mesh net's square of a face whose mesh (468, 3) is known, such as in the last frame."""
    points = mesh_px[:, :2].double()
    angle = roll_of(points[33], points[263])
    cos, sin = math.cos(angle), math.sin(angle)
    turn = points.new_tensor([[cos, -sin], [sin, cos]])  # picture from upright
    upright = points @ turn
    low, high = upright.amin(0), upright.amax(0)
    x, y = (turn @ ((low + high) / 2)).tolist()
    return Square(x, y, float((high - low).max()) * _MARGIN, angle)


def find_meshes(
    nets: FaceNets, image: Image, squares: list[Square], refinements: int = 0
) -> tuple[Tensor, Tensor]:
    """Meshes (N, 468, 3) in picture pixels and presence (N,) in 0 to 1.

    ``refinements`` more passes each look at the square of the mesh just found.
    """
    if not squares:
        return torch.zeros(0, 468, 3), torch.zeros(0)
    meshes, presence = _meshes(nets, image, squares)
    for _ in range(refinements):
        meshes, presence = _meshes(nets, image, [square_of_mesh(mesh) for mesh in meshes])
    return meshes, presence


def steady_meshes(nets: FaceNets, image: Image, meshes_px: Tensor) -> Tensor:
    """Meshes (N, 468, 3) looked at again six times each and averaged, for still pictures.

    The net sees squares of three sizes, as they are and mirrored. Its errors differ between these
    (standard deviation about 1 % of the face), so the mean is nearer to the face.
    """
    if not len(meshes_px):
        return meshes_px
    looks: list[Tensor] = []
    for grown in (0.9, 1.0, 1.1):
        squares = [square_of_mesh(mesh) for mesh in meshes_px]
        squares = [replace(square, side=square.side * grown) for square in squares]
        for is_mirrored in (False, True):
            looks.append(_meshes(nets, image, squares, is_mirrored)[0])
    return torch.stack(looks).mean(0)


def find_eyes(nets: FaceNets, image: Image, meshes_px: Tensor) -> tuple[Tensor, Tensor]:
    """Eye points (N, 2, 71, 2) and iris points (N, 2, 5, 2) of meshes (N, 468, 3), pixels."""
    if not len(meshes_px):
        return torch.zeros(0, 2, 71, 2), torch.zeros(0, 2, 5, 2)
    maps = [_image_from_eye(mesh, side) for mesh in meshes_px for side in (0, 1)]
    crops = [cut(image, image_from_eye, IRIS_SIZE) for image_from_eye in maps]
    for i in range(1, len(crops), 2):
        crops[i] = crops[i][:, ::-1]
    eyes, irises = nets.iris(_pictures(nets, crops))
    points = torch.cat((eyes, irises), dim=1)[..., :2].float().cpu() - 0.5
    points = points.reshape(-1, 2, points.shape[1], 2)
    points[:, 1, :, 0] = IRIS_SIZE - 1 - points[:, 1, :, 0]
    found = affine.apply(torch.stack(maps).float().reshape(-1, 2, 3, 3), points)
    return found[:, :, :71], found[:, :, 71:]


def faces_from_meshes(
    nets: FaceNets, image: Image, meshes: Tensor, presence: Tensor, scores: list[float]
) -> list[Face]:
    """``Face`` of each mesh (N, 468, 3), with eyes."""
    eyes, irises = find_eyes(nets, image, meshes)
    return [
        Face(
            box_px=torch.cat((meshes[i, :, :2].amin(0), meshes[i, :, :2].amax(0))),
            score=scores[i],
            mesh_px=meshes[i],
            eyes_px=eyes[i],
            iris_px=irises[i],
            presence=float(presence[i]),
        )
        for i in range(len(meshes))
    ]


def _meshes(
    nets: FaceNets, image: Image, squares: list[Square], is_mirrored: bool = False
) -> tuple[Tensor, Tensor]:
    maps = [affine.image_from_square((s.x, s.y), s.side, s.angle, MESH_SIZE) for s in squares]
    crops = [cut(image, image_from_crop, MESH_SIZE) for image_from_crop in maps]
    if is_mirrored:
        crops = [crop[:, ::-1] for crop in crops]
    points, logits = nets.mesh(_pictures(nets, crops))
    points = points.float().cpu()
    if is_mirrored:
        points = points[:, mirror_points()]
        points[..., 0] = MESH_SIZE - points[..., 0]
    image_from_crop = torch.stack(maps).float()
    xy = affine.apply(image_from_crop, points[..., :2] - 0.5)  # net edges -> pixel centres
    z = points[..., 2:] * affine.scale_of(image_from_crop)[:, None, None]
    return torch.cat((xy, z), -1), torch.sigmoid(logits.float().cpu())


def _image_from_eye(mesh_px: Tensor, side: int) -> Tensor:
    """Map of the iris net's square of the viewer's left (0) or right (1) eye, not mirrored."""
    left, right = (mesh_px[index, :2] for index in EYE_CORNERS[side])
    x, y = ((left + right) / 2).tolist()
    width = max(float((right - left).norm()), 1e-3)
    return affine.image_from_square((x, y), width * _EYE_MARGIN, roll_of(left, right), IRIS_SIZE)


def _pictures(nets: FaceNets, crops: list[Image]) -> Tensor:
    """Crops as a batch (N, 3, S, S) in [0, 1], channels last in memory."""
    pixels = torch.from_numpy(np.stack(crops)).to(nets.device)
    return pixels.permute(0, 3, 1, 2).to(nets.dtype) / 255

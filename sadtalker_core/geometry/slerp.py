"""Parts and multiples of rotations. All work alike on matrices for rows and for columns."""

from __future__ import annotations

import torch
from torch import Tensor


def rotation_part(rotation: Tensor, amount: float | Tensor) -> Tensor:
    """A rotation about the same axis by ``amount`` of its angle: 0 is none, 0.5 half of it.

    Args:
        rotation: (..., 3, 3); one that is nearly a rotation counts as the nearest one.
        amount: a number, or (...) of them; negative ones turn back.

    Returns:
        (..., 3, 3), a proper rotation. An angle of exactly half a turn goes either way.
    """
    real, axis = _quaternion(_exact(rotation))
    sine = axis.norm(dim=-1)
    angle = 2 * torch.atan2(sine, real)
    share = _exact(amount)
    half = angle * share / 2
    # Without a turn the axis is any; sin(half) is 0 then.
    unit = axis / sine.clamp(min=1e-300)[..., None]
    return _matrix(half.cos(), unit * half.sin()[..., None]).to(rotation)


def slerp(a: Tensor, b: Tensor, share: float | Tensor) -> Tensor:
    """Between two rotations the short way round: 0 gives ``a`` and 1 gives ``b``, to the bit.

    Args:
        a: (..., 3, 3).
        b: (..., 3, 3).
        share: a number, or (...) of them; outside of 0 to 1 it goes beyond.

    Returns:
        (..., 3, 3), between them a proper rotation.
    """
    weight = _exact(share)
    first, last = _exact(a), _exact(b)
    found = first @ rotation_part(first.mT @ last, weight)
    return torch.where(weight[..., None, None] == 1, last, found).to(a)


def nearest_rotation(matrix: Tensor) -> Tensor:
    """The rotation nearest to (..., 3, 3) matrices that are nearly rotations (least squares)."""
    return rotation_part(matrix, 1.0)


def _exact(value: Tensor | float) -> Tensor:
    """On the processor: there is no float64 on Apple's GPUs, and few are quick with matrices."""
    if isinstance(value, Tensor):
        return value.to("cpu", torch.float64)
    return torch.tensor(value, dtype=torch.float64)


def _quaternion(rotation: Tensor) -> tuple[Tensor, Tensor]:
    """(...) real and (..., 3) imaginary part, of length 1, the real one not negative.

    The quaternion is the main eigenvector of a symmetric matrix made of the rotation's numbers:
    well defined for every angle, and the nearest one if the matrix is not quite a rotation
    (Bar-Itzhack 2000, "New method for extracting the quaternion from a rotation matrix").
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in rotation.unbind(-2))
    rows = (
        (xx - yy - zz, yx + xy, zx + xz, zy - yz),
        (yx + xy, yy - xx - zz, zy + yz, xz - zx),
        (zx + xz, zy + yz, zz - xx - yy, yx - xy),
        (zy - yz, xz - zx, yx - xy, xx + yy + zz),
    )
    symmetric = torch.stack([torch.stack(row, -1) for row in rows], -2)
    main = torch.linalg.eigh(symmetric)[1][..., -1]
    main = main * torch.where(main[..., 3:] < 0, -1.0, 1.0)
    return main[..., 3], main[..., :3]


def _matrix(real: Tensor, axis: Tensor) -> Tensor:
    x, y, z = axis.unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * real), 2 * (x * z + y * real)),
        (2 * (x * y + z * real), 1 - 2 * (x * x + z * z), 2 * (y * z - x * real)),
        (2 * (x * z - y * real), 2 * (y * z + x * real), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)

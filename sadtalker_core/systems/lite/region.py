"""Where the built-in engine may change a picture: the head and what moves along with it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ...faces.crop import framed
from ...faces.face import Face
from ...faces.mesh import EYE_OUTER
from ...faces.track import FaceTracker
from ...geometry.warp import enlarge_field
from ...runtime import Runtime
from .pipeline import shown_mode
from .render import PreparedPortrait
from .video import PreparedVideo, at_rate

_REACH = (1.5, 1.9)  # half width and height of a moved head around its mesh, in E
_SOFT = 0.25  # part of the radius over which it ends


def region(
    prepared: PreparedPortrait | PreparedVideo, frames: int, fps: Fraction, runtime: Runtime
) -> Tensor:
    """(1, H, W) of a portrait, (T, H, W) of a video whose head moves, float32 in [0, 1].

    A portrait's is the weight with which its pixels follow the head. A video's is an oval around
    the head of each frame; 0 where the face is not seen.

    Args:
        prepared: the portrait or video.
        frames: T.
        fps: frames per second that are shown.
        runtime: cancel and chunk.
    """
    if isinstance(prepared, PreparedPortrait):
        return _of_picture(prepared)[None]
    tracker = FaceTracker(prepared.nets, prepared.faces)
    size = prepared.size
    found = torch.zeros((frames, *size))
    for index, rgb in enumerate(at_rate(prepared.video, fps, frames)):
        if index % runtime.chunk == 0:
            runtime.check_cancelled()
        picture, _ = framed(rgb, prepared.start, *shown_mode(prepared.options, rgb))
        tracked = tracker.update(picture)
        if tracked is not None and tracked.valid:
            found[index] = _oval(tracked.face, size)
    return found


def _of_picture(portrait: PreparedPortrait) -> Tensor:
    lattice, (height, width) = portrait.lattice, portrait.size
    whole = np.zeros((height, width), np.float32)
    rows, columns = min(lattice.height, height - lattice.y0), min(lattice.width, width - lattice.x0)
    weight = enlarge_field(portrait.head.weight, lattice).reshape(lattice.height, lattice.width)
    area = slice(lattice.y0, lattice.y0 + rows), slice(lattice.x0, lattice.x0 + columns)
    whole[area] = weight[:rows, :columns]
    return torch.from_numpy(whole).clamp_(0, 1)


def _oval(face: Face, size: tuple[int, int]) -> Tensor:
    mesh = face.mesh_px[:, :2].float()
    left, right = mesh[list(EYE_OUTER)]
    unit = float((right - left).norm().clamp(min=1.0))
    x, y = mesh.mean(0).tolist()
    rows = (torch.arange(size[0]) - y) / (_REACH[1] * unit)
    columns = (torch.arange(size[1]) - x) / (_REACH[0] * unit)
    far = (rows[:, None].square() + columns[None].square()).sqrt()
    return ((1 - far) / _SOFT).clamp(0, 1)

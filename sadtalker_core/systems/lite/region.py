"""Where the built-in engine may change a picture: the head and what moves along with it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ...faces.crop import framed
from ...faces.face import Face
from ...faces.track import FaceTracker
from ...geometry.warp import enlarge_field
from ...runtime import Runtime
from .frame import FaceFrame
from .pipeline import shown_mode
from .render import PreparedPortrait
from .video import PreparedVideo, at_rate

_REACH = (2.1, 2.3, 2.7)  # E to the sides, up and down from the mesh: as far as anything moves
_SOFT = 0.15  # part of that over which it ends
_FULL = 8.0  # times the weight: hair that moves by an eighth counts whole, or it would show twice


def region(
    prepared: PreparedPortrait | PreparedVideo, frames: int, fps: Fraction, runtime: Runtime
) -> Tensor:
    """(1, H, W) of a portrait, (T, H, W) of a video whose head moves, float32 in [0, 1].

    A portrait's is where its pixels follow the head. A video's is a rounded box
    around the head of each frame; 0 where the face is not seen.

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
            found[index] = _around(tracked.face, size)
    return found


def _of_picture(portrait: PreparedPortrait) -> Tensor:
    lattice, (height, width) = portrait.lattice, portrait.size
    whole = np.zeros((height, width), np.float32)
    rows, columns = min(lattice.height, height - lattice.y0), min(lattice.width, width - lattice.x0)
    weight = enlarge_field(portrait.head.weight, lattice).reshape(lattice.height, lattice.width)
    area = slice(lattice.y0, lattice.y0 + rows), slice(lattice.x0, lattice.x0 + columns)
    whole[area] = weight[:rows, :columns]
    return torch.from_numpy(whole).mul_(_FULL).clamp_(0, 1)


def _around(face: Face, size: tuple[int, int]) -> Tensor:
    mesh = face.mesh_px.cpu().numpy().astype(np.float32)
    unit = FaceFrame.of(mesh).unit_px
    x, y = (float(value) for value in mesh[:, :2].mean(0))
    down = torch.arange(size[0]) - y
    reach = torch.where(down < 0, torch.tensor(_REACH[1]), torch.tensor(_REACH[2]))
    rows = (down / (reach * unit)).pow(4)
    columns = ((torch.arange(size[1]) - x) / (_REACH[0] * unit)).pow(4)
    far = (rows[:, None] + columns[None]).pow(0.25)
    return ((1 - far) / _SOFT).clamp(0, 1)

"""How much faces flicker in a video, beside another video of the same frames.

Flicker is what a straight line through the frame before and the frame after does not explain:
even motion and slow changes of light cancel. It is looked at in crops that follow the face, found
in the first video and used for both, so that a face that moves more detail does not count as more
flicker because of its motion in the frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..enhance.align import ffhq_points, similarity
from ..enhance.places import five_points_of, outline_of, region_mask
from ..faces.networks import FaceNets
from ..faces.options import FaceOptions
from ..faces.track import TrackedFace, track_face
from ..geometry.filters import warp

_SIZE = 160  # of the crops
_LUMA = (0.299, 0.587, 0.114)
_REACH = 3  # frames on both sides over which the crops' places are averaged


@dataclass(frozen=True)
class FlickerMetrics:
    """Flicker of a face in two videos.

    Attributes:
        before: of the first video, levels.
        after: of the second.
        frames: looked at.
        likeness: how alike the face is in both, by its mesh: 1 minus the mean distance of
            landmarks over the face's size, times ten; 1 is the same face.
    """

    before: float
    after: float
    frames: int
    likeness: float

    @property
    def ratio(self) -> float:
        """After over before: 1 is as calm as it was."""
        return self.after / max(self.before, 1e-6)


def flicker(luma: Tensor, mask: Tensor | None = None) -> float:
    """Mean absolute deviation of (T, H, W) from the middle of its neighbours in time, its unit.

    ``mask`` (T, H, W) or (H, W) says how much each pixel counts. 0 below three frames.
    """
    if len(luma) < 3:
        return 0.0
    change = (luma[1:-1] - (luma[:-2] + luma[2:]) / 2).abs()
    if mask is None:
        return float(change.mean())
    weights = mask[1:-1] if mask.dim() == 3 else mask.expand_as(change)
    return float((change * weights).sum() / weights.sum().clamp(min=1e-6))


def compare_flicker(
    before: Iterable[Tensor], after: Iterable[Tensor], nets: FaceNets, region: str = "face"
) -> FlickerMetrics:
    """Flicker of the largest face in ``before``, and in ``after`` at the same places.

    Args:
        before: chunks (N, 3, H, W) uint8 of a video with a face.
        after: the same number of frames, of the same or a larger size.
        nets: the face nets.
        region: ``face``, or ``mouth`` alone.

    Raises:
        NoFaceError: ``before`` shows no face.
    """
    first, second = _Kept(before), _Kept(after)
    options = FaceOptions(landmark_smoothing=0.0)
    faces = list(track_face(nets, first.chunks(), options))
    points = torch.stack([five_points_of(face.face) for face in faces]).double()
    steady = torch.stack([_around(points, i) for i in range(len(points))])
    maps = [similarity(row, ffhq_points(_SIZE))[0] for row in steady]
    masks = torch.stack([_mask(face, matrix, region) for face, matrix in zip(faces, maps)])
    crops = first.luma(maps, first.size)
    # found anew in the second video: the same landmarks are the same face
    second_faces = list(track_face(nets, second.chunks(), options))
    larger = second.size[1] / first.size[1]
    return FlickerMetrics(
        flicker(crops, masks),
        flicker(second.luma(maps, first.size), masks),
        len(faces),
        _likeness(faces, second_faces, larger),
    )


class _Kept:
    """Frames of a short video, kept: they are gone through twice."""

    def __init__(self, chunks: Iterable[Tensor]) -> None:
        self._frames = torch.cat([chunk.cpu() for chunk in chunks])
        self.size = (int(self._frames.shape[2]), int(self._frames.shape[3]))

    def chunks(self) -> Iterator[Tensor]:
        yield from self._frames.split(8)

    def luma(self, maps: list[Tensor], size: tuple[int, int]) -> Tensor:
        """(T, S, S) levels of the crops; maps are for frames of ``size``."""
        weights = torch.tensor(_LUMA)[:, None, None]
        scale = torch.diag(
            torch.tensor([size[1] / self.size[1], size[0] / self.size[0], 1], dtype=torch.float64)
        )
        rows: list[Tensor] = []
        for frame, matrix in zip(self._frames, maps):
            crop = warp(frame[None].float(), matrix @ scale, (_SIZE, _SIZE))[0]
            rows.append((crop * weights).sum(0))
        return torch.stack(rows)


def _around(points: Tensor, index: int) -> Tensor:
    return points[max(0, index - _REACH) : index + _REACH + 1].mean(0)


def _mask(face: TrackedFace, matrix: Tensor, region: str) -> Tensor:
    outline = outline_of(face.face, region).double()
    inside = outline @ matrix[:, :2].mT + matrix[:, 2]
    return region_mask(inside.float(), _SIZE, region)


def _likeness(first: list[TrackedFace], second: list[TrackedFace], larger: float) -> float:
    away: list[float] = []
    for one, other in zip(first, second):
        moved = (other.face.mesh_px[:, :2] / larger - one.face.mesh_px[:, :2]).norm(dim=1)
        away.append(float(moved.mean()) / max(one.face.size_px, 1.0))
    return max(0.0, 1 - 10 * sum(away) / max(len(away), 1))

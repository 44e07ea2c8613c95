"""Where LivePortrait's keypoints lie on a face, from templates beside whole square clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..faces.measures import canonical_unit
from ..faces.mesh import CHEEK_SIDES, canonical_points
from ..structures import ImplicitMotion
from ..systems.lite.driver_rows import DriverRows


@dataclass(frozen=True)
class HeadPlace:
    """Where implicit keypoints have their origin, and how large they are.

    Attributes:
        e_per_scale: E over the keypoints' scale, in crop halves.
        origin_e: (3,) E from the point between the ears, neutral face.
        spread: of e_per_scale over the clips, as a share.
    """

    e_per_scale: float
    origin_e: tuple[float, float, float]
    spread: float


def head_place(
    pairs: Sequence[tuple[DriverRows, ImplicitMotion]], sides_px: Sequence[int]
) -> HeadPlace:
    """Size and origin of implicit keypoints against our mesh, from whole square clips.

    Args:
        pairs: what was measured and the template of each clip.
        sides_px: of each clip's frames.
    """
    ears = canonical_points()[list(CHEEK_SIDES)].double().mean(0) / canonical_unit()
    ratios: list[Tensor] = []
    turns: list[Tensor] = []
    places: list[Tensor] = []
    for (rows, motion), side in zip(pairs, sides_px):
        seen = rows.valid
        unit = rows.unit_px[seen].double()
        ratios.append(unit / (side / 2) / motion.scale[seen, 0].double())
        origin_px = (motion.translation[seen, :2].double() + 1) * (side / 2)
        turn = rows.rotation[seen].double()
        ears_px = rows.place_px[seen].double() + (turn @ ears) * unit[:, None]
        turns.append(turn[:, :2])
        places.append((origin_px - ears_px[:, :2]) / unit[:, None])
    # place = (turn @ origin)[:2]: the depth shows only where heads turn, so it leans to 0
    rows_of = torch.cat(turns).flatten(0, 1)
    lean = torch.diag(torch.tensor([1e-3, 1e-3, 1.0], dtype=torch.float64))
    normal = rows_of.mT @ rows_of + lean
    origin = torch.linalg.solve(normal, rows_of.mT @ torch.cat(places).flatten())
    per_clip = torch.stack([part.median() for part in ratios])
    x, y, z = (float(value) for value in origin)
    return HeadPlace(
        float(per_clip.mean()), (x, y, z), float(per_clip.std(unbiased=False) / per_clip.mean())
    )

"""Made faces and motions, and networks that are one matrix each: motion maths without weights."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

from sadtalker_core.structures import ImplicitMotion
from sadtalker_core.systems.liveportrait.points import SourcePoints
from sadtalker_core.systems.liveportrait.retarget import FaceRatios, RetargetNets

FPS = Fraction(25)
K = 21


def faces(count: int, seed: int) -> SourcePoints:
    """As M would read them: head turns of about 10 degrees, expressions of about 0.02."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    kp = 0.3 * noise(1, K, 3).expand(count, K, 3)
    t, scale = 0.05 * noise(count, 3), 1.3 + 0.05 * noise(count, 1)
    return SourcePoints.of_pose(kp, 0.02 * noise(count, K, 3), 10 * noise(count, 3), t, scale)


def ratios(count: int, seed: int) -> FaceRatios:
    generator = torch.Generator().manual_seed(seed)
    return FaceRatios(
        0.2 + 0.2 * torch.rand(count, 2, generator=generator),
        0.05 + 0.2 * torch.rand(count, 1, generator=generator),
    )


def motion(count: int, seed: int) -> ImplicitMotion:
    return faces(count, seed).motion(FPS, ratios(count, seed))


def one_matrix(inputs: int, outputs: int, seed: int) -> Callable[[Tensor], Tensor]:
    weight = torch.randn(inputs, outputs, generator=torch.Generator().manual_seed(seed))
    return lambda x: 0.02 * (x @ weight)


def nets() -> RetargetNets:
    return RetargetNets(
        stitching=one_matrix(6 * K, 3 * K + 2, 1),
        eye=one_matrix(3 * K + 3, 3 * K, 2),
        lip=one_matrix(3 * K + 2, 3 * K, 3),
    )

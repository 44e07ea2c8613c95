"""Networks that change next to nothing, for VideoReTalking's own part: what is cut out, steadied,
blended and put back, without what trained networks would draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from sadtalker_core.faces.networks import FaceNets
from sadtalker_core.systems.videoretalking.reference import oval
from sadtalker_core.systems.videoretalking.weights import RetalkingNets

from .toys import RECON, Recon3D, toy

SIDE = 256  # of aligned faces; the published enhancers have 512
_SKIN, _LIPS, _CLASSES = 1, 11, 19  # ParseNet's
Change = Callable[[Tensor], Tensor]


class _Net(nn.Module):
    """Something with a parameter, which tells where and in what numbers it works."""

    def __init__(self, size: int = SIDE) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.config = SimpleNamespace(size=size)


class _SameExpression(_Net):
    def forward(self, image: Tensor, window: Tensor) -> Any:
        return SimpleNamespace(image=image)


class _SameLips(_Net):
    """Paints the reference, changed by ``change``: (N, 3, 384, 384) in [0, 1] in, the same out."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.change = change

    def noise_sizes(self) -> list[int]:
        return []

    def forward(
        self, mel: Tensor, faces: Tensor, reference: Tensor, noise: Sequence[Tensor]
    ) -> tuple[Tensor, None]:
        return self.change(reference), None


class _Restorer(_Net):
    """``change`` of aligned faces (N, 3, 256, 256) in [-1, 1]."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.change = change

    def forward(self, faces: Tensor) -> Tensor:
        return self.change(faces)


class _SomeFace(_Net):
    """Sees a face, and lips, where they are in any aligned picture, about."""

    def forward(self, faces: Tensor) -> Tensor:
        side = faces.shape[-1]
        scores = faces.new_zeros(len(faces), _CLASSES, side, side)
        scores[:, 0] = 0.5
        scores[:, _SKIN] = oval(side)
        steps = (torch.arange(side) + 0.5) / side
        lips = ((steps - 0.5) / 0.12) ** 2 + ((steps[:, None] - 0.72) / 0.07) ** 2 <= 1
        scores[:, _LIPS] = 2.0 * lips
        return scores


def _as_it_is(pictures: Tensor) -> Tensor:
    return pictures


def stand_ins(
    face_nets: FaceNets,
    lips: Change = _as_it_is,
    restore: Change | None = None,
    sharpen: Change | None = None,
) -> RetalkingNets:
    """All networks of a job with our own face finder.

    Args:
        lips: what ENet does to the reference's face (N, 3, 384, 384) in [0, 1].
        restore: what the mouth's enhancer does to aligned faces (N, 3, 256, 256) in [-1, 1].
        sharpen: the same of the reference's enhancer.
    """
    parts: Any = {
        "dnet": _SameExpression(),
        "enet": _SameLips(lips),
        "parsenet": _SomeFace(),
        "gfpgan": None if restore is None else _Restorer(restore),
        "gpen": None if sharpen is None else _Restorer(sharpen),
    }
    return RetalkingNets(
        recon=toy(lambda: Recon3D(RECON)),
        templates={"neutral": torch.zeros(64)},
        face_nets=face_nets,
        **parts,
    )


def textured(faces: Tensor) -> Tensor:
    """Faces (N, 3, S, S) in [-1, 1] with texture that hangs on where they were cut out."""
    side = torch.arange(faces.shape[-1], dtype=torch.float32)
    return faces + 0.2 * torch.sin(side * 0.8) * torch.sin(side * 0.8)[:, None]

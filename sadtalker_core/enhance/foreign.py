"""Networks out of spandrel, where it is installed: CodeFormer, RestoreFormer, upscalers.

spandrel (MIT) has networks under free licences; CodeFormer, which bars commercial use, is in
spandrel_extra_arches. Neither is among our requirements. Files are read by our own reader, which
runs nothing that is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import WeightsError
from ..weights.reader import read_weights


def _library(name: str, purpose: str) -> Any:
    """spandrel with what else is installed of it. Raises ``WeightsError`` that says what to do."""
    try:
        import spandrel  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise WeightsError(
            f"{purpose} needs the package spandrel; install it with: pip install {name}"
        ) from error
    return spandrel


def _described(path: Path, purpose: str, *, extra: bool) -> Any:
    """spandrel's descriptor of a file, read as data."""
    package = "spandrel spandrel_extra_arches" if extra else "spandrel"
    spandrel = _library(package, purpose)
    registry = spandrel.ArchRegistry()
    registry.add(*spandrel.MAIN_REGISTRY.architectures())
    if extra:
        try:
            from spandrel_extra_arches import (  # pyright: ignore[reportMissingImports]
                EXTRA_REGISTRY,
            )
        except ImportError as error:
            raise WeightsError(
                f"{purpose} needs the package spandrel_extra_arches (its networks bar commercial "
                "use); install it with: pip install spandrel_extra_arches"
            ) from error
        registry.add(*EXTRA_REGISTRY)
    weights: dict[str, Any] = dict(read_weights(path))
    try:
        return spandrel.ModelLoader(registry=registry).load_from_state_dict(weights)
    except Exception as error:  # spandrel's own kinds, and torch's where sizes do not fit
        raise WeightsError(
            f"{path} holds no network that spandrel {spandrel.__version__} knows ({error})."
        ) from error


def load_foreign_face_network(
    path: Path, wanted: str, fidelity: float, device: torch.device
) -> ForeignRestorer:
    """CodeFormer or RestoreFormer: (B, 3, 512, 512) RGB in [-1, 1] to the same.

    Args:
        path: file of weights.
        wanted: ``codeformer`` or ``restoreformer``.
        fidelity: CodeFormer's weight between beauty, 0, and likeness, 1.
        device: where it is computed.

    Raises:
        WeightsError: spandrel is not installed, or the file holds something else.
    """
    extra = wanted == "codeformer"
    described = _described(path, f"the enhancer {wanted}", extra=extra)
    found = str(described.architecture.id)
    if found.lower() != wanted:
        raise WeightsError(f"{path} holds {found}, not the enhancer {wanted}.")
    network = described.to(device).eval().model
    network.requires_grad_(False)
    return ForeignRestorer(network, {"weight": fidelity} if extra else {})


class ForeignRestorer(nn.Module):
    """A face network of another library; a module, so that hosts can move it between devices.

    Args:
        network: gives the restored faces first.
        settings: what it is called with beside the faces.
    """

    def __init__(self, network: nn.Module, settings: Mapping[str, float]) -> None:
        super().__init__()
        self.network = network
        self.settings = dict(settings)

    def forward(self, faces: Tensor) -> Tensor:
        """(B, 3, 512, 512) RGB in [-1, 1] to the same."""
        return self.network(faces, **self.settings)[0]


@dataclass(frozen=True)
class Upscaler:
    """A network that enlarges pictures.

    Attributes:
        scale: how many times, each way.
        run: (1, 3, H, W) in [0, 1] to (1, 3, H * scale, W * scale).
    """

    scale: int
    run: Callable[[Tensor], Tensor]


def load_upscaler(path: Path, device: torch.device) -> Upscaler:
    """Any upscaler that spandrel knows. Raises ``WeightsError``."""
    described = _described(path, f"the upscaler {path.name}", extra=False)
    if described.purpose not in ("SR", "Restoration") or described.scale < 2:
        raise WeightsError(f"{path} holds {described.architecture.id}, which enlarges nothing.")
    described = described.to(device).eval()
    return Upscaler(int(described.scale), described)

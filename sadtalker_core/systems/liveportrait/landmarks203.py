"""The original's net of 203 landmarks, where its file is present.

After LivePortrait (``src/utils/human_landmark_runner.py``). It refines landmarks that are already
there: any set that ``crop.reference_points`` knows tells it where to look.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ...errors import WeightsError
from .crop import LANDMARK_SHAPE, crop_from_image, cut, face_square, inverse_map, moved_points

POINTS = 203


class LandmarkNet(Protocol):
    """The network alone."""

    def __call__(self, pictures: Tensor) -> Tensor:
        """(N, 3, 224, 224) float32 RGB in [0, 1] -> (N, 406): x and y of each point in [0, 1]."""
        ...


class OnnxLandmarkNet:
    """``landmark.onnx`` run by ONNX Runtime, which must be installed."""

    def __init__(self, path: Path | str) -> None:
        try:
            import onnxruntime  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise WeightsError(
                f"{path} needs ONNX Runtime: pip install onnxruntime, or choose "
                "landmarks=tracker, which needs nothing more."
            ) from error
        runtime: Any = onnxruntime
        self._session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def __call__(self, pictures: Tensor) -> Tensor:
        rows: list[Tensor] = []
        for picture in pictures:  # the published graph takes one at a time
            outputs = self._session.run(None, {"input": picture[None].cpu().numpy()})
            rows.append(torch.from_numpy(outputs[2]).reshape(1, -1))
        return torch.cat(rows)


def landmark_input(rgb: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """What the net looks at, (1, 3, 224, 224) float32 in [0, 1], and its ``image_from_crop``.

    Args:
        rgb: (3, H, W) uint8.
        landmarks: (K, 2) of the face in it.
    """
    square = face_square(landmarks, LANDMARK_SHAPE)
    to_crop = crop_from_image(square, LANDMARK_SHAPE)
    crop = cut(rgb[None], to_crop, LANDMARK_SHAPE.size)
    return crop.float() / 255, inverse_map(to_crop)


def landmarks_203(net: LandmarkNet, rgb: Tensor, landmarks: Tensor) -> Tensor:
    """(203, 2) float32 landmarks in pixels of ``rgb``, found around ``landmarks`` (K, 2)."""
    picture, image_from_crop = landmark_input(rgb, landmarks)
    found = net(picture)[0].float().cpu().reshape(POINTS, 2) * LANDMARK_SHAPE.size
    return moved_points(found, image_from_crop.cpu())

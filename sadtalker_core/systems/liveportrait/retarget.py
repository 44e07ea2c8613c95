"""The small networks that correct keypoints: stitching, eyes, lips; and the ratios they ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...geometry.hull import hull_volume
from ...records import TensorRecord, check_shape

Mlp = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class RetargetNets:
    """The three networks, on the job's device, float32, in eval mode. The published ones have K 21.

    Attributes:
        stitching: (N, 6 K) keypoints of source and driver -> (N, 3 K + 2).
        eye: (N, 3 K + 3) keypoints of the source and three ratios -> (N, 3 K).
        lip: (N, 3 K + 2) keypoints of the source and two ratios -> (N, 3 K).
    """

    stitching: Mlp
    eye: Mlp
    lip: Mlp


@dataclass(frozen=True)
class FaceRatios(TensorRecord):
    """How far eyes and lips are open.

    Attributes:
        eyes: (T, 2) opening of the left and the right eye in the picture over their width.
        lip: (T, 1) opening of the lips over their width.
    """

    eyes: Tensor
    lip: Tensor

    def __post_init__(self) -> None:
        length = self.eyes.shape[0]
        check_shape("FaceRatios", "eyes", self.eyes, (length, 2))
        check_shape("FaceRatios", "lip", self.lip, (length, 1))

    def __len__(self) -> int:
        return self.eyes.shape[0]

    def __getitem__(self, frames: slice) -> FaceRatios:
        """The ratios of a range of frames."""
        return FaceRatios(self.eyes[frames], self.lip[frames])


def ratios_of_203(landmarks: Tensor) -> FaceRatios:
    """Ratios from the original's 203 landmarks.

    Args:
        landmarks: (T, 203, 2) in pixels of any picture.

    Source: ``src/utils/retargeting_utils.py`` of LivePortrait.
    """

    def ratio(a: int, b: int, c: int, d: int) -> Tensor:
        opening = (landmarks[:, a] - landmarks[:, b]).norm(dim=1, keepdim=True)
        width = (landmarks[:, c] - landmarks[:, d]).norm(dim=1, keepdim=True)
        return opening / (width + 1e-6)

    eyes = torch.cat([ratio(6, 18, 0, 12), ratio(30, 42, 24, 36)], 1)
    return FaceRatios(eyes, ratio(90, 102, 48, 66))


def flat_pair(first: Tensor, second: Tensor) -> Tensor:
    """(N, ...) and (N, ...) side by side as (N, D): what the networks read."""
    return torch.cat([first.flatten(1), second.flatten(1)], 1)


def stitched(stitching: Mlp, source: Tensor, driving: Tensor) -> Tensor:
    """Driving keypoints (N, K, 3) fitted to the shoulders of the source's (N, K, 3).

    Every keypoint gets an offset of its own and all of them one in x and y.
    """
    keypoints = driving.shape[1]
    delta = stitching(flat_pair(source, driving))
    shift = torch.nn.functional.pad(delta[:, 3 * keypoints :], (0, 1))
    return driving + delta[:, : 3 * keypoints].unflatten(1, (keypoints, 3)) + shift[:, None]


def combined_eyes(source: Tensor, target: Tensor) -> Tensor:
    """(N, 2) ratios of the source's eyes and (N, 1 or more) wanted -> (N, 3).

    Of the wanted ones only the first counts, the driver's left eye: the network was trained so.
    """
    return torch.cat([source, target[:, :1]], 1)


def combined_lips(source: Tensor, target: Tensor) -> Tensor:
    """(N, 1) ratio of the source's lips and (N, 1) wanted -> (N, 2)."""
    return torch.cat([source, target], 1)


def retargeted(net: Mlp, source: Tensor, combined: Tensor) -> Tensor:
    """Offsets (N, K, 3) that open the eyes or lips of ``source`` (N, K, 3) as far as wanted.

    Args:
        net: the network of eyes or of lips.
        source: keypoints of the portrait.
        combined: see ``combined_eyes`` and ``combined_lips``.
    """
    return net(flat_pair(source, combined)).unflatten(1, source.shape[1:])


def motion_multiplier(source: Tensor, first_driving: Tensor) -> Tensor:
    """How much larger the source's face is than the driver's, by the volume of their keypoints.

    Args:
        source: (N, K, 3) keypoints of the portrait.
        first_driving: (N, K, 3) of the first driving frame.

    Returns:
        (N,) square roots of the volumes' ratio; 1 where one of them has no volume.
    """
    volumes = hull_volume(source), hull_volume(first_driving)
    ratio = (volumes[0] / volumes[1]).sqrt()
    usable = torch.isfinite(ratio) & (ratio > 0)
    return torch.where(usable, ratio, 1.0).to(source)

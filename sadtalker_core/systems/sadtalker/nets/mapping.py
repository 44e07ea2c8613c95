"""MappingNet: coefficients of 27 frames become head pose and keypoint offsets of the middle one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

_KERNEL = 7  # of the first convolution
_CROP = 3  # frames that one dilated convolution loses on each side
_SLOPE = 0.1


@dataclass(frozen=True)
class MappingNetConfig:
    """Sizes of MappingNet; the defaults are the published ones.

    Attributes:
        coefficients: 70, or 73 with the crop numbers of the full modes.
        width: channels.
        layers: dilated convolutions.
        bins: of each head angle.
        keypoints: K.
    """

    coefficients: int = 70
    width: int = 1024
    layers: int = 3
    bins: int = 66
    keypoints: int = 15


class MappedMotion(NamedTuple):
    """Bins (N, 66) of three angles, translation (N, 3), keypoint offsets (N, K * 3)."""

    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    translation: Tensor
    expression: Tensor


class MappingNet(nn.Module):
    """Attribute names are those under ``mapping`` in the published checkpoints."""

    def __init__(self, config: MappingNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MappingNetConfig()
        width = config.width
        self.first = nn.Sequential(nn.Conv1d(config.coefficients, width, _KERNEL))
        for i in range(config.layers):
            layer = nn.Sequential(nn.LeakyReLU(_SLOPE), nn.Conv1d(width, width, 3, dilation=_CROP))
            self.add_module(f"encoder{i}", layer)
        self.fc_roll = nn.Linear(width, config.bins)
        self.fc_pitch = nn.Linear(width, config.bins)
        self.fc_yaw = nn.Linear(width, config.bins)
        self.fc_t = nn.Linear(width, 3)
        self.fc_exp = nn.Linear(width, 3 * config.keypoints)

    def forward(self, windows: Tensor) -> MappedMotion:
        """(N, C, 27) coefficients over time -> motion of frame 13."""
        x = self.first(windows)  # (N, width, 21)
        for i in range(self.config.layers):
            x = self.get_submodule(f"encoder{i}")(x) + x[:, :, _CROP:-_CROP]
        x = x.mean(2)
        return MappedMotion(
            yaw=self.fc_yaw(x),
            pitch=self.fc_pitch(x),
            roll=self.fc_roll(x),
            translation=self.fc_t(x),
            expression=self.fc_exp(x),
        )

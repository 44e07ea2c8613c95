"""Controls of the process and the retargeting node of ComfyUI-LivePortraitKJ.

Apart from their arithmetic, so that a node's schema needs no network.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...options import check_options, option

MODES = ("relative", "source_video_smoothed", "relative_rotation_only", "single_frame", "off")


@dataclass(frozen=True)
class ProcessOptions:
    """The controls of the process and the retargeting node."""

    relative_motion_mode: str = option(
        "relative",
        choices=MODES,
        help="What of the driver is used: its change since its first frame (relative), the same "
        "smoothed over a source video, its place in the picture alone (relative_rotation_only), "
        "its pose and expression themselves (single_frame), or its pose alone (off).",
    )
    delta_multiplier: float = option(
        1.0, low=-100.0, high=100.0, help="Strength of the whole expression, the source's too."
    )
    driving_smooth_observation_variance: float = option(
        3e-6, low=1e-11, high=1e-2, help="Calmness of source_video_smoothed."
    )
    expression_friendly: bool = option(
        False, help="Fit motion to the size of the source's face: for a single source."
    )
    expression_friendly_multiplier: float = option(
        1.0, low=0.01, high=100.0, help="Strength of motion with expression_friendly."
    )
    stitching: bool = option(True, help="Fit the moved face to the shoulders.")
    lip_zero: bool = option(False, help="Close the source's open lips first.")
    lip_zero_threshold: float = option(
        0.03, low=0.001, high=4.0, help="Opening of the source's lips from which lip_zero works."
    )
    eye_retargeting: bool = option(False, help="Open the eyes as far as the driver's.")
    eyes_retargeting_multiplier: float = option(
        1.0, low=0.01, high=10.0, help="Factor of all three eye ratios."
    )
    lip_retargeting: bool = option(False, help="Open the lips as far as the driver's.")
    lip_retargeting_multiplier: float = option(
        1.0, low=0.01, high=10.0, help="Factor of both lip ratios."
    )

    def __post_init__(self) -> None:
        check_options(self)

"""Lips of a source video, as LivePortrait's video panel changes them: opened so far, or silent.

Source: ``prepare_retargeting_video`` and ``execute_video_retargeting`` in
``src/gradio_pipeline.py`` of LivePortrait. Results are before stitching.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .carried import closed_lips
from .keypoints import posed
from .points import SourcePoints
from .regions import EYES
from .retarget import FaceRatios, RetargetNets, combined_lips, retargeted
from .smoothing import smoothed

VIDEO_VARIANCE = 3e-6  # the panel's default


def opened_lips(
    source: SourcePoints,
    ratios: FaceRatios,
    target: float,
    nets: RetargetNets,
    variance: float = VIDEO_VARIANCE,
) -> Tensor:
    """Keypoints of a video whose lips are open so far all the time.

    Args:
        source: T frames.
        ratios: openings of its eyes and lips, T rows.
        target: opening of the lips over their width, 0 to 0.8.
        nets: the lips' network is used.
        variance: calmness of the correction, 1e-11 to 1e-2.

    Returns:
        (T, K, 3).
    """
    wanted = torch.full_like(ratios.lip, target)
    offsets = retargeted(nets.lip, source.x, combined_lips(ratios.lip, wanted))
    return source.x + smoothed(offsets, variance)


def silent_lips(source: SourcePoints) -> Tensor:
    """Keypoints (T, K, 3) of a video with closed lips: of the expression only the eyes stay.

    The translation's depth is included, as there.
    """
    exp = closed_lips(source.exp).expand_as(source.exp).clone()
    exp[:, list(EYES)] = source.exp[:, list(EYES)]
    return posed(source.kp, source.rotation, exp, source.scale, source.t)

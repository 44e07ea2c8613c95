"""Driving as the process node of ComfyUI-LivePortraitKJ does it, for its users' saved graphs.

Its modes differ from the original's options, and two of its faults are part of the numbers: with
stitching on it stitches twice, and lip normalisation goes out for good at the first source frame
whose lips are closed. Source: ``liveportrait/live_portrait_pipeline.py`` there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import StructureError
from .keypoints import posed, without_depth
from .points import SourcePoints
from .process_options import ProcessOptions
from .retarget import (
    FaceRatios,
    RetargetNets,
    combined_eyes,
    combined_lips,
    motion_multiplier,
    retargeted,
    stitched,
)
from .smoothing import smoothed


def process_points(
    source: SourcePoints,
    driving: SourcePoints,
    options: ProcessOptions,
    nets: RetargetNets,
    source_ratios: FaceRatios,
    driving_ratios: FaceRatios | None = None,
    frames: int | None = None,
) -> Tensor:
    """Keypoints of every frame.

    Args:
        source: 1 or more frames; the last one stands for all after it.
        driving: the driver's frames, at least as many as come out.
        options: of the node.
        nets: for stitching and retargeting.
        source_ratios: openings of eyes and lips, one row per source frame.
        driving_ratios: one row per driving frame; needed by retargeting.
        frames: how many come out: the driver's by default, and with ``source_video_smoothed``
            the source's.

    Returns:
        (T, K, 3).

    Raises:
        StructureError: the driver has fewer frames than come out, or ratios are missing.
    """
    is_smoothed = options.relative_motion_mode == "source_video_smoothed"
    total = (len(source) if is_smoothed else len(driving)) if frames is None else frames
    if not 0 < total <= len(driving):
        raise StructureError(
            f"{total} frames are wanted of a driver of {len(driving)}; give a longer driver."
        )
    place = torch.arange(total).clamp(max=len(source) - 1)
    rows = _taken(source, place)
    ratios = FaceRatios(source_ratios.eyes[place], source_ratios.lip[place])
    points = _moved(source, rows, driving, total, options)
    if options.expression_friendly:
        factor = motion_multiplier(rows.x[:1], points[:1]) * options.expression_friendly_multiplier
        points = rows.x + (points - points[:1]) * factor[:, None, None]
    if options.eye_retargeting or options.lip_retargeting:
        if driving_ratios is None:
            raise StructureError("retargeting needs the driver's ratios of eyes and lips.")
        offsets = _retargeting(rows, ratios, driving_ratios[:total], options, nets)
        base = points if options.relative_motion_mode == "off" else rows.x
        points = base + offsets
        if options.stitching:
            points = stitched(nets.stitching, rows.x, points)
    else:
        if options.stitching:
            points = stitched(nets.stitching, rows.x, points)
        points = points + _lips_closed(rows, ratios, options, nets)
    return stitched(nets.stitching, rows.x, points) if options.stitching else points


def _moved(
    source: SourcePoints,
    rows: SourcePoints,
    driving: SourcePoints,
    total: int,
    options: ProcessOptions,
) -> Tensor:
    """(T, K, 3) before multipliers, retargeting and stitching."""
    mode = options.relative_motion_mode
    now = driving[:total]
    rotation, exp, scale, translation = now.rotation, rows.exp, rows.scale, now.t
    if mode == "relative":
        first = driving[:1]
        rotation = (now.rotation @ first.rotation.mT) @ rows.rotation
        exp = rows.exp + (now.exp - first.exp)
        scale = rows.scale * (now.scale / first.scale)
        translation = rows.t + (now.t - first.t)
    elif mode == "source_video_smoothed":
        # The expression is smoothed over all of the driver, the rotation over what is used.
        variance = options.driving_smooth_observation_variance
        everywhere = source.exp[torch.arange(len(driving)).clamp(max=len(source) - 1)]
        exp = smoothed(everywhere + driving.exp - driving.exp[:1], variance)[:total]
        whole = driving.rotation[: len(source)]
        turned = (whole @ driving.rotation[:1].mT) @ source.rotation[: len(whole)]
        rotation = smoothed(turned, variance)[:total]
    elif mode == "relative_rotation_only":
        rotation = rows.rotation
    elif mode == "single_frame":
        exp = now.exp
    exp = exp * options.delta_multiplier
    return posed(rows.kp, rotation, exp, scale, without_depth(translation))


def _retargeting(
    rows: SourcePoints,
    ratios: FaceRatios,
    driving: FaceRatios,
    options: ProcessOptions,
    nets: RetargetNets,
) -> Tensor:
    offsets = torch.zeros_like(rows.x)
    if options.eye_retargeting:
        eyes = combined_eyes(ratios.eyes, driving.eyes) * options.eyes_retargeting_multiplier
        offsets = offsets + retargeted(nets.eye, rows.x, eyes)
    if options.lip_retargeting:
        lips = combined_lips(ratios.lip, driving.lip) * options.lip_retargeting_multiplier
        offsets = offsets + retargeted(nets.lip, rows.x, lips)
    return offsets


def _lips_closed(
    rows: SourcePoints, ratios: FaceRatios, options: ProcessOptions, nets: RetargetNets
) -> Tensor:
    if not options.lip_zero:
        return torch.zeros_like(rows.x)
    is_open = (ratios.lip[:, 0] >= options.lip_zero_threshold).to(rows.x)
    still_on = is_open.cumprod(0)[:, None, None]
    closed = combined_lips(ratios.lip, torch.zeros_like(ratios.lip))
    return retargeted(nets.lip, rows.x, closed) * still_on


def _taken(source: SourcePoints, place: Tensor) -> SourcePoints:
    names = ("kp", "exp", "rotation", "pitch_yaw_roll_deg", "t", "scale", "x")
    return SourcePoints(*(getattr(source, name)[place] for name in names))

"""What a portrait takes over of a driver: the formulas of pose and expression, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ...structures import ImplicitMotion
from .config import LivePortraitMotionOptions
from .points import SourcePoints
from .regions import expression_gains, region_mask, scaled_change, scaled_turn
from .smoothing import smoothed

# An expression with closed lips: what a driving picture is compared with, for want of a first
# frame. Source: ``src/utils/resources/lip_array.pkl`` of LivePortrait.
_CLOSED_LIPS = (
    (-9.4524e-05, 0.00024222, -4.00974e-05),
    (0.000208596, 0.000468054, 1.27464e-05),
    (-0.000124602, 0.000324972, 4.425e-06),
    (0.000119652, -0.000456624, 5.40852e-05),
    (-0.000265254, -7.4598e-05, -1.5528e-05),
    (-3.34884e-05, -0.000183036, -3.49404e-06),
    (-4.75428e-07, -4.52466e-07, 1.59498e-06),
    (-0.000541296, 0.0026328, 7.2486e-06),
    (-1.1694e-05, 5.00502e-06, 9.9888e-06),
    (8.0286e-07, 5.19132e-06, -0.000409344),
    (0.000166878, -1.9815e-05, -8.8548e-05),
    (-1.51536e-05, 8.2506e-05, 5.94012e-06),
    (-2.61054e-07, 2.7591e-06, 2.21028e-06),
    (-6.6282e-05, -6.8286e-05, -3.45318e-06),
    (-0.00083262, -0.00179592, -2.59176e-06),
    (6.9714e-06, 3.65514e-05, -1.8978e-06),
    (-4.80876e-06, 7.1148e-06, -1.03236e-05),
    (-0.00063684, -0.0011661, 5.62314e-05),
    (0.00028329, -1.45656e-05, 1.09746e-05),
    (-4.16022e-06, -0.0150906, -0.0025494),
    (0.000222474, 0.00562788, 0.00272646),
)


@dataclass(frozen=True)
class Bearing:
    """Pose and expression of N frames.

    Attributes:
        exp: (1 or N, K, 3) offsets of the expression.
        rotation: (1 or N, 3, 3) for rows.
        scale: (1 or N, 1).
        t: (1 or N, 3) translation, depth included.
    """

    exp: Tensor
    rotation: Tensor
    scale: Tensor
    t: Tensor

    @classmethod
    def of_source(cls, source: SourcePoints) -> Bearing:
        """The portrait as it is."""
        return cls(source.exp, source.rotation, source.scale, source.t)


def compared_with(region: str, like: Tensor) -> Tensor:
    """(21, 3) what the expression of a driving picture is compared with, where it moves a still."""
    lips = closed_lips(like)
    return torch.zeros_like(lips) if region == "eyes" else lips


def no_change(like: ImplicitMotion) -> ImplicitMotion:
    """One frame of relative motion that changes nothing: what such motion is relative to."""
    value = like.expression
    return ImplicitMotion(
        expression=torch.zeros_like(value[:1]),
        rotation=torch.eye(3).to(value)[None],
        translation=value.new_zeros(1, 3),
        scale=value.new_ones(1, 1),
        fps=like.fps,
        is_relative=True,
    )


def closed_lips(like: Tensor) -> Tensor:
    """(21, 3) expression with closed lips, on the device of ``like`` and of its type."""
    return torch.tensor(_CLOSED_LIPS, dtype=like.dtype, device=like.device)


def picture_as_change(driving: ImplicitMotion, since: Tensor, length: int) -> ImplicitMotion:
    """What a driving picture gives in relative motion, as a change held for ``length`` frames.

    The same as the picture itself gives; but changes can be added to it, also of the head.

    Args:
        driving: one frame.
        since: (21, 3) the expression that it is compared with.
        length: frames of the result.
    """
    none = no_change(driving)
    rows: dict[str, Tensor | None] = {
        "expression": driving.expression - since,
        "rotation": none.rotation,
        "translation": none.translation,
        "scale": none.scale,
        "eye_ratios": driving.eye_ratios,
        "lip_ratio": driving.lip_ratio,
    }
    held: dict[str, Any] = {
        name: None if row is None else row.expand(length, *row.shape[1:])
        for name, row in rows.items()
    }
    return ImplicitMotion(**held, fps=driving.fps, is_relative=True)


def carried_to_still(
    source: SourcePoints,
    driving: ImplicitMotion,
    first: ImplicitMotion,
    options: LivePortraitMotionOptions,
    *,
    is_picture: bool,
) -> Bearing:
    """What a picture of a person takes over.

    Args:
        source: one row or N.
        driving: N frames.
        first: (1 frame) the driver at rest; for a picture, ``driving`` itself.
        options: relative, region and gains count.
        is_picture: the driver is a single picture.
    """
    rest = Bearing.of_source(source)
    if not options.relative:
        taken = Bearing(driving.expression, driving.rotation, source.scale, driving.translation)
        return _limited(rest, taken, options, _mask(options.region, False, rest.exp.device))
    since = first.expression if not is_picture else compared_with(options.region, rest.exp)
    taken = Bearing(
        source.exp + (driving.expression - since),
        driving.rotation @ first.rotation.mT @ source.rotation,
        source.scale * (driving.scale / first.scale),
        source.t + (driving.translation - first.translation),
    )
    return _limited(rest, taken, options, _mask(options.region, True, rest.exp.device))


def carried_to_video(
    source: SourcePoints,
    wanted: tuple[Tensor, Tensor],
    driving: ImplicitMotion,
    options: LivePortraitMotionOptions,
) -> Bearing:
    """What N frames of a video of a person take over.

    Args:
        source: N rows.
        wanted: of these frames, from ``wanted_of_video``.
        driving: N frames.
        options: relative, region and gains count.
    """
    rest = Bearing.of_source(source)
    shift = source.t if options.relative else driving.translation
    taken = Bearing(*wanted, source.scale, shift)
    return _limited(rest, taken, options, _mask(options.region, False, rest.exp.device))


def wanted_of_video(
    source: SourcePoints,
    driving: ImplicitMotion,
    first: ImplicitMotion,
    options: LivePortraitMotionOptions,
    *,
    is_picture: bool,
) -> tuple[Tensor, Tensor]:
    """Expression (T, K, 3) and rotation (T, 3, 3) for a whole source video, smoothed over time.

    Args:
        source: T rows.
        driving: T frames, or one with ``is_picture``.
        first: (1 frame) the driver at rest.
        options: relative and smooth count.
        is_picture: the driver is a single picture; nothing is smoothed then.
    """
    if is_picture:
        if not options.relative:
            shape = (len(source), *driving.expression.shape[1:])
            return driving.expression.expand(shape), driving.rotation.expand(len(source), 3, 3)
        change = driving.expression - closed_lips(driving.expression)
        return source.exp + change, source.rotation
    if options.relative:
        exp = source.exp + driving.expression - first.expression
        rotation = driving.rotation @ first.rotation.mT @ source.rotation
    else:
        exp, rotation = driving.expression, driving.rotation
    return smoothed(exp, options.smooth), smoothed(rotation, options.smooth)


def carried_to_animal(
    source: SourcePoints,
    driving: ImplicitMotion,
    first: ImplicitMotion | None,
    options: LivePortraitMotionOptions,
) -> Bearing:
    """What a picture of an animal takes over: the driver's own pose and expression.

    What region and gains, which the original ignores here, leave out stays as ``first`` has it.

    Args:
        source: one row or N.
        driving: N frames.
        first: (1 frame) the driver at rest, where the motion since then is fitted to the animal
            afterwards; None where it is not, and the animal's own bearing stays.
        options: region and gains count.
    """
    rest = Bearing.of_source(source)
    if first is not None:
        rest = Bearing(first.expression, first.rotation, source.scale, first.translation)
    taken = Bearing(driving.expression, driving.rotation, source.scale, driving.translation)
    return _limited(rest, taken, options, _mask(options.region, True, rest.exp.device))


@lru_cache(maxsize=32)
def _mask(region: str, whole: bool, device: torch.device) -> Tensor:
    """As ``region_mask``; with ``whole`` a whole expression is every number of it.

    Kept, because a camera asks for it at every frame. It is only read.
    """
    with torch.inference_mode(False):
        mask = region_mask(region, device)
        return torch.ones_like(mask) if whole and region in ("all", "exp") else mask


def _limited(
    rest: Bearing, taken: Bearing, options: LivePortraitMotionOptions, mask: Tensor
) -> Bearing:
    """``taken`` where the region wants it, as strong as the gains say; elsewhere ``rest``."""
    exp = torch.where(mask, taken.exp, rest.exp)
    gains = expression_gains(options, exp.device)
    if gains is not None:
        exp = scaled_change(rest.exp, exp, gains)
    rotation, scale, t = rest.rotation, rest.scale, rest.t
    if options.region in ("all", "pose"):
        rotation = scaled_turn(rest.rotation, taken.rotation, options.pose)
        t = scaled_change(rest.t, taken.t, options.pose)
    if options.region == "all":
        scale = scaled_change(rest.scale, taken.scale, options.scale)
    return Bearing(exp, rotation, scale, t)

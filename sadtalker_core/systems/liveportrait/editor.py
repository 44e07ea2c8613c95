"""Keypoints of a face that is changed by hand: our sliders, the original's panel, the editor node.

The three move the same numbers and differ in what surrounds them.

- ``apply_sliders``, ours: what no slider touches stays as it is, to the bit, in a still as in
  every frame of a video.
- ``panel_points``: LivePortrait's image panel. The translation's depth is in the result although
  it is not in the source's keypoints.
- ``editor_points``: the ComfyUI expression editor. The expression turns with the head, and a
  sample picture or a saved expression can be added.

Source of the last two: ``src/gradio_pipeline.py`` of LivePortrait; ``nodes.py`` of
ComfyUI-AdvancedLivePortrait.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import OptionError, StructureError
from ...expression_sliders import ExpressionSliders
from ...geometry.keyframes import slider_curves
from ...geometry.pose import degrees_liveportrait, rotation_liveportrait
from ...records import TensorRecord, check_shape
from ...structures import ImplicitMotion
from .keypoints import posed, without_depth
from .points import SourcePoints
from .retarget import (
    FaceRatios,
    Mlp,
    RetargetNets,
    combined_eyes,
    combined_lips,
    retargeted,
    stitched,
)
from .sliders import EDITOR, PANEL, SLIDERS, SliderValues, pushed, turned

SAMPLE_PARTS = ("OnlyExpression", "OnlyRotation", "OnlyMouth", "OnlyEyes", "All")
_SAMPLE_MOUTH = (14, 17, 19, 20)
_SAMPLE_EYES = (1, 2, 11, 13, 15, 16)
_WHOLE_HEAD = 5


@dataclass(frozen=True)
class ExpressionChange(TensorRecord):
    """What an expression editor adds to a face; what its ``save_exp`` holds.

    Attributes:
        expression: (1, K, 3) offsets.
        degrees: (3,) pitch, yaw, roll.
        scale: (1,) added to a scale of 1.
        translation: (3,); the editor keeps it and does not use it, the command player does.
    """

    expression: Tensor
    degrees: Tensor
    scale: Tensor
    translation: Tensor

    def __post_init__(self) -> None:
        check_shape("ExpressionChange", "expression", self.expression, (1, None, 3))
        check_shape("ExpressionChange", "degrees", self.degrees, (3,))
        check_shape("ExpressionChange", "scale", self.scale, (1,))
        check_shape("ExpressionChange", "translation", self.translation, (3,))

    @classmethod
    def none(cls, like: Tensor) -> ExpressionChange:
        """No change, for (..., K, 3) keypoints like these."""
        keypoints = like.new_zeros(1, like.shape[-2], 3)
        return cls(keypoints, like.new_zeros(3), like.new_zeros(1), like.new_zeros(3))

    def plus(self, other: ExpressionChange, share: float = 1.0) -> ExpressionChange:
        """Both together, the other one ``share`` times."""
        return ExpressionChange(
            self.expression + other.expression * share,
            self.degrees + other.degrees * share,
            self.scale + other.scale * share,
            self.translation + other.translation * share,
        )


def slider_values(
    sliders: ExpressionSliders, times_s: Tensor, device: torch.device | str = "cpu"
) -> SliderValues:
    """Every slider that is moved, at (T,) seconds, float32 on ``device``.

    Raises ``OptionError`` for a text that is no number and no list of keyframes.
    """
    curves = slider_curves(sliders, times_s.cpu())
    return {name: curve.float().to(device) for name, curve in curves.items()}


def apply_sliders(
    source: SourcePoints,
    values: SliderValues,
    ratios: FaceRatios | None = None,
    nets: RetargetNets | None = None,
    stitching: bool = True,
) -> Tensor:
    """Keypoints of the changed face; without any change they are ``source.x`` to the bit.

    Args:
        source: 1 or N frames.
        values: (1 or N,) of each moved slider, by its name in ``ExpressionSliders``; see
            ``slider_values``.
        ratios: openings of the source's eyes and lips, as many rows as ``source``; needed by the
            sliders ``eyes_open_ratio`` and ``lip_open_ratio``.
        nets: needed by these and by stitching.
        stitching: fit what was changed to the shoulders. A face that no slider changes is left
            alone.

    Returns:
        (N, K, 3).

    Raises:
        OptionError: there is no such slider.
        StructureError: a slider needs networks or ratios that are not given, or lengths differ.
    """
    frames = _frames(source, values)
    moved = {k: v for k, v in values.items() if k not in ("eyes_open_ratio", "lip_open_ratio")}
    expression = source.exp + pushed(SLIDERS, moved, source.exp, frames)
    degrees = turned(SLIDERS, moved, source.exp, frames)
    rotation = torch.where(
        (degrees == 0).all(1)[:, None, None],
        source.rotation,
        rotation_liveportrait(source.pitch_yaw_roll_deg + degrees),
    )
    scale = source.scale * _column(values, "mov_z", source)
    points = posed(source.kp, rotation, expression, scale, without_depth(source.t))
    points = points + _opened(source, values, ratios, nets, frames)
    if not stitching:
        return points
    if nets is None:
        raise StructureError("stitching needs its network; load LivePortrait's weights.")
    still = source.x.expand_as(points)
    is_same = (points == still).flatten(1).all(1)[:, None, None]
    return torch.where(is_same, still, stitched(nets.stitching, still, points))


def slid_motion(motion: ImplicitMotion, values: SliderValues) -> ImplicitMotion:
    """A driver's motion with the sliders' change on top: somebody who talks, and smiles.

    Drive with relative motion and the driver's own first frame as ``first``, so that the change is
    not taken for the driver's rest. What no slider touches stays to the bit.

    Args:
        motion: T frames.
        values: (1 or T,) of each moved slider, without the two ratios: they have networks, and
            options of their own in driving.

    Raises:
        OptionError: there is no such slider, or it is a ratio.
        StructureError: lengths differ.
    """
    ratio = next((name for name in values if name.endswith("_ratio")), None)
    if ratio is not None:
        raise OptionError(f"{ratio} cannot be added to a driver; use eye or lip retargeting.")
    frames = len(motion)
    if any(len(value) not in (1, frames) for value in values.values()):
        raise StructureError(f"sliders must have one value or one per frame ({frames}).")
    degrees = turned(SLIDERS, values, motion.expression, frames)
    rotation = torch.where(
        (degrees == 0).all(1)[:, None, None],
        motion.rotation,
        rotation_liveportrait(degrees_liveportrait(motion.rotation) + degrees),
    )
    size = values["mov_z"].to(motion.scale)[:, None] if "mov_z" in values else 1.0
    return dataclasses.replace(
        motion,
        expression=motion.expression + pushed(SLIDERS, values, motion.expression, frames),
        rotation=rotation,
        scale=motion.scale * size,
    )


def panel_points(
    source: SourcePoints,
    values: SliderValues,
    ratios: FaceRatios | None = None,
    nets: RetargetNets | None = None,
    stitching: bool = True,
) -> Tensor:
    """Keypoints as LivePortrait's retargeting panel for images gives them.

    Args:
        source: 1 or N frames.
        values: (1 or N,) by the names of ``PANEL``; a ratio only where it was moved.
        ratios: see ``apply_sliders``.
        nets: see ``apply_sliders``.
        stitching: as the panel's switch.

    Returns:
        (N, K, 3).
    """
    frames = _frames(source, values)
    expression = source.exp + pushed(PANEL, values, source.exp, frames)
    degrees = source.pitch_yaw_roll_deg + turned(PANEL, values, source.exp, frames)
    scale = source.scale * _column(values, "mov_z", source)
    points = posed(source.kp, rotation_liveportrait(degrees), expression, scale, source.t)
    points = points + _opened(source, values, ratios, nets, frames)
    if stitching:
        if nets is None:
            raise StructureError("stitching needs its network; load LivePortrait's weights.")
        points = stitched(nets.stitching, source.x.expand_as(points), points)
    return points


def editor_change(
    values: SliderValues,
    like: Tensor,
    sample: SourcePoints | None = None,
    sample_parts: str = "OnlyExpression",
    sample_ratio: float = 1.0,
    added: ExpressionChange | None = None,
) -> ExpressionChange:
    """What the expression editor's controls amount to: its ``save_exp``.

    Args:
        values: (1,) of each moved slider, by the names of ``EDITOR``.
        like: (..., K, 3) keypoints, for device, type and K.
        sample: one frame, the sample picture's face, or None.
        sample_parts: what is taken of it, one of ``SAMPLE_PARTS``.
        sample_ratio: how much of it.
        added: an expression saved before.

    Raises:
        OptionError: there is no such slider or part.
    """
    change = ExpressionChange.none(like)
    expression = change.expression + pushed(EDITOR, values, like, 1)
    degrees = change.degrees + turned(EDITOR, values, like, 1)[0]
    if sample_parts not in SAMPLE_PARTS:
        raise OptionError(
            f"sample_parts is {sample_parts!r}, known values are: {', '.join(SAMPLE_PARTS)}."
        )
    if sample is not None:
        expression = expression + _sampled(sample.exp, sample_parts) * sample_ratio
        if sample_parts in ("OnlyRotation", "All"):
            degrees = degrees + sample.pitch_yaw_roll_deg[0] * sample_ratio
    change = ExpressionChange(expression, degrees, change.scale, change.translation)
    return change if added is None else change.plus(added)


def editor_points(
    source: SourcePoints,
    change: ExpressionChange,
    stitching: Mlp | None,
    src_ratio: float = 1.0,
) -> Tensor:
    """Keypoints as the expression editor gives them.

    Args:
        source: N frames.
        change: what is added to each.
        stitching: its network; None leaves the keypoints as they are, which the editor never does.
        src_ratio: how much of the source's own expression stays; the head's place always does.

    Returns:
        (N, K, 3).
    """
    share = torch.full_like(source.exp[:1, :, :1], src_ratio)
    share[:, _WHOLE_HEAD] = 1.0
    face = source.kp + source.exp * share + change.expression
    rotation = rotation_liveportrait(source.pitch_yaw_roll_deg + change.degrees)
    scale = source.scale * (1 + change.scale)
    points = (face @ rotation) * scale[:, None] + source.t[:, None]
    return points if stitching is None else stitched(stitching, source.x, points)


def _sampled(expression: Tensor, parts: str) -> Tensor:
    """(1, K, 3) what of a sample's expression (1, K, 3) the editor takes."""
    if parts == "OnlyRotation":
        return torch.zeros_like(expression)
    if parts in ("OnlyMouth", "OnlyEyes"):
        kept = _SAMPLE_MOUTH if parts == "OnlyMouth" else _SAMPLE_EYES
        mask = torch.zeros_like(expression)
        mask[:, list(kept)] = 1.0
        return expression * mask
    resting = torch.ones_like(expression)
    resting[:, _WHOLE_HEAD, :2] = 0.0
    return expression * resting


def _opened(
    source: SourcePoints,
    values: SliderValues,
    ratios: FaceRatios | None,
    nets: RetargetNets | None,
    frames: int,
) -> Tensor:
    """(N, K, 3) offsets that open eyes and lips as far as the ratio sliders say."""
    still = source.x.expand(frames, *source.x.shape[1:])
    offsets = torch.zeros_like(still)
    for name in ("eyes_open_ratio", "lip_open_ratio"):
        if name not in values:
            continue
        if ratios is None or nets is None:
            raise StructureError(
                f"the slider {name} needs LivePortrait's retargeting networks and the source's "
                "ratios of eyes and lips."
            )
        wanted = values[name].to(still)[:, None].expand(frames, 1)
        if name == "eyes_open_ratio":
            combined = combined_eyes(ratios.eyes.to(still).expand(frames, 2), wanted)
            offsets = offsets + retargeted(nets.eye, still, combined)
        else:
            combined = combined_lips(ratios.lip.to(still).expand(frames, 1), wanted)
            offsets = offsets + retargeted(nets.lip, still, combined)
    return offsets


def _column(values: SliderValues, name: str, source: SourcePoints) -> Tensor:
    """(1 or N, 1) a slider that multiplies, 1 where it was not moved."""
    if name not in values:
        return torch.ones_like(source.scale[:1])
    return values[name].to(source.scale)[:, None]


def _frames(source: SourcePoints, values: SliderValues) -> int:
    """How many frames come out; one frame of the source or one value serves them all."""
    lengths = {len(source), *(len(value) for value in values.values())} - {1}
    if len(lengths) > 1:
        raise StructureError(
            f"sliders and source must have one frame or the same number, got {sorted(lengths)}."
        )
    return lengths.pop() if lengths else 1

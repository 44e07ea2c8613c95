"""The expression sliders as controls of the built-in engine.

Most amounts were read off real motion: templates that LivePortrait's network wrote, beside the
clips they were made from, tell how many E a mouth opens, or how far an eye closes, for one unit of
the keypoints that a slider moves. What LivePortrait's tables say of sides and signs is kept: with
its own axes, a positive pitch looks down, and a positive yaw turns to the viewer's left, which the
editor's ``rotate_yaw`` turns round.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import torch
from torch import Tensor

from ...errors import StructureError
from ...expression_sliders import ExpressionSliders
from ...geometry.keyframes import slider_curves
from ...structures import LiteMotion
from .render import PreparedPortrait
from .steady import shown, soft_limited

_GROW_PER_Z = 0.35  # the head's growth for a translation of 1 E toward the viewer
_MOVE_E = 1.6  # of one unit of mov_x and mov_y: their range is what the engine can show


def slider_motion(
    sliders: ExpressionSliders,
    length: int,
    fps: Fraction,
    portrait: PreparedPortrait,
    base: LiteMotion | None = None,
    start: int = 0,
) -> LiteMotion:
    """Motion with the sliders' changes.

    Args:
        sliders: numbers, or keyframes over the motion's time; frame k is the moment k / fps.
        length: frames, T; one for a still picture.
        fps: frames per second.
        portrait: what is edited: how far it stands open, and whether an opening of 0 is a closed
            mouth or its own.
        base: T frames of motion that the sliders add to; None leaves the picture as it is. What
            no slider touches stays its own to the bit.
        start: number of the first frame, where this is part of a longer motion.

    Raises:
        OptionError: a slider's text is not a number or keyframes, or a value is out of range.
        StructureError: the base has another length.
    """
    motion = LiteMotion.rest(length, fps) if base is None else base
    if len(motion) != length:
        raise StructureError(f"the base has {len(motion)} frames, {length} were asked for.")
    times = torch.arange(start, start + length, dtype=torch.float64) / float(fps)
    curves = slider_curves(sliders, times)
    if not curves:
        return motion
    names = [field.name for field in dataclasses.fields(sliders)]
    value = {name: curves.get(name, torch.zeros_like(times)) for name in names}
    value["mov_z"] = curves.get("mov_z", torch.ones_like(times))
    change = {**_mouth(value), **_eyes(value), **_head(value)}
    columns: dict[str, Tensor] = {}
    for name, added in change.items():
        own = getattr(motion, name)
        if bool((added != 0).any()):
            columns[name] = shown(name, own + added.to(own))
    source = portrait.opening
    # the two ratios say how far open, whatever else moves
    if "eyes_open_ratio" in curves:
        widths = torch.tensor(source.eyes, dtype=torch.float64).clamp(min=0.05)
        lids = 1 - curves["eyes_open_ratio"][:, None] / widths
        columns["lids"] = soft_limited(lids, -0.3, 1.0, 0.9).to(motion.lids)
    if "lip_open_ratio" in curves:
        own = 0.0 if portrait.closes_mouth else source.lips
        # the ratio is of the tracked opening, about 1.4 times as large as the lips are apart
        gap = (curves["lip_open_ratio"] - own) * (source.mouth_px / portrait.frame.unit_px) / 1.4
        gap = shown("open", gap)
        columns["open"] = gap.to(motion.open)
        columns["jaw"] = (0.45 * gap.clamp(min=0)).to(motion.jaw)
    return dataclasses.replace(motion, **columns)


def _mouth(value: dict[str, Tensor]) -> dict[str, Tensor]:
    smile, aaa, eee, woo = (value[name] for name in ("smile", "aaa", "eee", "woo"))
    # the engine cannot move a mouth to one side: it pouts straight ahead
    wink, pouting = value["wink"], value["pouting"]
    grin = eee.clamp(min=0)
    return {
        # an open 'aaa' at 60 is a wide open mouth of speech
        "open": 0.0020 * aaa + 0.0022 * grin,
        "jaw": 0.0009 * aaa.clamp(min=0),
        "press": (-aaa / 30).clamp(0, 1) + (-eee / 20).clamp(0, 1) * 0.5,
        "width": 0.065 * smile + 0.0060 * eee - 0.0055 * woo,
        "corners": 0.050 * smile + 0.0010 * eee + 0.0004 * wink,
        "pucker": 0.066 * woo.clamp(min=0) + 11.0 * pouting.abs(),
    }


def _eyes(value: dict[str, Tensor]) -> dict[str, Tensor]:
    blink, wink, brow = value["blink"], value["wink"], value["eyebrow"]
    look_x, look_y = value["pupil_x"], value["pupil_y"]
    # lids follow the eyes up and down
    both = -blink / 20 - 0.012 * look_y
    raised = torch.where(brow > 0, 0.0024 * brow, 0.0016 * brow)
    gaze = torch.stack((0.0055 * look_x, -0.0030 * look_y), 1)
    return {
        "lids": torch.stack((both + wink / 25, both + 0.004 * wink), 1),
        "gaze": gaze,
        "brows": torch.stack((raised - 0.0008 * wink, raised), 1),
    }


def _head(value: dict[str, Tensor]) -> dict[str, Tensor]:
    wink = value["wink"]
    degrees = torch.stack(
        (
            value["rotate_pitch"] - 0.05 * value["aaa"],
            value["rotate_yaw"] + 0.1 * wink,
            value["rotate_roll"] - 0.1 * wink,
        ),
        1,
    )
    shift = torch.stack(
        (
            -_MOVE_E * value["mov_x"],
            _MOVE_E * value["mov_y"],
            (value["mov_z"] - 1) / _GROW_PER_Z,
        ),
        1,
    )
    return {"rotation_rad": degrees * (math.pi / 180), "translation": shift}

"""Head and controls of a motion set by keyframes, written as text."""

from __future__ import annotations

import dataclasses
import math
from typing import TypeVar

import torch
from torch import Tensor

from ..geometry.keyframes import slider_curves
from ..structures import Coeff3DMM, ImplicitMotion, LiteMotion
from .borrowed import as_kind
from .head_pose import lite_from_coeff
from .keyframe_options import KeyframeOptions
from .motion_combine import combined

Motion = Coeff3DMM | ImplicitMotion | LiteMotion
M = TypeVar("M", bound=Motion)

_RADIANS = math.pi / 180
_ANY = (-math.inf, math.inf)
# Field, region, columns, what the built-in renderer can show: kept when keyframes are added.
_CONTROLS: dict[str, tuple[str, str, tuple[int, ...], tuple[float, float]]] = {
    "pitch": ("rotation_rad", "head", (0,), _ANY),
    "yaw": ("rotation_rad", "head", (1,), _ANY),
    "roll": ("rotation_rad", "head", (2,), _ANY),
    "shift_x": ("translation", "head", (0,), _ANY),
    "shift_y": ("translation", "head", (1,), _ANY),
    "shift_z": ("translation", "head", (2,), _ANY),
    "mouth_open": ("open", "mouth", (0,), (0.0, 0.2)),
    "mouth_width": ("width", "mouth", (0,), (-0.15, 0.2)),
    "pucker": ("pucker", "mouth", (0,), (0.0, 1.0)),
    "smile": ("corners", "mouth", (0,), (-0.08, 0.08)),
    "jaw": ("jaw", "mouth", (0,), (-0.1, 0.22)),
    "press": ("press", "mouth", (0,), (0.0, 1.0)),
    "blink": ("lids", "eyes", (0, 1), (-0.3, 1.0)),
    "gaze_x": ("gaze", "eyes", (0,), (-0.08, 0.08)),
    "gaze_y": ("gaze", "eyes", (1,), (-0.08, 0.08)),
    "brows": ("brows", "brows", (0, 1), (-0.12, 0.12)),
}


def keyframed(motion: M, options: KeyframeOptions, source: Coeff3DMM | None = None) -> M:
    """A motion whose head and controls follow keyframes; frame k is the moment k / fps.

    Values are those of the built-in engine's controls whatever the motion's kind. What no keyframe
    touches stays: of built-in controls to the bit, of other kinds by region.

    Args:
        motion: of any kind.
        options: what to set.
        source: one frame, the coefficients of the portrait that is moved, for a ``Coeff3DMM``; its
            first frame by default.

    Raises:
        OptionError: a text is no number and no list of keyframes, or out of range.
        StructureError: keyframes of the face for coefficients, which only take the head's.
    """
    times = torch.arange(len(motion), dtype=torch.float64) / float(motion.fps)
    curves = slider_curves(options, times)
    if not curves:
        return motion
    if isinstance(motion, LiteMotion):
        return _set(motion, curves, options.mode == "add")  # pyright: ignore[reportReturnType]
    if isinstance(motion, Coeff3DMM):
        own = lite_from_coeff(motion, motion[:1] if source is None else source)
    else:
        own = as_kind(motion, LiteMotion)
    assert isinstance(own, LiteMotion)
    made = _set(own, curves, options.mode == "add")
    regions = dict.fromkeys(_CONTROLS[name][1] for name in curves)
    return combined(motion, dict.fromkeys(regions, made), source)


def _set(motion: LiteMotion, curves: dict[str, Tensor], is_added: bool) -> LiteMotion:
    changed: dict[str, Tensor] = {}
    for name, curve in curves.items():
        field, _, columns, limits = _CONTROLS[name]
        before: Tensor = changed[field] if field in changed else getattr(motion, field)
        column = (curve * (_RADIANS if field == "rotation_rad" else 1.0)).to(before)
        rows = before.clone().reshape(len(motion), -1)
        for k in columns:
            found = rows[:, k] + column if is_added else column
            rows[:, k] = found.clamp(*limits)
        changed[field] = rows.reshape(before.shape)
    return dataclasses.replace(motion, **changed)

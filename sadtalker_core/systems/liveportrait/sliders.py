"""What each slider does to the keypoints: two tables, as the programs have them that users know.

``PANEL`` is the retargeting panel of LivePortrait (``src/gradio_pipeline.py``), ``EDITOR`` the
expression editor node (ComfyUI-AdvancedLivePortrait, ``nodes.py``). A slider pushes single
coordinates of the expression by so much per unit, and may turn the head. Keypoints: 1 and 2 brows,
3 and 7 cheeks, 5 the whole head, 11 and 15 eyes, 13 and 16 lower lids, 14 and 20 upper lip and
corners, 17 and 19 lower lip and jaw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import OptionError

Pushes = tuple[tuple[int, int, float], ...]
SliderValues = Mapping[str, Tensor]
_X, _Y, _Z = 0, 1, 2
PITCH, YAW, ROLL = 0, 1, 2


@dataclass(frozen=True)
class Slider:
    """One slider.

    Attributes:
        low: smallest value.
        high: largest value.
        default: where nothing changes; None where that is the source's own value.
        step: of the control in the original.
        pushes: (keypoint, axis, amount per unit) on the expression.
        pushes_below: the same where the value is not above 0, or None if they do not differ.
        degrees: what it adds per unit to pitch, yaw and roll of the head.
    """

    low: float
    high: float
    default: float | None
    step: float
    pushes: Pushes = ()
    pushes_below: Pushes | None = None
    degrees: tuple[float, float, float] = (0.0, 0.0, 0.0)


_SMILE: Pushes = (
    *((20, _Y, -0.01), (14, _Y, -0.02), (17, _Y, 0.0065), (17, _Z, 0.003)),
    *((13, _Y, -0.00275), (16, _Y, -0.00275), (3, _Y, -0.0035), (7, _Y, -0.0035)),
)
_WINK: Pushes = (
    *((11, _Y, 0.001), (13, _Y, -0.0003), (17, _X, 0.0003), (17, _Y, 0.0003)),
    (3, _Y, -0.0003),
)
_BROWS_UP: Pushes = ((1, _Y, 0.001), (2, _Y, -0.001))
_BROWS_DOWN: Pushes = ((1, _X, -0.001), (2, _X, 0.001), (1, _Y, 0.0003), (2, _Y, -0.0003))
_GAZE_RIGHT: Pushes = ((11, _X, 0.0007), (15, _X, 0.001))
_GAZE_LEFT: Pushes = ((11, _X, 0.001), (15, _X, 0.0007))
# Looking up or down moves the lids along, so these are the sums of gaze and half a blink.
_GAZE_UP: Pushes = ((11, _Y, -0.0005), (15, _Y, -0.0005), (13, _Y, -0.00015), (16, _Y, -0.00015))
_JAW: Pushes = ((19, _Y, 0.001), (19, _Z, 0.0001), (17, _Y, -0.0001))
_GRIN: Pushes = ((20, _Z, -0.001), (20, _Y, -0.001), (14, _Y, -0.001))
_PURSE: Pushes = ((14, _Y, 0.001), (3, _Y, -0.0005), (7, _Y, -0.0005), (17, _Z, -0.0005))

PANEL: dict[str, Slider] = {
    "smile": Slider(-0.3, 1.3, 0, 0.01, _SMILE),
    "wink": Slider(0, 39, 0, 0.01, _WINK),
    "eyebrow": Slider(-30, 30, 0, 0.01, _BROWS_UP, _BROWS_DOWN),
    "eyeball_direction_x": Slider(-30, 30, 0, 0.01, _GAZE_RIGHT, _GAZE_LEFT),
    "eyeball_direction_y": Slider(-63, 63, 0, 0.01, _GAZE_UP),
    "lip_variation_zero": Slider(-0.09, 0.09, 0, 0.01, ((19, _X, 1.0),)),
    "lip_variation_one": Slider(-20, 15, 0, 0.01, _PURSE),
    "lip_variation_two": Slider(0, 15, 0, 0.01, _GRIN),
    "lip_variation_three": Slider(-90, 120, 0, 1.0, _JAW),
    "mov_x": Slider(-0.19, 0.19, 0, 0.01, ((5, _X, -1.0),)),
    "mov_y": Slider(-0.19, 0.19, 0, 0.01, ((5, _Y, 1.0),)),
    "mov_z": Slider(0.9, 1.2, 1.0, 0.01),
    "head_pitch": Slider(-15, 15, 0, 1, degrees=(1, 0, 0)),
    "head_yaw": Slider(-25, 25, 0, 1, degrees=(0, 1, 0)),
    "head_roll": Slider(-15, 15, 0, 1, degrees=(0, 0, 1)),
    "eyes_open_ratio": Slider(0, 0.8, None, 0.01),
    "lip_open_ratio": Slider(0, 0.8, None, 0.01),
}

_BLINK: Pushes = (
    *((11, _Y, -0.001), (13, _Y, 0.0003), (15, _Y, -0.001), (16, _Y, 0.0003)),
    *((1, _Y, -0.00025), (2, _Y, 0.00025)),
)

EDITOR: dict[str, Slider] = {
    "rotate_pitch": Slider(-20, 20, 0, 0.5, degrees=(1, 0, 0)),
    "rotate_yaw": Slider(-20, 20, 0, 0.5, degrees=(0, -1, 0)),
    "rotate_roll": Slider(-20, 20, 0, 0.5, degrees=(0, 0, 1)),
    "blink": Slider(-20, 5, 0, 0.5, _BLINK),
    "eyebrow": Slider(-10, 15, 0, 0.5, _BROWS_UP, _BROWS_DOWN),
    "wink": Slider(0, 25, 0, 0.5, _WINK, degrees=(0, -0.1, -0.1)),
    "pupil_x": Slider(-15, 15, 0, 0.5, _GAZE_RIGHT, _GAZE_LEFT),
    "pupil_y": Slider(-15, 15, 0, 0.5, (*_GAZE_UP, (1, _Y, 0.000125), (2, _Y, -0.000125))),
    "aaa": Slider(-30, 120, 0, 1, _JAW, degrees=(-0.05, 0, 0)),
    "eee": Slider(-20, 15, 0, 0.2, _GRIN),
    "woo": Slider(-20, 15, 0, 0.2, _PURSE),
    "smile": Slider(-0.3, 1.3, 0, 0.01, _SMILE),
    "src_ratio": Slider(0, 1, 1, 0.01),
    "sample_ratio": Slider(-0.2, 1.2, 1, 0.01),
    "crop_factor": Slider(1.5, 2.5, 1.7, 0.1),
}

# The sliders of ``ExpressionSliders``: the editor's, and what only the panel has.
SLIDERS: dict[str, Slider] = {
    **{name: slider for name, slider in EDITOR.items() if slider.pushes or any(slider.degrees)},
    "pouting": PANEL["lip_variation_zero"],
    **{name: PANEL[name] for name in ("mov_x", "mov_y", "mov_z")},
    **{name: PANEL[name] for name in ("eyes_open_ratio", "lip_open_ratio")},
}


def pushed(table: Mapping[str, Slider], values: SliderValues, like: Tensor, frames: int) -> Tensor:
    """Offsets of the expression that sliders ask for; exactly 0 where none pushes.

    Args:
        table: ``PANEL``, ``EDITOR`` or ``SLIDERS``.
        values: (1 or N,) for each slider that is moved.
        like: (..., K, 3), for the device, the type and K.
        frames: N.

    Returns:
        (N, K, 3).

    Raises:
        OptionError: a slider is not in the table.
    """
    count = like.shape[-2]
    offsets = like.new_zeros(frames, count, 3)
    for name, value in values.items():
        slider = _slider(table, name)
        amounts = value.to(offsets)
        below = slider.pushes if slider.pushes_below is None else slider.pushes_below
        is_above = (amounts > 0).to(offsets)
        for pushes, share in ((slider.pushes, is_above), (below, 1 - is_above)):
            for keypoint, axis, amount in pushes:
                offsets[:, keypoint, axis] += amount * amounts * share
    return offsets


def turned(table: Mapping[str, Slider], values: SliderValues, like: Tensor, frames: int) -> Tensor:
    """(N, 3) degrees of pitch, yaw and roll that sliders add; see ``pushed``."""
    degrees = like.new_zeros(frames, 3)
    for name, value in values.items():
        for axis, amount in enumerate(_slider(table, name).degrees):
            if amount:
                degrees[:, axis] += amount * value.to(degrees)
    return degrees


def still_values(numbers: Mapping[str, float], device: torch.device | str = "cpu") -> SliderValues:
    """Numbers as values of one frame."""
    return {
        name: torch.tensor([value], dtype=torch.float32, device=device)
        for name, value in numbers.items()
    }


def _slider(table: Mapping[str, Slider], name: str) -> Slider:
    if name not in table:
        raise OptionError(f"there is no slider {name!r} here, known are: {', '.join(table)}.")
    return table[name]

"""The sliders of an expression editor, understood by every engine that can move a portrait.

Names and units are those that users of LivePortrait's tools know: the expression editor node of
ComfyUI-AdvancedLivePortrait, and LivePortrait's own retargeting panel for what only that has
(``pouting``, ``mov_*``, the two ratios). Where both have a slider, the wider range is allowed.
Left and right are the viewer's.
"""

from __future__ import annotations

from dataclasses import dataclass

from .options import check_options, option

TURN_DEG = 25.0


def _slider(low: float, high: float, help: str, unit: str = "") -> str:
    """A slider that may also change over time: a number, or ``seconds:value`` pairs."""
    return option("", keyframes=True, low=low, high=high, unit=unit, help=help)


@dataclass(frozen=True)
class ExpressionSliders:
    """What is changed about a face. Every slider is text: empty leaves that part alone, a number
    holds, ``0:0, 1.5:10`` moves over time (``geometry.keyframes.slider_curves`` reads it).
    """

    rotate_pitch: str = _slider(-20, 20, "Nods the head: positive looks down.", "deg")
    rotate_yaw: str = _slider(
        -TURN_DEG, TURN_DEG, "Turns the head: positive to the viewer's right.", "deg"
    )
    rotate_roll: str = _slider(-20, 20, "Leans the head: positive to the viewer's right.", "deg")
    blink: str = _slider(-20, 5, "Eyelids: negative closes both, positive opens them wider.")
    eyebrow: str = _slider(-30, 30, "Brows: positive raises, negative frowns.")
    wink: str = _slider(0, 39, "Closes the viewer's left eye.")
    pupil_x: str = _slider(-30, 30, "Looks aside: positive to the viewer's right.")
    pupil_y: str = _slider(-63, 63, "Looks up (positive) or down.")
    aaa: str = _slider(-90, 120, "Opens the mouth as in 'aaa'; negative closes it.")
    eee: str = _slider(-20, 15, "Spreads the lips as in 'eee'.")
    woo: str = _slider(-20, 15, "Rounds the lips as in 'woo'.")
    smile: str = _slider(-0.3, 1.3, "Smiles; negative is a sad mouth.")
    pouting: str = _slider(
        -0.09,
        0.09,
        "Pouts to one side: positive to the viewer's right (built-in engine: straight ahead).",
    )
    mov_x: str = _slider(-0.19, 0.19, "Moves the head aside: positive to the viewer's left.")
    mov_y: str = _slider(-0.19, 0.19, "Moves the head up (negative) or down (positive).")
    mov_z: str = _slider(0.9, 1.2, "Size of the head: 1 as it is.")
    eyes_open_ratio: str = _slider(0, 0.8, "Opening of the eyes over their width; usual is 0.35.")
    lip_open_ratio: str = _slider(0, 0.8, "Opening of the lips over their width; 0 is closed.")

    def __post_init__(self) -> None:
        check_options(self)

    @classmethod
    def of(cls, **values: float | str) -> ExpressionSliders:
        """Sliders from numbers or keyframe texts by name."""
        return cls(
            **{
                name: value if isinstance(value, str) else f"{value:.10g}"
                for name, value in values.items()
            }
        )

    @property
    def is_untouched(self) -> bool:
        """Whether no slider was moved."""
        return self == ExpressionSliders()

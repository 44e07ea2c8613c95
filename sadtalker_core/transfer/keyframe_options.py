"""Options of keyframes for head and controls."""

from __future__ import annotations

from dataclasses import dataclass

from ..geometry.keyframes import last_keyframe
from ..options import check_options, option

_HOW = "A number, or seconds:value pairs such as 0:0, 1.5:10, 3:0; empty leaves it."
_E = "distances between the outer corners of the eyes"


def _angle(what: str) -> str:
    return option("", keyframes=True, low=-45.0, high=45.0, unit="deg", help=f"{what} {_HOW}")


def _amount(what: str, limit: float) -> str:
    return option("", keyframes=True, low=-limit, high=limit, help=f"{what} {_HOW}")


@dataclass(frozen=True)
class KeyframeOptions:
    """What keyframes say over time. Lengths are in E, the distance of the outer eye corners."""

    mode: str = option(
        "replace",
        choices=("replace", "add"),
        help="Keyframes take the place of the motion's own values, or are added to them.",
    )
    yaw: str = _angle("Turn of the head, positive to the viewer's right.")
    pitch: str = _angle("Nod of the head, positive looks down.")
    roll: str = _angle("Lean of the head, positive to the viewer's right.")
    shift_x: str = _amount(f"Shift of the head to the right, in {_E}.", 1.0)
    shift_y: str = _amount(f"Shift of the head downward, in {_E}.", 1.0)
    shift_z: str = _amount(f"Shift of the head toward the viewer, in {_E}.", 1.0)
    mouth_open: str = _amount("Opening of the mouth: 0 closed, 0.15 wide as in speech.", 0.2)
    mouth_width: str = _amount("Width of the mouth against rest: 0.1 wide, -0.1 narrow.", 0.2)
    pucker: str = _amount("Lips rounded as in oo: 0 to 1.", 1.0)
    smile: str = _amount("Raise of the mouth's corners: 0.05 is a smile, negative is sad.", 0.08)
    jaw: str = _amount("Drop of the chin: 0 to 0.2.", 0.22)
    press: str = _amount("Lips pressed together as in m: 0 to 1.", 1.0)
    blink: str = _amount("Closing of both eyes: 0 open, 1 shut, -0.3 wide open.", 1.0)
    gaze_x: str = _amount("Eyes look to the right: 0.05 is far.", 0.08)
    gaze_y: str = _amount("Eyes look down: 0.05 is far.", 0.08)
    brows: str = _amount("Raise of both brows: 0.08 is surprise.", 0.12)

    def __post_init__(self) -> None:
        check_options(self)
        last_keyframe(self)  # refuses texts that are no keyframes

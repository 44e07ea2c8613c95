"""The curves of a motion, in groups that belong on one axis."""

from __future__ import annotations

import dataclasses
import math

from torch import Tensor

from ..sadtalker_core.structures import Coeff3DMM, ImplicitMotion, LiteMotion
from ..sadtalker_core.transfer.borrowed import as_kind
from ..sadtalker_core.transfer.head_pose import lite_from_coeff
from .curve_picture import Curve, Panel
from .packing import Motion

_STRONGEST = 6  # expression coefficients that are shown


def panels_of(motion: Motion) -> list[Panel]:
    """What a motion does, as groups of curves.

    The head of every kind is shown in degrees and in E, the outer-eye distance: against rest, and
    SadTalker's, which is absolute, against a head that looks straight ahead. Of its expression the
    coefficients that move most are shown: they have no names.
    """
    if isinstance(motion, LiteMotion):
        return _lite(motion)
    if isinstance(motion, Coeff3DMM):
        return [*_head(lite_from_coeff(motion)), _coefficients(motion)]
    lite = as_kind(motion, LiteMotion)
    assert isinstance(lite, LiteMotion)
    return [*_lite(lite), *_ratios(motion)]


def _lite(motion: LiteMotion) -> list[Panel]:
    mouth = ("open", "width", "corners", "jaw")
    lids = [Curve(f"lid {side}", _rows(motion.lids, k)) for k, side in enumerate(("left", "right"))]
    gaze = [Curve(f"gaze {axis}", _rows(motion.gaze, k)) for k, axis in enumerate("xy")]
    brows = [Curve(f"brow {s}", _rows(motion.brows, k)) for k, s in enumerate(("left", "right"))]
    return [
        *_head(motion),
        Panel("mouth", "E", [Curve(name, _rows(getattr(motion, name))) for name in mouth]),
        Panel("lips", "0 to 1", [Curve(n, _rows(getattr(motion, n))) for n in ("pucker", "press")]),
        Panel("eyelids", "1 = shut", lids),
        Panel("gaze and brows", "E", [*gaze, *brows]),
    ]


def _head(motion: LiteMotion) -> list[Panel]:
    degrees = motion.rotation_rad * (180 / math.pi)
    turns = [Curve(name, _rows(degrees, k)) for k, name in enumerate(("pitch", "yaw", "roll"))]
    names = ("x right", "y down", "z near")
    shifts = [Curve(name, _rows(motion.translation, k)) for k, name in enumerate(names)]
    return [Panel("head turns", "degrees", turns), Panel("head shifts", "E", shifts)]


def _coefficients(motion: Coeff3DMM) -> Panel:
    spread = motion.expression.float().std(0, correction=0)
    chosen = sorted(spread.topk(_STRONGEST).indices.tolist())
    curves = [Curve(f"exp {k}", _rows(motion.expression, k)) for k in chosen]
    return Panel(f"expression, the {_STRONGEST} that move most of 64", "coefficient", curves)


def _ratios(motion: ImplicitMotion) -> list[Panel]:
    curves: list[Curve] = []
    if motion.eye_ratios is not None:
        sides = enumerate(("left", "right"))
        curves += [Curve(f"eye {side}", _rows(motion.eye_ratios, k)) for k, side in sides]
    if motion.lip_ratio is not None:
        curves.append(Curve("lips", _rows(motion.lip_ratio, 0)))
    return [Panel("openings that were seen", "over width", curves)] if curves else []


def _rows(values: Tensor, column: int | None = None) -> list[float]:
    chosen = values if column is None else values[:, column]
    return chosen.detach().float().cpu().tolist()


def compared(panels: list[Panel], others: list[Panel]) -> list[Panel]:
    """The panels with the curves of the same name of another motion, to be drawn thin."""
    known = {panel.title: panel for panel in others}
    return [
        dataclasses.replace(panel, others=known[panel.title].curves)
        if panel.title in known
        else panel
        for panel in panels
    ]

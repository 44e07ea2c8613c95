"""One engine's motion in the terms of another."""

from __future__ import annotations

from typing import Any

from ..sadtalker_core.engines.engine import Engine
from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.registry import find_engine
from ..sadtalker_core.structures import Coeff3DMM, ImplicitMotion, LiteMotion
from .motion_values import expression_map
from .packing import Motion
from .portraits import PortraitValue, portrait_of


def converted(motion: Motion, engine_id: str, portrait: Any = None) -> tuple[Motion, str]:
    """A motion as an engine's kind, and a sentence about what was lost.

    Args:
        motion: of any kind.
        engine_id: whose kind is wanted.
        portrait: a PORTRAIT of that engine, or None.

    Raises:
        OptionError: the portrait was prepared by another engine.
    """
    engine = find_engine(engine_id)
    value = None if portrait is None else portrait_of(portrait)
    if value is not None and value.engine.id != engine.id:
        raise OptionError(
            f"the portrait was prepared for {value.engine.title}; connect one of {engine.title}, "
            "or none."
        )
    if isinstance(motion, engine.motion_type):
        return motion, ""
    if engine.motion_type is ImplicitMotion and isinstance(motion, LiteMotion):
        return _implicit(motion, value), ""
    return _from_another(motion, engine, value)


def _implicit(motion: LiteMotion, value: PortraitValue | None) -> ImplicitMotion:
    from ..sadtalker_core.transfer.implicit_controls import implicit_from_lite

    # videos have no single pose that counts as rest
    if value is None or value.picture is None:
        return implicit_from_lite(motion)
    source = value.prepared.faces[0].points.motion(motion.fps)
    return implicit_from_lite(motion.to(source.expression.device), source)


def _from_another(
    motion: Motion, engine: Engine, value: PortraitValue | None
) -> tuple[Motion, str]:
    from ..sadtalker_core.transfer.borrowed import as_kind, hands_over_the_face, laid_over

    kind, note = engine.motion_type, ""
    found = expression_map()
    if not hands_over_the_face(motion, kind) and found is None:
        note = (
            "Only the head was handed over: between SadTalker's face and the others' there is no "
            "formula, only a map that can be fitted (fit_expression_map)."
        )
    if kind is Coeff3DMM:
        pose = None if value is None else engine.source_pose(value.prepared)
        return laid_over(_still(motion, pose), motion, pose, found), note
    if isinstance(motion, Coeff3DMM):
        rest = as_kind(LiteMotion.rest(len(motion), motion.fps), kind).to(motion.expression.device)
        return laid_over(rest, motion, None, found), note
    return as_kind(motion, kind), note


def _still(motion: Motion, pose: Coeff3DMM | None) -> Coeff3DMM:
    """A face at rest, as long as the motion: the portrait's, else the model's neutral one."""
    device = motion.translation.device
    if pose is None:
        pose = Coeff3DMM.from_rows(motion.translation.new_zeros(1, 70), motion.fps)
    rows = pose.rows().to(device).expand(len(motion), -1)
    return Coeff3DMM.from_rows(rows, motion.fps)

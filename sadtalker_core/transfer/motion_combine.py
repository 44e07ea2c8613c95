"""Motions put together part by part, whatever engines they were made for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeVar, cast

from ..errors import StructureError
from ..structures import Coeff3DMM, ImplicitMotion, LiteMotion
from .borrowed import hands_over_the_face, laid_over
from .expression_map import ExpressionMap
from .motion_edit import Weight, blend, retime

Motion = Coeff3DMM | ImplicitMotion | LiteMotion
M = TypeVar("M", bound=Motion)

_NAMES: dict[type[Motion], str] = {
    LiteMotion: "built-in controls",
    ImplicitMotion: "LivePortrait's keypoints",
    Coeff3DMM: "SadTalker's coefficients",
}


def kind_name(motion: Motion | type[Motion]) -> str:
    """What a kind of motion is called in sentences."""
    return _NAMES[motion if isinstance(motion, type) else type(motion)]


def combined(
    base: M,
    parts: Mapping[str, Motion],
    source: Coeff3DMM | None = None,
    found: ExpressionMap | None = None,
) -> M:
    """``base`` with regions of other motions in place of its own.

    Args:
        base: says kind, rate and length of the result.
        parts: motion by region, later ones over earlier ones; of any kind, rate and length. What
            is shorter than ``base`` holds its last frame.
        source: one frame, the coefficients of the portrait that is moved, where ``base`` is a
            ``Coeff3DMM``; its first frame by default.
        found: the map between coefficients and built-in controls, if there is one.

    Raises:
        OptionError: the kind has no such region.
        StructureError: the face cannot be handed over between these kinds.
    """
    made = base
    for region, other in parts.items():
        made = mixed(made, other, {region: 1.0}, source, found)
    return made


def mixed(
    base: M,
    other: Motion,
    weight: Weight | Mapping[str, Weight],
    source: Coeff3DMM | None = None,
    found: ExpressionMap | None = None,
) -> M:
    """``motion_edit.blend`` for motions of any two kinds, rates and lengths; 0 is ``base``.

    Arguments and errors as of ``combined``.
    """
    regions = set(weight) if isinstance(weight, Mapping) else {"face", "head"}
    if found is None and regions != {"head"} and not hands_over_the_face(other, type(base)):
        raise StructureError(
            f"a face in {kind_name(other)} cannot be handed over to {kind_name(base)}, only the "
            "head can; use head, or motions of one engine."
        )
    return blend(base, alike(other, base, source, found), weight)


def alike(
    motion: Motion,
    base: M,
    source: Coeff3DMM | None = None,
    found: ExpressionMap | None = None,
) -> M:
    """``motion`` in the kind, rate and length of ``base``, on its device.

    What cannot be handed over is as in ``base``. Arguments as of ``combined``.
    """
    motion = motion.to(base.translation.device)
    source = None if source is None else source.to(base.translation.device)
    if isinstance(base, Coeff3DMM) and source is None:
        source = base[:1]
    if type(motion) is type(base):
        moved = retime(motion, base.fps, len(base))
    else:
        moved = laid_over(base, motion, source, found)
    if isinstance(base, ImplicitMotion) and isinstance(moved, ImplicitMotion):
        if base.is_relative and not moved.is_relative:
            return cast(M, _as_change(moved))
        if moved.is_relative and not base.is_relative:
            return cast(M, _as_seen(moved, base[:1]))
    return cast(M, moved)


def _as_change(motion: ImplicitMotion) -> ImplicitMotion:
    """What was seen as the change since its first frame, which counts as rest."""
    rest = motion[:1]
    return dataclasses.replace(
        motion,
        expression=motion.expression - rest.expression,
        rotation=motion.rotation @ rest.rotation.mT,
        translation=motion.translation - rest.translation,
        scale=motion.scale / rest.scale,
        canonical=None,
        keypoints=None,
        eye_ratios=None,
        lip_ratio=None,
        is_relative=True,
    )


def _as_seen(change: ImplicitMotion, rest: ImplicitMotion) -> ImplicitMotion:
    """The inverse: the change on top of one frame of a motion that was seen."""
    return dataclasses.replace(
        change,
        expression=rest.expression + change.expression,
        rotation=change.rotation @ rest.rotation,
        translation=rest.translation + change.translation,
        scale=rest.scale * change.scale,
        is_relative=False,
    )

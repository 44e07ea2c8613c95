"""Motion of another engine for an engine: as much of it as can be handed over.

The head passes between all kinds exactly. The face passes between built-in controls and implicit
keypoints (``implicit_controls``), and between those and coefficients only where a map was fitted
(``expression_map``); else the engine's own, made from the sound, stays.
"""

from __future__ import annotations

import dataclasses

from ..errors import StructureError
from ..structures import Coeff3DMM, ImplicitMotion, LiteMotion
from .expression_map import ExpressionMap, coeff_expression, lite_face
from .head_pose import coeff_from_lite, lite_from_coeff
from .implicit_controls import implicit_from_lite, lite_from_implicit
from .motion_edit import retime

Motion = Coeff3DMM | ImplicitMotion | LiteMotion
_FACE = ("open", "width", "corners", "pucker", "jaw", "lids", "brows")


def hands_over_the_face(other: Motion, own: type[Motion]) -> bool:
    """Whether the face of ``other`` passes to this kind without a fitted map."""
    kinds = {type(other), own}
    return len(kinds) == 1 or Coeff3DMM not in kinds


def as_kind(motion: Motion, kind: type[Motion]) -> Motion:
    """``motion`` as built-in controls or as implicit motion; of coefficients only the head.

    Raises ``StructureError`` for another kind.
    """
    if isinstance(motion, kind):
        return motion
    if kind is LiteMotion:
        return _as_lite(None, motion, None)
    if kind is ImplicitMotion:
        return implicit_from_lite(_as_lite(None, motion, None))
    raise StructureError(f"{type(motion).__name__} cannot be made {kind.__name__}.")


def laid_over(
    own: Motion,
    other: Motion,
    source: Coeff3DMM | None = None,
    found: ExpressionMap | None = None,
) -> Motion:
    """``own`` moved as ``other`` says; the result has the kind, length and rate of ``own``.

    Args:
        own: what the engine made itself: its expression stays where none can be handed over.
        other: motion of another kind. Which portrait it was made for is not known: of coefficients
            the first frame is taken for rest.
        source: one frame, the coefficients of the portrait that is moved, where ``own`` is a
            ``Coeff3DMM``.
        found: the map between coefficients and built-in controls, if there is one.
    """
    moved = retime(other, own.fps, len(own))
    if type(moved) is type(own):
        return moved
    if isinstance(own, LiteMotion):
        return _as_lite(own, moved, found)
    if isinstance(own, ImplicitMotion):
        still = LiteMotion.rest(len(own), own.fps).to(own.expression.device)
        change = implicit_from_lite(_as_lite(still, moved, found))
        if found is not None or isinstance(moved, LiteMotion):
            return change
        return dataclasses.replace(change, expression=own.expression)
    controls = moved if isinstance(moved, LiteMotion) else _as_lite(None, moved, found)
    assert isinstance(own, Coeff3DMM)
    if found is not None:
        rest_expression = None if source is None else source.expression
        own = dataclasses.replace(
            own, expression=coeff_expression(found, controls, rest_expression)
        )
    return coeff_from_lite(controls, source, own)


def _as_lite(own: LiteMotion | None, moved: Motion, found: ExpressionMap | None) -> LiteMotion:
    """``moved`` as built-in controls; what it does not say stays that of ``own``."""
    if isinstance(moved, LiteMotion):
        return moved
    if isinstance(moved, ImplicitMotion):
        return lite_from_implicit(moved)
    rest = moved[:1]
    if own is not None and found is not None:
        face = lite_face(found, moved, rest.expression)
        own = dataclasses.replace(own, **{name: getattr(face, name) for name in _FACE})
    return lite_from_coeff(moved, rest, own)

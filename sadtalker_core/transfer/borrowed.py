"""An engine's own motion, with what the motion of another engine says laid over it.

The head passes between all kinds exactly (``head_pose``). Expression passes only where a map for
the pair was fitted (``expression_map``); else the engine's own, made from the sound, stays.
"""

from __future__ import annotations

import dataclasses

from ..errors import StructureError
from ..structures import Coeff3DMM, LiteMotion
from .expression_map import ExpressionMap, coeff_expression, lite_face
from .head_pose import coeff_from_lite, lite_from_coeff
from .motion_edit import retime

_FACE = ("open", "width", "corners", "pucker", "jaw", "lids", "brows")


def laid_over(
    own: Coeff3DMM | LiteMotion,
    other: Coeff3DMM | LiteMotion,
    source: Coeff3DMM | None = None,
    found: ExpressionMap | None = None,
) -> Coeff3DMM | LiteMotion:
    """``own`` moved as ``other`` says; the result has the kind, length and rate of ``own``.

    Args:
        own: what the engine made itself: its expression stays where none can be translated.
        other: motion of another kind. Which portrait it was made for is not known: of
            coefficients the first frame is taken for rest.
        source: one frame, the coefficients of the portrait that is moved, where ``own`` is a
            ``Coeff3DMM``.
        found: the map of expression, if there is one.
    """
    moved = retime(other, own.fps, len(own))
    if isinstance(moved, Coeff3DMM) and isinstance(own, LiteMotion):
        rest = moved[:1]
        if found is not None:
            face = lite_face(found, moved, rest.expression)
            own = dataclasses.replace(own, **{name: getattr(face, name) for name in _FACE})
        return lite_from_coeff(moved, rest, own)
    if isinstance(moved, LiteMotion) and isinstance(own, Coeff3DMM):
        if found is not None:
            rest_expression = None if source is None else source.expression
            own = dataclasses.replace(
                own, expression=coeff_expression(found, moved, rest_expression)
            )
        return coeff_from_lite(moved, source, own)
    raise StructureError(
        f"{type(other).__name__} cannot be laid over {type(own).__name__}; "
        "give motion of another engine."
    )

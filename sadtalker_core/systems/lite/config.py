"""Options of the built-in engine, one dataclass per stage."""

from __future__ import annotations

from dataclasses import dataclass

from ...options import check_options, option


@dataclass(frozen=True)
class LiteMotionOptions:
    """How speech becomes motion."""

    expression_scale: float = option(
        1.0, low=0.0, high=3.0, help="Strength of mouth movement: 1 as heard, 0 a closed mouth."
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LiteRenderOptions:
    """How motion becomes pictures."""

    def __post_init__(self) -> None:
        check_options(self)

"""How rendered faces are put back into their pictures."""

from __future__ import annotations

from dataclasses import dataclass

from ..options import check_options, option


@dataclass(frozen=True)
class CompositeOptions:
    """How a rendered face is put back into its picture."""

    paste: str = option(
        "soft",
        choices=("soft", "poisson"),
        help="A soft edge with matched colours and outlines, or OpenCV's slow Poisson blending.",
    )
    feather: float = option(
        0.06,
        low=0.0,
        high=0.3,
        help="Width of the soft edge, as a part of the box's side.",
        advanced=True,
    )
    match_colour: bool = option(
        True, help="Take away differences of colour along the edge.", advanced=True
    )
    bend: bool = option(
        True,
        help="Bend neck, shoulders and hair near the edge so that they meet the picture.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)

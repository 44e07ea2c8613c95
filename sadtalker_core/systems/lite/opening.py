"""How far a picture's eyes and mouth stand open while no control moves them."""

from __future__ import annotations

from dataclasses import dataclass

from ...faces.face import Face
from ...faces.mesh import MOUTH_CORNERS
from ...faces.ratios import opening_ratios


@dataclass(frozen=True)
class SourceOpening:
    """For the sliders that say how far open, not how much farther.

    Attributes:
        eyes: opening over width of the viewer's left and right eye, on LivePortrait's scale.
        lips: the same of the mouth.
        mouth_px: distance of the mouth's corners in pixels.
    """

    eyes: tuple[float, float]
    lips: float
    mouth_px: float

    @classmethod
    def of(cls, face: Face) -> SourceOpening:
        """Of a face in the picture that is prepared."""
        eyes, lips = opening_ratios(face)
        left, right = face.mesh_px[list(MOUTH_CORNERS)]
        width = float((right - left).norm())
        return cls((float(eyes[0]), float(eyes[1])), float(lips[0]), width)

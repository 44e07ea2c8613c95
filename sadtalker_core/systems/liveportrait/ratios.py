"""Eye and lip ratios of a face of our tracker, as the retargeting networks ask for them."""

from __future__ import annotations

from ...faces.face import Face
from ...faces.ratios import opening_ratios
from .retarget import FaceRatios


def ratios_of_face(face: Face) -> FaceRatios:
    """One row of ratios on the original's scale, left being the viewer's left."""
    eyes, lips = opening_ratios(face)
    return FaceRatios(eyes[None], lips[None])

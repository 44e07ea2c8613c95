"""How far eyes and lips of portraits and of other faces stand open."""

from __future__ import annotations

from typing import Any

from ..sadtalker_core.errors import OptionError
from .face_values import frames_of
from .portraits import portrait_of


def openings_of(portrait: Any) -> tuple[float, float]:
    """Of a ``PORTRAIT``: eyes and lips over their width.

    Raises:
        OptionError: it has no face with landmarks, as animals and videos have none here.
    """
    from ..sadtalker_core.faces.ratios import opening_ratios

    value = portrait_of(portrait)
    if not value.faces:
        raise OptionError(
            "the openings of a video or an animal are not known; set sliders in an Expression "
            "Editor instead."
        )
    picture = None if value.picture is None else value.picture.cpu()
    eyes, lips = opening_ratios(value.faces[0], picture)
    return float(eyes.mean()), float(lips)


def openings_like(faces: Any) -> tuple[float, float]:
    """Of the first face in a ``PORTRAIT_FACES``; -1 without one.

    Raises:
        OptionError: it holds no face.
    """
    from ..sadtalker_core.faces.ratios import opening_ratios

    if faces is None:
        return -1.0, -1.0
    found = [face for frame in frames_of(faces) for face in frame]
    if not found:
        raise OptionError("the face whose openings are taken is missing; connect one.")
    eyes, lips = opening_ratios(found[0])
    return float(eyes.mean()), float(lips)

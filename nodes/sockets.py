"""The types of the wires between our nodes.

What travels is plain: dictionaries of tensors, numbers, text and lists, with the name of the type
and a version. Only a model is an object, as ComfyUI's own models are: the host moves it in and out
of the graphics card's memory.
"""

from __future__ import annotations

from typing import Any

from .host import io

Model = io.Custom("PORTRAIT_MODEL")
Portrait = io.Custom("PORTRAIT")
Motion = io.Custom("PORTRAIT_MOTION")
Keypoints = io.Custom("PORTRAIT_KEYPOINTS")
Faces = io.Custom("PORTRAIT_FACES")
Expression = io.Custom("PORTRAIT_EXPRESSION")
Sound = io.Custom("PORTRAIT_SOUND")
Lips = io.Custom("PORTRAIT_LIPS")
LipSettings = io.Custom("PORTRAIT_LIP_SETTINGS")
Enhancer = io.Custom("PORTRAIT_ENHANCER")

# Of ComfyUI's own face nodes, which it has since 0.23.
FaceLandmarks = io.Custom("FACE_LANDMARKS")
BoundingBox = io.Custom("BOUNDING_BOX")


def sound_input(name: str, *, tooltip: str, optional: bool = False) -> Any:
    """A socket for sound: ComfyUI's AUDIO (in memory) or our PORTRAIT_SOUND (a file, streamed)."""
    return io.MultiType.Input(name, [io.Audio, Sound], optional=optional, tooltip=tooltip)

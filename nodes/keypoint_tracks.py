"""LivePortrait's keypoints without its renderer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..sadtalker_core.errors import FaceIndexError, OptionError

if TYPE_CHECKING:
    from ..sadtalker_core.expression_sliders import ExpressionSliders
    from ..sadtalker_core.runtime import Runtime
    from ..sadtalker_core.structures import KeypointTrack
    from .host_models import HostModel
    from .packing import Motion
    from .portraits import PortraitValue


@dataclass(frozen=True)
class Wanted:
    """What of the motion is taken over, and what is added.

    Attributes:
        options: ``LivePortraitDriveOptions``.
        sliders: on top.
        stitching: fit the face to the shoulders.
        fps: frames per second where there is no motion.
        face: number of the face.
    """

    options: Any
    sliders: ExpressionSliders
    stitching: bool
    fps: float
    face: int


def track_of(
    model: HostModel,
    portrait: PortraitValue,
    motion: Motion | None,
    wanted: Wanted,
    runtime: Runtime,
) -> KeypointTrack:
    """Keypoints of one face of a portrait through the whole clip.

    Raises:
        OptionError: the model is not LivePortrait.
        FaceIndexError: the portrait has fewer faces.
    """
    from ..sadtalker_core.geometry.keyframes import last_keyframe
    from ..sadtalker_core.systems.liveportrait.pipeline import keypoint_tracks
    from .moving import fitted, rate_of

    if model.engine.id != "liveportrait":
        raise OptionError(f"{model.engine.title} has other keypoints; load LivePortrait.")
    prepared = portrait.prepared
    if wanted.face >= len(prepared.faces):
        raise FaceIndexError(
            f"face {wanted.face} was asked for, but the portrait moves {len(prepared.faces)}; "
            "they are numbered from 0."
        )
    one = replace(
        prepared,
        faces=prepared.faces[wanted.face : wanted.face + 1],
        options=replace(prepared.options, stitching=wanted.stitching),
    )
    rate = rate_of(wanted.fps)
    frames = int(last_keyframe(wanted.sliders) * rate) + 1
    moves = () if motion is None else (fitted(motion, portrait, []),)
    tracks = keypoint_tracks(
        model.networks, one, moves, wanted.options, wanted.sliders, frames, rate, runtime
    )
    return tracks[0]

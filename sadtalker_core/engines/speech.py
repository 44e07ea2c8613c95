"""Motion from speech by the built-in engine's own networks, for any engine that has none."""

from __future__ import annotations

from ..motion_request import MotionRequest
from ..runtime import Runtime
from ..structures import LiteMotion


def motion_of_speech(request: MotionRequest, runtime: Runtime) -> LiteMotion:
    """Controls at the rate that was asked for; without a sound those of an idle portrait.

    ``request.options`` are ``LiteMotionOptions``.
    """
    from ..systems.lite.motion import idle_motion, motion_from_audio

    if request.open_sound is None:
        return idle_motion(float(request.duration_s), request.fps, request.options, runtime)
    return motion_from_audio(
        request.open_sound, request.samples, request.fps, request.options, runtime
    )

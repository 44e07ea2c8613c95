"""The built-in engine among the others. Its code is imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..faces.face import Face
from ..motion_request import MotionRequest
from ..runtime import Runtime
from ..structures import FrameStream, LiteMotion
from ..systems.lite.config import LiteMotionOptions, LiteRenderOptions
from .engine import Cost, Engine, no_weights


def _no_networks(files: Mapping[str, Path], options: Any, runtime: Runtime) -> None:
    return None


def _prepare(networks: None, rgb: Tensor, face: Face, options: Any, runtime: Runtime) -> Any:
    from ..systems.lite.pipeline import prepare

    return prepare(rgb, face, options)


def _motion(networks: None, prepared: Any, request: MotionRequest, runtime: Runtime) -> Any:
    from ..systems.lite.motion import idle_motion, motion_from_audio

    if request.open_sound is None:
        return idle_motion(float(request.duration_s), request.fps, request.options, runtime)
    return motion_from_audio(
        request.open_sound, request.samples, request.fps, request.options, runtime
    )


def _animate(
    networks: None, prepared: Any, motion: Any, options: Any, runtime: Runtime
) -> FrameStream:
    from ..systems.lite.pipeline import animate

    return animate(prepared, motion, runtime)


def _cost(options: Any) -> Cost:
    return Cost(start_s=2.0, frame_s=0.010, frame_s_per_megapixel=0.010)


LITE = Engine(
    id="lite",
    title="Built-in engine",
    description=(
        "Moves the picture itself by a face mesh: works at once, on any machine, with nothing "
        "to download. It cannot show what the picture does not hold, such as a profile."
    ),
    licence="Apache-2.0; may be used commercially",
    motion_type=LiteMotion,
    motion_options=LiteMotionOptions,
    render_options=LiteRenderOptions,
    needs_download=False,
    borrows_motion=False,
    weights=no_weights,
    load=_no_networks,
    prepare=_prepare,
    motion=_motion,
    animate=_animate,
    cost=_cost,
)

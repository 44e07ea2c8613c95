"""The built-in engine as one that gives a video new lips. Its code is imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..faces.options import FaceOptions
from ..motion_request import MotionRequest
from ..relip_request import Relipped, RelipVideo
from ..runtime import Runtime
from ..systems.lite.config import LiteRelipOptions
from .engine import Cost, no_weights
from .relip_engine import RelipEngine


def _no_networks(files: Mapping[str, Path], options: Any, runtime: Runtime) -> None:
    return None


def _relip(
    networks: None,
    video: RelipVideo,
    face: FaceOptions,
    who: int | None,
    speech: MotionRequest,
    options: Any,
    runtime: Runtime,
) -> Relipped:
    from ..systems.lite.relip import relip

    return relip(video, face, who, speech, options, runtime)


def _cost(options: Any) -> Cost:
    return Cost(start_s=3.0, frame_s=0.08, frame_s_per_megapixel=0.03)


LITE_RELIP = RelipEngine(
    id="lite",
    title="Built-in engine",
    description=(
        "Moves the lips of each frame as the new sound says and keeps everything else: works at "
        "once, on any machine, with nothing to download."
    ),
    licence="Apache-2.0; may be used commercially",
    needs_download=False,
    options=LiteRelipOptions,
    weights=no_weights,
    load=_no_networks,
    relip=_relip,
    cost=_cost,
)

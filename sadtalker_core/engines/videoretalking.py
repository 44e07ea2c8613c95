"""VideoReTalking among the engines that give a video new lips. Its code is imported when it is
used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..faces.options import FaceOptions
from ..motion_request import MotionRequest
from ..relip_request import Relipped, RelipVideo
from ..runtime import Runtime
from ..systems.videoretalking.config import TEMPLATES, VideoReTalkingOptions
from ..weights.catalog import WeightFile
from .engine import Cost
from .relip_engine import RelipEngine


def _weights(options: Any) -> tuple[WeightFile, ...]:
    from ..systems.videoretalking.files import needed_files

    return needed_files(options)


def _load(files: Mapping[str, Path], options: Any, runtime: Runtime) -> Any:
    from ..systems.videoretalking.weights import load_nets

    return load_nets(files, options, runtime)


def _relip(
    networks: Any,
    video: RelipVideo,
    face: FaceOptions,
    who: int | None,
    speech: MotionRequest,
    options: Any,
    runtime: Runtime,
) -> Relipped:
    from ..media.pictures import read_picture
    from ..systems.videoretalking.pipeline import relip

    template = next((read_picture(path).rgb for path in _inputs(options)), None)
    return relip(networks, video, face, who, speech, options, runtime, template)


def _inputs(options: Any) -> tuple[Path, ...]:
    known = options.exp_img in TEMPLATES
    return () if known else (Path(options.exp_img).expanduser(),)


def _cost(options: Any) -> Cost:
    seconds = 5.5
    seconds += 2.2 if options.reference_enhancer == "gpen" else 0.0
    seconds += 2.0 if options.mouth_enhancer == "gfpgan" else 0.0
    seconds += 8.0 if options.finder == "original" else 0.0
    return Cost(start_s=20.0, frame_s=seconds, frame_s_per_megapixel=0.2)


VIDEORETALKING = RelipEngine(
    id="videoretalking",
    title="VideoReTalking",
    description=(
        "New lips drawn by neural networks at 384 pixels from a reference whose own expression is "
        "taken away, with teeth restored. Needs 2.4 GB of weights and is slow without a GPU."
    ),
    licence="code Apache-2.0; the weights' terms are in doubt for commercial use, GPEN's forbid it",
    needs_download=True,
    options=VideoReTalkingOptions,
    weights=_weights,
    load=_load,
    relip=_relip,
    inputs=_inputs,
    cost=_cost,
)

"""Wav2Lip among the engines that give a video new lips. Its code is imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..faces.options import FaceOptions
from ..motion_request import MotionRequest
from ..relip_request import Relipped, RelipVideo
from ..runtime import Runtime
from ..systems.wav2lip.config import Wav2LipOptions
from ..weights.catalog import WeightFile
from .engine import Cost
from .relip_engine import RelipEngine


def _weights(options: Any) -> tuple[WeightFile, ...]:
    from ..systems.wav2lip.files import needed_files

    return needed_files(options)


def _load(files: Mapping[str, Path], options: Any, runtime: Runtime) -> Any:
    from ..systems.wav2lip.weights import load_nets

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
    from ..systems.wav2lip.pipeline import relip

    return relip(networks, video, face, who, speech, options, runtime)


def _cost(options: Any) -> Cost:
    seconds = 1.5 if options.finder == "original" else 0.12
    return Cost(start_s=3.0, frame_s=seconds, frame_s_per_megapixel=0.03)


WAV2LIP = RelipEngine(
    id="wav2lip",
    title="Wav2Lip",
    description=(
        "The lower half of the face is painted anew at 96 pixels: lips follow the sound closely, "
        "large faces become soft. Needs 0.4 GB of weights, for research and personal use only."
    ),
    licence="research and personal use only: the authors forbid commercial use of the results",
    needs_download=True,
    options=Wav2LipOptions,
    weights=_weights,
    load=_load,
    relip=_relip,
    cost=_cost,
)

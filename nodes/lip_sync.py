"""How well lips and sound go together: LSE-D and LSE-C of what sockets give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..sadtalker_core.engines.tool import Tool
from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.faces.options import FaceOptions
from ..sadtalker_core.metrics.architectures import ARCHITECTURES, SYNCNET_V2
from ..sadtalker_core.metrics.lip_crops import at_25, followed, syncnet_crop
from ..sadtalker_core.metrics.lipsync import measure_lse
from ..sadtalker_core.metrics.lse import FPS
from ..sadtalker_core.runtime import Runtime
from ..sadtalker_core.weights.catalog import WeightFile
from ..sadtalker_core.weights.network_files import NetworkFiles
from ..sadtalker_core.weights.published_wav2lip import SYNCNET_V2 as SYNCNET_FILE
from .face_values import face_nets
from .host_models import HostModel, loaded
from .media import CountedVideo, counted_video, sound_of, video_sound
from .motion_values import heard

if TYPE_CHECKING:
    from ..sadtalker_core.metrics.nets.syncnet_v2 import SyncNetV2

_HEARD_HZ = 16000


@dataclass(frozen=True)
class JudgeOptions:
    """Nothing is to be chosen."""


@dataclass(frozen=True)
class Judged:
    """The judge's network."""

    syncnet: SyncNetV2


def _needed(options: Any) -> tuple[WeightFile, ...]:
    return (SYNCNET_FILE,)


def _load(files: Mapping[str, Path], options: Any, runtime: Runtime) -> Judged:
    return Judged(NetworkFiles(files.values(), ARCHITECTURES, runtime).network(SYNCNET_V2))


LIP_JUDGE = Tool(
    id="measure",
    title="Lip sync measure",
    description="Measures how well lips and sound go together.",
    licence="code MIT; no terms are given for SyncNet's weights",
    render_options=JudgeOptions,
    weights=_needed,
    load=_load,
)


def load_judge() -> HostModel:
    """SyncNet, see ``host_models.loaded``."""
    return loaded(LIP_JUDGE)


def measured(
    model: HostModel,
    video: Any,
    images: Tensor | None,
    fps: float,
    audio: Any,
    face: FaceOptions,
    runtime: Runtime,
) -> dict[str, Any]:
    """Plain values: ``lse_d``, ``lse_c``, ``offset_frames`` and so on.

    Args:
        model: from ``load_judge``.
        video: VIDEO, or None.
        images: its frames instead.
        fps: of ``images``.
        audio: what is compared; None takes the video's own sound.
        face: whose lips.
        runtime: as ``bridge.at_work`` gives it.

    Raises:
        OptionError: there is no sound.
        NoFaceError: no face is seen.
    """
    source = counted_video(video, images, fps, runtime)
    sound = sound_of(audio, runtime) if audio is not None else video_sound(video, runtime)
    if sound is None:
        raise OptionError("there is no sound to compare the lips with; connect audio.")
    samples = heard(sound).sample_count(_HEARD_HZ)
    watcher = _Watcher(source, face, runtime)
    lse = measure_lse(
        model.networks.syncnet, watcher.crops(), sound.open(_HEARD_HZ), samples, runtime
    )
    return {
        "lse_d": round(lse.distance, 4),
        "lse_c": round(lse.confidence, 4),
        "offset_frames": lse.offset_frames,
        "offset_s": lse.offset_frames / FPS,
        "frames": watcher.frames,
        "frames_without_face": watcher.lost,
    }


def sync_text(found: Mapping[str, Any]) -> str:
    """The same for people."""
    offset = int(found["offset_frames"])
    step = "lips in step with the sound"
    if offset:
        count = f"{abs(offset)} frame{'s' if abs(offset) > 1 else ''}"
        step = f"lips {count} of 25 a second {'after' if offset > 0 else 'before'} the sound"
    lines = [
        f"LSE-D {found['lse_d']:.2f} (less is better), LSE-C {found['lse_c']:.2f} (more is "
        f"better), {step}."
    ]
    if found["frames_without_face"]:
        lines.append(
            f"The face was not seen in {found['frames_without_face']} of {found['frames']} frames."
        )
    return "\n".join(lines)


class _Watcher:
    """The face of every frame, counted."""

    def __init__(self, source: CountedVideo, face: FaceOptions, runtime: Runtime) -> None:
        self._source, self._face, self._runtime = source, face, runtime
        self.frames = self.lost = 0

    def crops(self) -> Iterator[Tensor]:
        total = max(1, int(self._source.count / self._source.fps * FPS))
        shown = at_25(self._source.open(), self._source.fps)
        for crop in followed(shown, face_nets(self._runtime.device), self._face):
            self.frames += 1
            self.lost += not crop.valid
            self._runtime.progress("measure", min(self.frames, total), total)
            yield syncnet_crop(crop)[None]

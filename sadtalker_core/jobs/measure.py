"""How well lips and sound of a video file go together, by the judges whose weights are here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from ..faces.networks import FaceNets, load_face_nets
from ..faces.options import FaceOptions
from ..media.audio_in import AudioSource, open_audio
from ..media.file_kinds import check_file_kind
from ..media.video_in import VideoSource, open_video
from ..metrics.architectures import ARCHITECTURES, LIP_EXPERT, SYNCNET_V2
from ..metrics.lip_crops import LipCrop, at_25, expert_crop, followed, syncnet_crop
from ..metrics.lipsync import ExpertSync, measure_expert, measure_lse
from ..metrics.lse import FPS, LipSync
from ..runtime import Runtime
from ..weights import published_wav2lip as published
from ..weights.network_files import NetworkFiles
from .devices import find_device
from .engines import weight_store


@dataclass(frozen=True)
class MeasureJob:
    """A video to be measured.

    Attributes:
        video: the file.
        audio: the sound to compare it with; None takes the video's own.
        device: where it is computed, as everywhere.
        models_dir: folder with weights that is looked into first.
        face: whose lips.
    """

    video: Path
    audio: Path | None = None
    device: str = "auto"
    models_dir: str = ""
    face: FaceOptions = field(default_factory=FaceOptions)


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        video: the file.
        frames: at 25 a second.
        frames_without_face: of them.
        lse: LSE-D, LSE-C and offset by SyncNet; None without its weights.
        expert: by Wav2Lip's lip expert; None without its weights.
    """

    video: Path
    frames: int
    frames_without_face: int
    lse: LipSync | None
    expert: ExpertSync | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values: dict[str, Any] = {
            "video": str(self.video),
            "frames": self.frames,
            "frames_without_face": self.frames_without_face,
        }
        if self.lse is not None:
            values["lse_d"] = round(self.lse.distance, 4)
            values["lse_c"] = round(self.lse.confidence, 4)
            values["offset_frames"] = self.lse.offset_frames
            values["offset_s"] = self.lse.offset_frames / FPS
        if self.expert is not None:
            values["expert_agreement"] = round(self.expert.agreement, 4)
            values["expert_loss"] = round(self.expert.loss, 4)
            values["expert_offset_frames"] = self.expert.sync.offset_frames
        return values


def run_measure(job: MeasureJob, runtime: Runtime | None = None) -> Measured:
    """Measure a video.

    Raises:
        TalkingPortraitsError: one of its kinds, with a sentence for the user. Without weights of
            any judge it is a ``WeightsError`` that says how to get them.
    """
    check_file_kind(job.video, ("video",), "measuring lips")
    if job.audio is not None:
        check_file_kind(job.audio, ("sound", "video"), "comparing with")
    runtime = runtime or Runtime(device=find_device(job.device))
    source = open_video(job.video)
    sound = _sound(job, source, runtime)
    store = weight_store(job.models_dir)
    here = [file for file in published.JUDGES if store.find(file) is not None]
    purpose = f"measuring lips ({published.SYNCNET_V2.name} alone will do)"
    files = store.require(here or published.JUDGES, purpose)
    networks = NetworkFiles(files.values(), ARCHITECTURES, runtime)
    watcher = _Watcher(source, job.face, load_face_nets(runtime.device), runtime)
    samples = sound.sample_count(16000)
    lse = expert = None
    if published.SYNCNET_V2.name in files:
        net = networks.network(SYNCNET_V2)
        crops = (syncnet_crop(crop)[None] for crop in watcher.crops())
        lse = measure_lse(net, crops, sound.stream(), samples, runtime)
    if published.LIP_EXPERT.name in files:
        net = networks.network(LIP_EXPERT)
        crops = (expert_crop(crop)[None] for crop in watcher.crops())
        expert = measure_expert(net, crops, sound.stream(), samples, runtime)
    return Measured(job.video, watcher.frames, watcher.lost, lse, expert)


def _sound(job: MeasureJob, source: VideoSource, runtime: Runtime) -> AudioSource:
    if job.audio is not None:
        return open_audio(job.audio, runtime)
    # from the first picture on, so that sound and pictures are counted from the same moment
    return open_audio(job.video, runtime, start_s=source.start_s)


class _Watcher:
    """The face of every frame, a fresh pass for each judge; counts what it sees."""

    def __init__(
        self, source: VideoSource, face: FaceOptions, nets: FaceNets, runtime: Runtime
    ) -> None:
        self._source, self._face, self._nets, self._runtime = source, face, nets, runtime
        self.frames = 0
        self.lost = 0

    def crops(self) -> Iterator[LipCrop]:
        self.frames = self.lost = 0
        total = int(self._source.duration_s * FPS)
        for crop in followed(self._shown(), self._nets, self._face):
            self.frames += 1
            self.lost += not crop.valid
            self._runtime.progress("measure", self.frames, total)
            yield crop

    def _shown(self) -> Iterable[Tensor]:
        return at_25(self._source.frames(self._runtime.chunk), self._source.fps)
